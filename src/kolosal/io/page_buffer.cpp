#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "kolosal/core/error.hpp"
#include "kolosal/io/page_buffer_internal.hpp"

namespace kolosal::io {

namespace {

constexpr std::size_t kLargeBytes = 1 << 20;
constexpr std::size_t kLargePagesBytes = 4 << 20;

}  // namespace

PageBuffer::PageBuffer(std::size_t n_bytes, bool all) : n_bytes_(n_bytes) {
  if (n_bytes < kLargeBytes) {
    data_ = new std::byte[n_bytes];
    return;
  }
  void* const address =
      ::mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw Error(ErrorCode::kMemory, "no memory for {} more bytes", n_bytes);
  data_ = static_cast<std::byte*>(address);
  if (all && n_bytes >= kLargePagesBytes) ::madvise(address, n_bytes, MADV_HUGEPAGE);
}

void PageBuffer::reset() noexcept {
  if (n_bytes_ < kLargeBytes)
    delete[] data_;
  else
    ::munmap(data_, n_bytes_);
  data_ = nullptr;
  n_bytes_ = 0;
}

void release_pages(const char* begin, const char* end) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t first = (reinterpret_cast<std::uintptr_t>(begin) + page - 1) / page * page;
  const std::uintptr_t last = reinterpret_cast<std::uintptr_t>(end) / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace kolosal::io
