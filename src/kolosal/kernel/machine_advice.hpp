#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/device.hpp"
#include "kolosal/kernel/machine_measurements.hpp"

namespace kolosal::kernel {

/// What a program that serves models wants most.
enum class ServingGoal { kLatency, kThroughput, kMemory, kBalanced };
/// "latency", "throughput", "memory", "balanced".
const std::vector<std::string>& serving_goal_names();
/// @throws Error kInvalidParameter with the names there are.
ServingGoal serving_goal(std::string_view name);

/// What to begin with on this machine. The fields of the batcher are those of infer::BatcherOptions.
struct MachineAdvice {
  std::size_t n_threads = 1;  ///< that compute at the same time: max_running
  std::size_t max_batch_rows = 0;
  double max_batch_s = 0;
  double max_delay_s = 0;
  double handover_s = 0;
  std::size_t memory_limit_bytes = 0;
  std::string kernel;     ///< of forests, as KOLOSAL_KERNEL names it: what the goal's batches mostly use
  std::string precision;  ///< of weights and leaves: "float64" (as trained), "float32", "int8"
  std::vector<std::string> reasons;  ///< a sentence for each of the above that is not obvious

  nlohmann::json to_json() const;
};

/// measurements: null when there are none; then it goes by what the machine says of itself. bytes_per_row:
/// what a row takes while it is computed.
MachineAdvice advise(const Hardware& machine, const MachineMeasurements* measurements, ServingGoal goal,
                     std::size_t bytes_per_row = 1024);

}  // namespace kolosal::kernel
