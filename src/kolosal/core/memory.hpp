#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "kolosal/core/system_files.hpp"

namespace kolosal {

/// What this process holds in memory; 0 where the system does not tell.
struct MemoryUse {
  std::size_t resident_bytes = 0;
  std::size_t peak_resident_bytes = 0;
};
MemoryUse memory_use(const SystemRoots& roots = {});

/// Bytes that this process has allocated and not given back, over all threads; 0 where the allocator does not
/// tell (builds with a sanitizer).
std::size_t heap_bytes();

/// The most memory this process may take and who says so.
struct MemoryLimit {
  std::size_t bytes = std::numeric_limits<std::size_t>::max();
  std::string
      source;  ///< "/sys/fs/cgroup/memory.max", "address space limit (ulimit -v)" or "memory of the machine".
};
/// The smallest of the control group's limit, the address space limit and the machine's memory.
MemoryLimit memory_limit(const SystemRoots& roots = {});

/// Gives memory that was freed back to the system, where the allocator would keep it.
void give_back_free_memory();

/// "4GB", "512 MB", "1.5GiB", "64k", or a plain number of bytes. KB, MB, GB, TB (and K, M, G, T) are powers
/// of 1000; KiB, MiB, GiB, TiB powers of 1024; case does not matter.
/// @throws Error kInvalidParameter giving the text and what is expected.
std::size_t parse_bytes(std::string_view text);

/// Rounded for people: 999 -> "999 B", 4e9 -> "4.00 GB", 123456789 -> "123 MB".
std::string format_bytes(std::size_t bytes);

/// A limit that a step's estimate is held against before the step starts.
class MemoryBudget {
 public:
  MemoryBudget() = default;
  explicit MemoryBudget(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  std::size_t limit_bytes() const { return limit_bytes_; }
  bool fits(std::size_t estimated_bytes) const { return estimated_bytes <= limit_bytes_; }
  /// @throws Error kMemory naming the step, both numbers and what to do.
  void check(std::size_t estimated_bytes, std::string_view what) const;

 private:
  std::size_t limit_bytes_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace kolosal
