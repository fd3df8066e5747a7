#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/memory.hpp"
#include "kolosal/core/system_files.hpp"

namespace kolosal {

struct NumaNode {
  std::size_t id = 0;
  std::size_t n_cpus = 0;
  std::size_t memory_bytes = 0;
};

/// What this machine really offers to this process, as `kolosal info --hardware` prints it. Threads, batch
/// sizes and limits start from it.
struct Hardware {
  std::string cpu_model;  ///< "" when the system does not tell.
  std::vector<std::string>
      cpu_features;  ///< Usable ones (CPU and operating system): "avx2", "avx512_bf16", "amx_int8".
  std::size_t l1_data_bytes = 0;  ///< Of one core; 0 when unknown, as below.
  std::size_t l2_bytes = 0;
  std::size_t l3_bytes = 0;  ///< Shared by several cores.
  std::size_t cache_line_bytes = 64;

  std::size_t n_logical_cores = 1;   ///< Online CPUs of the machine.
  std::size_t n_physical_cores = 1;  ///< Without hyper-threads.
  std::size_t n_allowed_cores = 1;   ///< CPUs of this process's affinity mask.
  std::optional<double> cpu_quota;   ///< CPUs' worth of time that the control group grants.
  std::string cpu_quota_source;
  std::vector<NumaNode> numa_nodes;  ///< Empty when the system does not tell.

  std::size_t memory_total_bytes = 0;
  std::size_t memory_available_bytes = 0;  ///< Free, or easily made free, now.
  MemoryLimit limit;

  /// Reads the files of the kernel. Missing files leave the defaults above. The CPU features come from the
  /// CPU itself.
  static Hardware detect(const SystemRoots& roots = {});

  bool has_feature(std::string_view name) const;
  /// Threads that can run at the same time: the affinity mask, or the quota rounded up when that is less. At
  /// least 1.
  std::size_t usable_threads() const;
  /// The memory limit of a run that was given none: 80 % of what is available now and of the limit seen.
  std::size_t default_memory_limit_bytes() const;
  /// Rows of a batch that stays in half of one core's second-level cache; a power of two from 64 to 65536.
  std::size_t batch_rows(std::size_t bytes_per_row) const;

  nlohmann::json to_json() const;
};

}  // namespace kolosal
