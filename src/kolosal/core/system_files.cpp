#include "kolosal/core/system_files.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace kolosal {
namespace {

namespace fs = std::filesystem;

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return out;
}

/// A folder of a control group and whether its files are those of version 2.
struct Group {
  fs::path folder;
  bool v2;
};

void add_with_parents(std::vector<Group>& out, const fs::path& mount, std::string_view path, bool v2) {
  // A container often sees the path it has outside, but its own group at the mount: folders that are not
  // there are skipped by the readers, and the mount itself is always looked at.
  for (fs::path at = fs::path(path).relative_path(); !at.empty(); at = at.parent_path())
    out.push_back({mount / at, v2});
  out.push_back({mount, v2});
}

/// The control groups that hold this process for one controller ("memory", "cpu"), innermost first.
std::vector<Group> groups_of(const SystemRoots& roots, std::string_view controller) {
  std::vector<Group> out;
  const fs::path base = roots.sys / "fs/cgroup";
  for (const std::string& line : read_lines(roots.proc / "self/cgroup")) {
    // "0::/path" for version 2; "4:memory:/path" or "2:cpu,cpuacct:/path" for version 1.
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string_view path = std::string_view(line).substr(second + 1);
    if (controllers.empty()) {
      for (const fs::path& mount : {base, base / "unified"}) add_with_parents(out, mount, path, true);
      continue;
    }
    bool ours = false;
    std::istringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) ours = ours || name == controller;
    if (!ours) continue;
    std::error_code error;
    const fs::path joint = base / controllers;
    add_with_parents(out, fs::exists(joint, error) ? joint : base / controller, path, false);
  }
  return out;
}

void keep_smaller(std::optional<CgroupLimit>& best, double value, const fs::path& file) {
  if (value > 0 && (!best || value < best->value)) best = CgroupLimit{value, file.string()};
}

}  // namespace

std::vector<std::string> read_lines(const fs::path& file) {
  std::vector<std::string> out;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string read_first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return std::string(trim(line));
}

std::optional<std::int64_t> read_number(const fs::path& file) { return parse_integer(read_first_line(file)); }

std::vector<std::size_t> parse_index_list(std::string_view text) {
  std::vector<std::size_t> out;
  text = trim(text);
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto dash = part.find('-');
    const auto first = parse_integer(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_integer(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last - *first > 1'000'000) return {};
    for (auto i = *first; i <= *last; ++i) out.push_back(static_cast<std::size_t>(i));
  }
  return out;
}

std::optional<std::size_t> read_kilobyte_line(const fs::path& file, std::string_view name) {
  for (const std::string& line : read_lines(file)) {
    const std::string_view view = line;
    if (!view.starts_with(name) || view.size() <= name.size() || view[name.size()] != ':') continue;
    std::string_view number = trim(view.substr(name.size() + 1));
    if (number.ends_with("kB")) number = trim(number.substr(0, number.size() - 2));
    if (const auto kilobytes = parse_integer(number); kilobytes && *kilobytes >= 0)
      return static_cast<std::size_t>(*kilobytes) * 1024;
  }
  return {};
}

std::optional<CgroupLimit> cgroup_memory_limit(const SystemRoots& roots) {
  constexpr std::int64_t kUnlimited = std::int64_t{1}
                                      << 60;  // version 1 writes a number near 2^63 for "no limit"
  std::optional<CgroupLimit> best;
  for (const Group& group : groups_of(roots, "memory")) {
    const fs::path file = group.folder / (group.v2 ? "memory.max" : "memory.limit_in_bytes");
    if (const auto bytes = read_number(file); bytes && *bytes < kUnlimited)
      keep_smaller(best, static_cast<double>(*bytes), file);
  }
  return best;
}

std::optional<CgroupLimit> cgroup_cpu_quota(const SystemRoots& roots) {
  std::optional<CgroupLimit> best;
  for (const Group& group : groups_of(roots, "cpu")) {
    if (group.v2) {
      const fs::path file = group.folder / "cpu.max";  // "150000 100000" or "max 100000"
      std::istringstream line(read_first_line(file));
      double quota = 0, period = 0;
      if (line >> quota >> period && period > 0) keep_smaller(best, quota / period, file);
    } else {
      const fs::path file = group.folder / "cpu.cfs_quota_us";  // -1: no limit
      const auto quota = read_number(file);
      const auto period = read_number(group.folder / "cpu.cfs_period_us");
      if (quota && period && *period > 0)
        keep_smaller(best, static_cast<double>(*quota) / static_cast<double>(*period), file);
    }
  }
  return best;
}

}  // namespace kolosal
