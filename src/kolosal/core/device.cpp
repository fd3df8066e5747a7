#include "kolosal/core/device.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> cpu_features() {
  std::vector<std::string> out;
#if defined(__x86_64__) || defined(__i386__)
  // __builtin_cpu_supports takes literals only. It also asks whether the operating system saves the
  // registers.
  __builtin_cpu_init();
  const auto add = [&](const char* name, bool has) {
    if (has) out.emplace_back(name);
  };
  add("sse4.2", __builtin_cpu_supports("sse4.2"));
  add("avx", __builtin_cpu_supports("avx"));
  add("f16c", __builtin_cpu_supports("f16c"));
  add("fma", __builtin_cpu_supports("fma"));
  add("bmi2", __builtin_cpu_supports("bmi2"));
  add("avx2", __builtin_cpu_supports("avx2"));
  add("avx512f", __builtin_cpu_supports("avx512f"));
  add("avx512bw", __builtin_cpu_supports("avx512bw"));
  add("avx512dq", __builtin_cpu_supports("avx512dq"));
  add("avx512vl", __builtin_cpu_supports("avx512vl"));
  add("avx512_vbmi", __builtin_cpu_supports("avx512vbmi"));
  add("avx512_vnni", __builtin_cpu_supports("avx512vnni"));
  add("avx512_bf16", __builtin_cpu_supports("avx512bf16"));
  add("amx_tile", __builtin_cpu_supports("amx-tile"));
  add("amx_int8", __builtin_cpu_supports("amx-int8"));
  add("amx_bf16", __builtin_cpu_supports("amx-bf16"));
#elif defined(__aarch64__)
  out.emplace_back("neon");  // part of every 64-bit ARM CPU
#endif
  return out;
}

/// The value of the first "name : value" line of /proc/cpuinfo.
std::string cpuinfo_value(const std::vector<std::string>& lines, std::string_view name) {
  for (const std::string& line : lines) {
    if (!line.starts_with(name)) continue;
    const auto colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    if (line.find_first_not_of(" \t", name.size()) != colon) continue;  // a longer name
    return line.substr(std::min(line.size(), colon + 2));
  }
  return {};
}

/// "48K" of a cache's size file.
std::size_t cache_bytes(const std::string& text) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return 0;
  try {
    return parse_bytes(text.back() == 'K' || text.back() == 'M' ? text + "iB" : text);
  } catch (const Error&) {
    return 0;  // a kernel that writes it otherwise: unknown
  }
}

void read_caches(const fs::path& cpu, Hardware& out) {
  for (int i = 0; i < 8; ++i) {
    const fs::path cache = cpu / "cache" / fmt::format("index{}", i);
    const auto level = read_number(cache / "level");
    if (!level || read_first_line(cache / "type") == "Instruction") continue;
    const std::size_t bytes = cache_bytes(read_first_line(cache / "size"));
    if (*level == 1) out.l1_data_bytes = bytes;
    if (*level == 2) out.l2_bytes = bytes;
    if (*level == 3) out.l3_bytes = bytes;
    if (const auto line = read_number(cache / "coherency_line_size"); line && *line > 0)
      out.cache_line_bytes = static_cast<std::size_t>(*line);
  }
}

void read_cores(const SystemRoots& roots, const std::vector<std::string>& cpuinfo, Hardware& out) {
  const fs::path cpus = roots.sys / "devices/system/cpu";
  const auto online = parse_index_list(read_first_line(cpus / "online"));
  const auto n_listed =
      std::ranges::count_if(cpuinfo, [](const auto& line) { return line.starts_with("processor"); });
  out.n_logical_cores =
      std::max<std::size_t>(1, online.empty() ? static_cast<std::size_t>(n_listed) : online.size());

  std::set<std::pair<std::int64_t, std::int64_t>> physical;
  for (const std::size_t i : online) {
    const fs::path topology = cpus / fmt::format("cpu{}", i) / "topology";
    const auto core = read_number(topology / "core_id");
    const auto package = read_number(topology / "physical_package_id");
    if (core && package) physical.emplace(*package, *core);
  }
  out.n_physical_cores = physical.empty() ? out.n_logical_cores : physical.size();

  out.n_allowed_cores = out.n_logical_cores;
  for (const std::string& line : read_lines(roots.proc / "self/status")) {
    constexpr std::string_view kName = "Cpus_allowed_list:";
    if (!line.starts_with(kName)) continue;
    const auto allowed = parse_index_list(std::string_view(line).substr(kName.size()));
    // The mask may hold CPUs that do not exist.
    const auto usable = std::ranges::count_if(
        allowed, [&](std::size_t i) { return online.empty() || std::ranges::binary_search(online, i); });
    if (usable > 0) out.n_allowed_cores = static_cast<std::size_t>(usable);
  }
}

void read_numa_nodes(const fs::path& nodes, Hardware& out) {
  for (const std::size_t id : parse_index_list(read_first_line(nodes / "online"))) {
    const fs::path node = nodes / fmt::format("node{}", id);
    NumaNode entry{id, parse_index_list(read_first_line(node / "cpulist")).size(), 0};
    // "Node 0 MemTotal:       24689764 kB"
    const auto bytes = read_kilobyte_line(node / "meminfo", fmt::format("Node {} MemTotal", id));
    entry.memory_bytes = bytes.value_or(0);
    out.numa_nodes.push_back(entry);
  }
}

}  // namespace

Hardware Hardware::detect(const SystemRoots& roots) {
  Hardware out;
  const auto cpuinfo = read_lines(roots.proc / "cpuinfo");
  out.cpu_model = cpuinfo_value(cpuinfo, "model name");
  out.cpu_features = kolosal::cpu_features();
  read_caches(roots.sys / "devices/system/cpu/cpu0", out);
  read_cores(roots, cpuinfo, out);
  if (const auto quota = cgroup_cpu_quota(roots)) {
    out.cpu_quota = quota->value;
    out.cpu_quota_source = quota->source;
  }
  read_numa_nodes(roots.sys / "devices/system/node", out);
  out.memory_total_bytes = read_kilobyte_line(roots.proc / "meminfo", "MemTotal").value_or(0);
  out.memory_available_bytes = read_kilobyte_line(roots.proc / "meminfo", "MemAvailable").value_or(0);
  out.limit = memory_limit(roots);
  return out;
}

bool Hardware::has_feature(std::string_view name) const {
  return std::ranges::find(cpu_features, name) != cpu_features.end();
}

std::size_t Hardware::usable_threads() const {
  std::size_t out = n_allowed_cores;
  if (cpu_quota) out = std::min(out, static_cast<std::size_t>(std::ceil(*cpu_quota)));
  return std::max<std::size_t>(1, out);
}

std::size_t Hardware::default_memory_limit_bytes() const {
  std::size_t bytes = limit.bytes;
  if (memory_available_bytes > 0) bytes = std::min(bytes, memory_available_bytes);
  return bytes / 5 * 4;
}

std::size_t Hardware::batch_rows(std::size_t bytes_per_row) const {
  const std::size_t cache = l2_bytes > 0 ? l2_bytes : 512 * 1024;
  const std::size_t rows = cache / 2 / std::max<std::size_t>(1, bytes_per_row);
  return std::bit_floor(std::clamp<std::size_t>(rows, 64, 65536));
}

nlohmann::json Hardware::to_json() const {
  auto nodes = nlohmann::json::array();
  for (const NumaNode& node : numa_nodes)
    nodes.push_back({{"id", node.id}, {"n_cpus", node.n_cpus}, {"memory_bytes", node.memory_bytes}});
  nlohmann::json cpu = {
      {"model", cpu_model},
      {"features", cpu_features},
      {"n_logical_cores", n_logical_cores},
      {"n_physical_cores", n_physical_cores},
      {"n_allowed_cores", n_allowed_cores},
      {"quota", cpu_quota ? nlohmann::json(*cpu_quota) : nlohmann::json()},
      {"quota_source", cpu_quota_source},
      {"usable_threads", usable_threads()},
  };
  return {
      {"cpu", std::move(cpu)},
      {"caches",
       {{"l1_data_bytes", l1_data_bytes},
        {"l2_bytes", l2_bytes},
        {"l3_bytes", l3_bytes},
        {"line_bytes", cache_line_bytes}}},
      {"numa_nodes", std::move(nodes)},
      {"memory",
       {{"total_bytes", memory_total_bytes},
        {"available_bytes", memory_available_bytes},
        {"limit_bytes", limit.bytes},
        {"limit_source", limit.source},
        {"default_limit_bytes", default_memory_limit_bytes()}}},
  };
}

}  // namespace kolosal
