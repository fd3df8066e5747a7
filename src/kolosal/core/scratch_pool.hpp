#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "kolosal/core/arena.hpp"

namespace kolosal {

struct ScratchPoolOptions {
  std::size_t max_idle_bytes = std::size_t{64} << 20;  ///< Kept for the next, behind the fronts.
  /// Kept in each front. Buffers of more than 1 MB are never kept there.
  std::size_t max_front_bytes = std::size_t{1} << 20;
};

struct ScratchPoolCounters {
  std::uint64_t n_taken = 0;
  std::uint64_t n_from_front = 0;  ///< Of these: from the front of the thread.
  std::uint64_t n_from_pool = 0;   ///< From what all threads share.
  std::uint64_t n_allocated = 0;   ///< From the system: none once a steady load is warm.
  std::size_t used_bytes = 0;      ///< In the hands of callers.
  std::size_t front_bytes = 0;     ///< Idle in fronts.
  std::size_t pool_bytes = 0;      ///< Idle behind them.
};

/// Buffers for the scratch space of requests: a BufferPool with a front for each thread, so that a thread
/// that takes and gives back again meets no other thread. (Where there are more than 32 threads, some share a
/// front.)
///
///   const ScratchPool::Buffer buffer = pool.take(n_rows * sizeof(double));
///   const std::span<double> sums = buffer.array<double>(n_rows);
///
/// Sizes:   as those of BufferPool, four to each power of two; aligned to 64 bytes; contents are unspecified.
/// Threads: all members may be called from many threads; a buffer may be given back by another thread than
/// took
///          it. The pool outlives its buffers.
/// Errors:  std::bad_alloc.
/// Cost:    some 20 ns when the front has such a buffer.
class ScratchPool {
 public:
  /// Gives its bytes back at the end of its life.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)),
          buffer_(std::move(other.buffer_)),
          front_class_(other.front_class_) {}
    Buffer& operator=(Buffer&& other) noexcept {
      if (this != &other) {
        give_back();
        pool_ = std::exchange(other.pool_, nullptr);
        buffer_ = std::move(other.buffer_);
        front_class_ = other.front_class_;
      }
      return *this;
    }
    ~Buffer() { give_back(); }

    std::byte* data() const { return buffer_.data(); }
    /// At least what was asked for.
    std::size_t size() const { return buffer_.size(); }
    /// The first n of a type that needs no destructor; n of them fit.
    template <typename T>
      requires std::is_trivially_destructible_v<T>
    std::span<T> array(std::size_t n) const {
      return {reinterpret_cast<T*>(data()), n};
    }

   private:
    friend class ScratchPool;
    Buffer(ScratchPool* pool, BufferPool::Buffer buffer, std::size_t front_class)
        : pool_(pool), buffer_(std::move(buffer)), front_class_(front_class) {}
    void give_back() noexcept {
      if (pool_) std::exchange(pool_, nullptr)->give_back(std::move(buffer_), front_class_);
    }
    ScratchPool* pool_ = nullptr;
    BufferPool::Buffer buffer_;
    std::size_t front_class_ = 0;
  };

  explicit ScratchPool(ScratchPoolOptions options = {});
  ~ScratchPool();
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;

  Buffer take(std::size_t n_bytes);
  /// Gives what is idle back to the system.
  void trim() noexcept;
  /// Of a pool in use, sums of what was counted at slightly different moments.
  ScratchPoolCounters counters() const;

 private:
  struct Front;
  void give_back(BufferPool::Buffer buffer, std::size_t front_class) noexcept;
  Front& front() const;

  ScratchPoolOptions options_;
  BufferPool pool_;
  std::unique_ptr<Front[]> fronts_;
};

}  // namespace kolosal
