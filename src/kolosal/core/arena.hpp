#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <span>
#include <type_traits>
#include <vector>

namespace kolosal {

struct ArenaCounters {
  std::uint64_t n_taken = 0;       ///< Pieces, since the arena was made.
  std::size_t used_bytes = 0;      ///< Since the last reset(), with the gaps of alignment.
  std::size_t peak_bytes = 0;      ///< The most that was used between two resets.
  std::size_t reserved_bytes = 0;  ///< Held from the system.
  std::size_t n_blocks = 0;
};

/// Memory for many small things that end together: taking a piece moves a pointer, and reset() gives all back
/// at once. Blocks are kept for the next round, as one.
///
///   Arena arena;
///   std::pmr::vector<int> numbers(&arena);
///   std::span<double> sums = arena.array<double>(n);
///   arena.reset();  // after the last use of both
///
/// Destructors are not run. Threads: one at a time.
class Arena final : public std::pmr::memory_resource {
 public:
  /// No memory is held before the first piece. Blocks grow twofold up to 8 MB, or as a large piece needs.
  explicit Arena(std::size_t first_block_bytes = 16 << 10) : next_block_bytes_(first_block_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* take(std::size_t n_bytes, std::size_t alignment = alignof(std::max_align_t)) {
    ++n_taken_;
    const auto at = (cursor_ + alignment - 1) & ~(alignment - 1);
    if (at >= cursor_ && at <= end_ && n_bytes <= end_ - at) {
      cursor_ = at + n_bytes;
      return reinterpret_cast<void*>(at);
    }
    return take_from_new_block(n_bytes, alignment);
  }

  /// n zeros (or default values) of a type that needs no destructor.
  template <typename T>
    requires std::is_trivially_destructible_v<T>
  std::span<T> array(std::size_t n) {
    if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    T* const first = static_cast<T*>(take(n * sizeof(T), alignof(T)));
    std::uninitialized_value_construct_n(first, n);
    return {first, n};
  }

  /// All pieces end. What follows fits in one block if it is not more than what was used before.
  void reset() noexcept;

  ArenaCounters counters() const;

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t n_bytes = 0;
  };

  void* take_from_new_block(std::size_t n_bytes, std::size_t alignment);
  void* do_allocate(std::size_t n_bytes, std::size_t alignment) override { return take(n_bytes, alignment); }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  std::size_t used_bytes() const;

  std::uintptr_t cursor_ = 0;  // in the last block
  std::uintptr_t end_ = 0;
  std::vector<Block> blocks_;
  std::size_t full_bytes_ = 0;  // used in the blocks before the last
  std::size_t next_block_bytes_;
  std::size_t peak_bytes_ = 0;
  std::uint64_t n_taken_ = 0;
};

struct BufferPoolCounters {
  std::uint64_t n_taken = 0;
  std::uint64_t n_reused = 0;  ///< Of these, how many had been used before.
  std::size_t used_bytes = 0;  ///< In the hands of callers.
  std::size_t idle_bytes = 0;  ///< Kept for the next.
  std::size_t peak_used_bytes = 0;
};

/// Large buffers that are used again. The system takes a large piece back at once and gives fresh pages for
/// the next, each of which costs a page fault when it is first touched; a buffer from here is warm.
///
/// Threads: all members may be called from many threads. The pool outlives its buffers.
class BufferPool {
 public:
  /// Gives its bytes back to the pool at the end of its life.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
      Buffer(std::move(other)).swap(*this);
      return *this;
    }
    ~Buffer() {
      if (pool_) pool_->give_back(data_, size_class_);
    }

    std::byte* data() const { return data_; }
    std::size_t size() const { return n_bytes_; }
    std::span<std::byte> bytes() const { return {data_, n_bytes_}; }

   private:
    friend class BufferPool;
    void swap(Buffer& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(data_, other.data_);
      std::swap(n_bytes_, other.n_bytes_);
      std::swap(size_class_, other.size_class_);
    }
    BufferPool* pool_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t n_bytes_ = 0;
    std::size_t size_class_ = 0;
  };

  /// Buffers that come back are kept up to so many bytes.
  explicit BufferPool(std::size_t max_idle_bytes) : max_idle_bytes_(max_idle_bytes) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Aligned to 64 bytes; what it holds is unspecified.
  Buffer take(std::size_t n_bytes);
  /// Gives what is idle back to the system.
  void trim() noexcept;
  BufferPoolCounters counters() const;

 private:
  void give_back(std::byte* data, std::size_t size_class) noexcept;

  std::size_t max_idle_bytes_;
  mutable std::mutex mutex_;
  std::array<std::vector<std::byte*>, 256> idle_;  // by size class
  BufferPoolCounters counters_;
};

}  // namespace kolosal
