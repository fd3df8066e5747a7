#include "kolosal/cli/machine_profile.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/cli/text_table.hpp"
#include "kolosal/core/hash.hpp"
#include "kolosal/core/memory.hpp"

namespace kolosal::cli {
namespace {

using nlohmann::json;

/// What the measurements depend on.
json machine_key(const Hardware& machine) {
  const json all = machine.to_json();
  return {{"cpu", all["cpu"]}, {"caches", all["caches"]}};
}

std::filesystem::path profile_path(const std::filesystem::path& folder, const json& key) {
  const std::string text = key.dump();
  return folder / fmt::format("{:016x}.json", hash_bytes(text.data(), text.size()));
}

std::string per_second(double bytes) { return format_bytes(static_cast<std::size_t>(bytes)) + "/s"; }

}  // namespace

std::optional<kernel::MachineMeasurements> stored_measurements(const std::filesystem::path& folder,
                                                               const Hardware& machine) {
  const json key = machine_key(machine);
  std::ifstream file(profile_path(folder, key), std::ios::binary);
  const json stored = json::parse(std::string(std::istreambuf_iterator<char>(file), {}), nullptr, false);
  if (!stored.is_object() || stored.value("machine", json()) != key) return {};
  return kernel::MachineMeasurements::from_json(stored.value("measurements", json()));
}

std::filesystem::path store_measurements(const std::filesystem::path& folder, const Hardware& machine,
                                         const kernel::MachineMeasurements& measurements) {
  const json key = machine_key(machine);
  const std::filesystem::path path = profile_path(folder, key);
  std::error_code ignored;  // writing tells why not
  std::filesystem::create_directories(folder, ignored);
  const std::string text = json{{"machine", key}, {"measurements", measurements.to_json()}}.dump(2) + "\n";
  artifact::write_file_atomically(path, std::as_bytes(std::span(text)));
  return path;
}

std::string measurements_text(const kernel::MachineMeasurements& measured) {
  std::string out = "\nmeasured\n";
  out +=
      fmt::format("  memory read      {} by one thread, {} by all\n", per_second(measured.memory_bytes_per_s),
                  per_second(measured.memory_bytes_per_s_all_threads));
  std::string steps;
  for (const std::size_t bytes : measured.cache_steps())
    steps += fmt::format("{}{} KiB", steps.empty() ? "" : ", ", bytes / 1024);
  out += fmt::format("  caches end at    {}\n", steps.empty() ? "unknown" : steps);
  out += fmt::format(
      "  arithmetic       {:.1f} GFLOP/s of dot products, {:.1f} of float32 matrices, one thread\n",
      1e-9 * measured.dot_flops, 1e-9 * measured.product_flops);
  std::string threads;
  for (const auto& entry : measured.scaling)
    threads += fmt::format("{}{}: {:.2f}", threads.empty() ? "" : ", ", entry.n_threads, entry.speedup);
  out += fmt::format("  threads, speedup {}\n", threads);
  if (measured.handover_s > 0)
    out += fmt::format("  waking a thread  {:.1f} us\n", 1e6 * measured.handover_s);
  TextTable table({"memory", "ns an access"});
  for (const auto& access : measured.accesses)
    table.add({fmt::format("{} KiB", access.bytes / 1024), fmt::format("{:.1f}", 1e9 * access.seconds)});
  return out + table.text();
}

std::string advice_text(const std::string& goal, const kernel::MachineAdvice& advice) {
  std::string out = fmt::format("\nto serve models, goal {}\n", goal);
  out += fmt::format("  threads          {}\n", advice.n_threads);
  out += fmt::format("  batches          {} rows, {:g} ms at most; waiting for others {:g} ms at most\n",
                     advice.max_batch_rows, 1e3 * advice.max_batch_s, 1e3 * advice.max_delay_s);
  out += fmt::format("  memory           {} for batches\n", format_bytes(advice.memory_limit_bytes));
  out += fmt::format("  kernel           {}\n  precision        {}\n", advice.kernel, advice.precision);
  for (const std::string& reason : advice.reasons) out += fmt::format("  because          {}\n", reason);
  return out;
}

}  // namespace kolosal::cli
