#pragma once

#include <atomic>
#include <cstddef>

namespace kolosal {

/// A small number of the calling thread, given in the order in which threads first ask. Taken modulo a power
/// of two it spreads threads over parts of a structure, so that they seldom write to the same cache line.
inline std::size_t thread_slot() noexcept {
  static std::atomic<std::size_t> n_threads{0};
  thread_local const std::size_t slot = n_threads.fetch_add(1, std::memory_order_relaxed);
  return slot;
}

}  // namespace kolosal
