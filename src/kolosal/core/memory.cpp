#include "kolosal/core/memory.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "kolosal/core/error.hpp"

namespace kolosal {
namespace {

struct Unit {
  std::string_view name;
  double bytes;
};

constexpr std::array kUnits = {
    Unit{"", 1},         Unit{"b", 1},    Unit{"k", 1e3},      Unit{"kb", 1e3},     Unit{"kib", 0x1p10},
    Unit{"m", 1e6},      Unit{"mb", 1e6}, Unit{"mib", 0x1p20}, Unit{"g", 1e9},      Unit{"gb", 1e9},
    Unit{"gib", 0x1p30}, Unit{"t", 1e12}, Unit{"tb", 1e12},    Unit{"tib", 0x1p40},
};

std::optional<double> unit_bytes(std::string_view text) {
  std::string name;
  for (const char c : text)
    if (c != ' ') name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const Unit& unit : kUnits)
    if (unit.name == name) return unit.bytes;
  return {};
}

/// "Max address space      1048576      unlimited    bytes"
std::optional<std::size_t> address_space_limit(const SystemRoots& roots) {
  constexpr std::string_view kName = "Max address space";
  for (const std::string& line : read_lines(roots.proc / "self/limits")) {
    if (!line.starts_with(kName)) continue;
    const auto begin = line.find_first_not_of(' ', kName.size());
    if (begin == std::string::npos) return {};
    std::size_t bytes = 0;
    const auto [end, error] = std::from_chars(line.data() + begin, line.data() + line.size(), bytes);
    if (error == std::errc{}) return bytes;
  }
  return {};
}

}  // namespace

void give_back_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

MemoryUse memory_use(const SystemRoots& roots) {
  const auto status = roots.proc / "self/status";
  return {read_kilobyte_line(status, "VmRSS").value_or(0), read_kilobyte_line(status, "VmHWM").value_or(0)};
}

std::size_t heap_bytes() {
#ifdef __GLIBC__
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

MemoryLimit memory_limit(const SystemRoots& roots) {
  MemoryLimit out;
  const auto keep_smaller = [&](std::size_t bytes, std::string source) {
    if (bytes < out.bytes) out = {bytes, std::move(source)};
  };
  if (const auto total = read_kilobyte_line(roots.proc / "meminfo", "MemTotal"))
    keep_smaller(*total, "memory of the machine");
  if (const auto group = cgroup_memory_limit(roots))
    keep_smaller(static_cast<std::size_t>(group->value), group->source);
  if (const auto space = address_space_limit(roots)) keep_smaller(*space, "address space limit (ulimit -v)");
  return out;
}

std::size_t parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = error == std::errc{} ? unit_bytes({end, text.data() + text.size()}) : std::nullopt;
  const double bytes = number * unit.value_or(0);
  if (!unit || !(number >= 0) || !(bytes < 0x1p62))
    throw Error(ErrorCode::kInvalidParameter,
                "an amount of memory is a number and a unit, such as 512MB, 4GB or 1.5GiB, not \"{}\"", text);
  return static_cast<std::size_t>(bytes);
}

std::string format_bytes(std::size_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  const char* unit = "";
  for (const char* next : {"kB", "MB", "GB", "TB", "PB", "EB"}) {
    value /= 1000;
    unit = next;
    if (value < 999.5) break;
  }
  return fmt::format("{:.{}f} {}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0, unit);
}

void MemoryBudget::check(std::size_t estimated_bytes, std::string_view what) const {
  if (fits(estimated_bytes)) return;
  throw Error(ErrorCode::kMemory,
              "{} needs about {}, more than the memory limit of {}; raise --memory-limit, or use fewer rows "
              "or columns",
              what, format_bytes(estimated_bytes), format_bytes(limit_bytes_));
}

}  // namespace kolosal
