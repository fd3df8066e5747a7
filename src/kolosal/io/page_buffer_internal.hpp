#pragma once

#include <cstddef>
#include <utility>

namespace kolosal::io {

/// Uninitialized memory. A large buffer comes straight from the system: it is resident only where it was
/// touched, and goes back at once.
class PageBuffer {
 public:
  PageBuffer() = default;
  /// `all` tells that all of it will be used, so that large pages waste nothing: filling fresh memory is
  /// mostly getting its pages. @throws Error kMemory.
  explicit PageBuffer(std::size_t n_bytes, bool all = true);
  ~PageBuffer() { reset(); }
  PageBuffer(PageBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), n_bytes_(std::exchange(other.n_bytes_, 0)) {}
  PageBuffer& operator=(PageBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(n_bytes_, other.n_bytes_);
    return *this;
  }

  std::byte* data() const { return data_; }
  void reset() noexcept;

 private:
  std::byte* data_ = nullptr;
  std::size_t n_bytes_ = 0;
};

/// Tells the system that the bytes [begin, end) of a mapped file are not needed for now. They no longer count
/// as memory of this process, and come back when they are read.
void release_pages(const char* begin, const char* end);

}  // namespace kolosal::io
