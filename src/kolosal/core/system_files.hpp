#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal {

/// Where the kernel shows the machine. Tests give a folder with files of their own.
struct SystemRoots {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
};

/// The lines of a file of the kernel; none when it can not be read, which is ordinary (other kernel,
/// container).
std::vector<std::string> read_lines(const std::filesystem::path& file);
/// The first line without blanks at its ends; "" when it can not be read.
std::string read_first_line(const std::filesystem::path& file);
/// A whole decimal number, and nothing else. "max" is empty.
std::optional<std::int64_t> read_number(const std::filesystem::path& file);
/// The numbers of a list as the kernel writes it: "0-3,8" is 0 1 2 3 8.
std::vector<std::size_t> parse_index_list(std::string_view text);
/// The bytes of a line such as "VmRSS:   1234 kB" of a file of such lines.
std::optional<std::size_t> read_kilobyte_line(const std::filesystem::path& file, std::string_view name);

/// A limit set on this process's control group or on one above it: the smallest of them.
struct CgroupLimit {
  double value = 0;    ///< Bytes, or CPUs (1.5 = one and a half).
  std::string source;  ///< The file that says so.
};

/// memory.max of cgroup v2, or memory.limit_in_bytes of v1, in bytes.
std::optional<CgroupLimit> cgroup_memory_limit(const SystemRoots& roots = {});
/// cpu.max of cgroup v2, or cpu.cfs_quota_us / cpu.cfs_period_us of v1, in CPUs.
std::optional<CgroupLimit> cgroup_cpu_quota(const SystemRoots& roots = {});

}  // namespace kolosal
