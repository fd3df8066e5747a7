#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/core/device.hpp"

namespace kolosal::kernel {

/// How fast this machine is for this process, by short measurements. Zeros and empty lists: not measured.
struct MachineMeasurements {
  double memory_bytes_per_s = 0;              ///< Read by one thread.
  double memory_bytes_per_s_all_threads = 0;  ///< Read by all.
  struct Access {
    std::size_t bytes = 0;  ///< of the memory that is gone through in random order
    double seconds = 0;     ///< until a number that the next address depends on is there
  };
  std::vector<Access> accesses;  ///< from the smallest: 16 kB to 64 MB
  struct Scaling {
    std::size_t n_threads = 1;
    double speedup = 1;  ///< work of so many threads over that of one in the same time
  };
  std::vector<Scaling> scaling;
  double dot_flops = 0;      ///< Of float64 numbers in the first cache: operations a second of one thread.
  double product_flops = 0;  ///< Of float32 matrices, the same.
  double handover_s = 0;     ///< From a thread's signal until another one that slept runs.

  /// Cache sizes as the accesses show them: the largest memory before each step of half as much time again.
  /// Where a hypervisor or other programs take part of a cache, this is less than what it is said to be.
  std::vector<std::size_t> cache_steps() const;

  nlohmann::json to_json() const;
  /// Empty when it is not the JSON of to_json().
  static std::optional<MachineMeasurements> from_json(const nlohmann::json& json);
};

/// Takes about a second. Best of several runs each, since other work can only slow them down. Context:
/// threads to measure with; stops early, with zeros for what was not done, when it should_stop(). Memory:
/// twice the last cache, from 64 MB to 256 MB.
MachineMeasurements measure_machine(const Hardware& machine, const Context& context,
                                    const Clock& clock = Clock::system());

}  // namespace kolosal::kernel
