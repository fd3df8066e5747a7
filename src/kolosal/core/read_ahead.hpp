#pragma once

#include <cstddef>
#include <utility>

#include "kolosal/core/context.hpp"

namespace kolosal {

/// Calls body(item) for each item that read() gives, in their order, until it gives none (an empty optional);
/// while body works on one, the next is read.
///
/// Memory:  two items. Threads: read() and body() run at the same time, each on one thread of the pool and on
/// whatever of it they use themselves; without a pool one after the other.
/// Errors:  the first exception ends it and is rethrown.
template <typename Read, typename Body>
void read_ahead(const Context& context, Read&& read, Body&& body) {
  auto item = read();
  while (item) {
    decltype(item) next;
    context.parallel_blocks(2, 1, [&](std::size_t task, std::size_t) {
      if (task == 0)
        body(*item);
      else
        next = read();
    });
    item = std::move(next);
  }
}

}  // namespace kolosal
