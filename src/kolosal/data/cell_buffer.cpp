#include "kolosal/data/cell_buffer.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace kolosal::data::detail {

std::shared_ptr<void> allocate_cells(std::size_t n_bytes) {
  constexpr std::size_t kCacheLine = 64, kHugePage = std::size_t{1} << 21;
  const bool huge = n_bytes >= 2 * kHugePage;
  const std::size_t alignment = huge ? kHugePage : kCacheLine;
  // aligned_alloc() wants a multiple of the alignment; one byte at least, so that the pointer is not null.
  const std::size_t rounded = (std::max<std::size_t>(n_bytes, 1) + kCacheLine - 1) / kCacheLine * kCacheLine;
  void* out = nullptr;
  if (posix_memalign(&out, alignment, rounded) != 0) throw std::bad_alloc();
  if (huge) madvise(out, rounded, MADV_HUGEPAGE);  // a wish: refused, the pages are small
  return {out, std::free};
}

}  // namespace kolosal::data::detail
