#include <cstring>

#include "kolosal/core/error.hpp"
#include "kolosal/io/window_reader_internal.hpp"

namespace kolosal::io {

WindowReader::WindowReader(const std::filesystem::path& path, const std::string& encoding,
                           std::size_t memory_limit_bytes)
    : source_(open_source(path, encoding)),
      path_(shown_path(path)),
      memory_limit_bytes_(memory_limit_bytes) {}

void WindowReader::fill(std::size_t n_bytes) {
  if (ended_ || size() >= n_bytes) return;
  if (n_bytes > memory_limit_bytes_)
    throw Error(ErrorCode::kMemory,
                "{}: one row is larger than the memory limit of {}; is the end of a quote missing?", path_,
                shown_bytes(memory_limit_bytes_));
  const std::size_t kept = size();
  if (capacity_ < n_bytes) {
    auto larger = std::make_unique_for_overwrite<char[]>(n_bytes);
    if (kept > 0) std::memcpy(larger.get(), begin(), kept);
    buffer_ = std::move(larger);
    capacity_ = n_bytes;
  } else {
    std::memmove(buffer_.get(), begin(), kept);
  }
  begin_ = 0;
  end_ = kept + source_.bytes->read(buffer_.get() + kept, n_bytes - kept);
  ended_ = end_ < n_bytes;
}

}  // namespace kolosal::io
