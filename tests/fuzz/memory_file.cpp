#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "fuzz_target.hpp"

namespace kolosal {

MemoryFile::MemoryFile(std::string_view content) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  if (fd_ < 0) std::abort();
  while (!content.empty()) {
    const ssize_t n = ::write(fd_, content.data(), content.size());
    if (n <= 0) std::abort();
    content.remove_prefix(static_cast<std::size_t>(n));
  }
}

MemoryFile::~MemoryFile() { ::close(fd_); }

std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(fd_); }

}  // namespace kolosal
