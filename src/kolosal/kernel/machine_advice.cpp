#include "kolosal/kernel/machine_advice.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"
#include "kolosal/kernel/forest_rows.hpp"

namespace kolosal::kernel {
namespace {

/// A further thread that brings less than this share of a thread is not worth its memory and its caches.
constexpr double kWorthOfThread = 0.3;
/// Without a measurement: what condition variables take on servers of today.
constexpr double kUsualHandover = 5e-6;

/// The most threads up to which each further one pays.
std::size_t threads_that_pay(const MachineMeasurements& measured) {
  std::size_t out = 1;
  for (std::size_t i = 1; i < measured.scaling.size(); ++i) {
    const auto &before = measured.scaling[i - 1], &now = measured.scaling[i];
    const double of_each = (now.speedup - before.speedup) /
                           static_cast<double>(std::max<std::size_t>(now.n_threads - before.n_threads, 1));
    if (of_each < kWorthOfThread) break;
    out = now.n_threads;
  }
  return out;
}

std::size_t choose_threads(const Hardware& machine, const MachineMeasurements* measured, MachineAdvice& out) {
  const std::size_t usable = machine.usable_threads();
  if (measured && !measured->scaling.empty()) {
    const std::size_t n = std::min(usable, threads_that_pay(*measured));
    if (n < usable)
      out.reasons.push_back(
          fmt::format("{} of {} threads: further ones added less than {:.0f} % of a thread each", n, usable,
                      100 * kWorthOfThread));
    return n;
  }
  const std::size_t n = std::min(usable, machine.n_physical_cores);
  if (n < usable) out.reasons.push_back(fmt::format("{} threads: one for each physical core", n));
  return std::max<std::size_t>(n, 1);
}

/// The last cache that a core has for itself: as it is measured, where the machine's word may not hold.
std::size_t own_cache_bytes(const Hardware& machine, const MachineMeasurements* measured) {
  std::size_t out = machine.l2_bytes > 0 ? machine.l2_bytes : 512 * 1024;
  if (!measured) return out;
  const auto steps = measured->cache_steps();
  for (const std::size_t bytes : steps)
    if (bytes >= 128 * 1024 && bytes < out) return bytes;
  return out;
}

}  // namespace

const std::vector<std::string>& serving_goal_names() {
  static const std::vector<std::string> names = {"latency", "throughput", "memory", "balanced"};
  return names;
}

ServingGoal serving_goal(std::string_view name) {
  const auto& names = serving_goal_names();
  const auto at = std::ranges::find(names, name);
  if (at == names.end())
    throw Error(ErrorCode::kInvalidParameter, "there is no goal \"{}\"; there are {}", name,
                fmt::join(names, ", "));
  return static_cast<ServingGoal>(at - names.begin());
}

MachineAdvice advise(const Hardware& machine, const MachineMeasurements* measurements, ServingGoal goal,
                     std::size_t bytes_per_row) {
  MachineAdvice out;
  out.n_threads = choose_threads(machine, measurements, out);
  out.handover_s = measurements && measurements->handover_s > 0 ? measurements->handover_s : kUsualHandover;
  const std::size_t in_cache =
      own_cache_bytes(machine, measurements) / 2 / std::max<std::size_t>(bytes_per_row, 1);
  const std::size_t cache_rows =
      std::clamp<std::size_t>(in_cache / kBlockRows * kBlockRows, kBlockRows, 65'536);
  out.memory_limit_bytes = machine.default_memory_limit_bytes() / 4;
  const bool has_int8 = machine.has_feature("avx512_vnni") || machine.has_feature("amx_int8");
  out.kernel = "blocks";
  out.precision = "float64";
  switch (goal) {
    case ServingGoal::kLatency:
      out.max_batch_rows = kBlockRows;
      out.max_batch_s = 1e-3;
      out.kernel = "lanes";
      out.reasons.emplace_back("small batches: an urgent call waits for at most one of them");
      break;
    case ServingGoal::kThroughput:
      out.max_batch_rows = std::max<std::size_t>(4 * cache_rows, 4'096);
      out.max_batch_s = 20e-3;
      out.max_delay_s = 2e-3;
      out.precision = has_int8 ? "int8" : "float32";
      out.reasons.emplace_back(has_int8
                                   ? "int8: this CPU multiplies bytes (VNNI)"
                                   : "float32: twice the numbers in a vector; no byte products on this CPU");
      break;
    case ServingGoal::kMemory:
      out.n_threads = 1;
      out.max_batch_rows = kBlockRows;
      out.max_batch_s = 5e-3;
      out.memory_limit_bytes = std::min<std::size_t>(out.memory_limit_bytes / 4, 64 << 20);
      out.precision = "int8";
      out.reasons = {"one thread: each has scratch space of its own",
                     "int8: weights and leaves in a quarter of float32"};
      break;
    case ServingGoal::kBalanced:
      out.max_batch_rows = std::min<std::size_t>(cache_rows, 4'096);
      out.max_batch_s = 5e-3;
      out.reasons.push_back(fmt::format("{} rows of {} bytes stay in half of a core's cache",
                                        out.max_batch_rows, bytes_per_row));
      break;
  }
  if (!measurements) out.reasons.emplace_back("by what the machine says of itself; --measure finds out more");
  return out;
}

nlohmann::json MachineAdvice::to_json() const {
  return {{"threads", n_threads},
          {"max_batch_rows", max_batch_rows},
          {"max_batch_ms", 1e3 * max_batch_s},
          {"max_delay_ms", 1e3 * max_delay_s},
          {"handover_us", 1e6 * handover_s},
          {"memory_limit_bytes", memory_limit_bytes},
          {"kernel", kernel},
          {"precision", precision},
          {"reasons", reasons}};
}

}  // namespace kolosal::kernel
