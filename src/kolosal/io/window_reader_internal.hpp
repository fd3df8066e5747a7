#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "kolosal/io/byte_source_internal.hpp"

namespace kolosal::io {

/// A view of some megabytes that moves forward through an input.
class WindowReader {
 public:
  WindowReader(const std::filesystem::path& path, const std::string& encoding,
               std::size_t memory_limit_bytes);

  const OpenedSource& source() const { return source_; }
  /// Fills the window up to `n_bytes`, keeping what was not consumed.
  void fill(std::size_t n_bytes);
  /// Drops the first bytes of the window.
  void consume(std::size_t n_bytes) {
    begin_ += n_bytes;
    offset_ += n_bytes;
  }

  const char* begin() const { return buffer_.get() + begin_; }
  const char* end() const { return buffer_.get() + end_; }
  std::size_t size() const { return end_ - begin_; }
  bool is_last() const { return ended_; }
  std::size_t offset() const { return offset_; }  ///< Of begin() in the input.

 private:
  OpenedSource source_;
  std::string path_;
  std::size_t memory_limit_bytes_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t offset_ = 0;
  bool ended_ = false;
};

}  // namespace kolosal::io
