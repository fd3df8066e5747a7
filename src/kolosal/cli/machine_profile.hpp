#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "kolosal/core/device.hpp"
#include "kolosal/kernel/machine_advice.hpp"
#include "kolosal/kernel/machine_measurements.hpp"

namespace kolosal::cli {

/// The measurements of this machine that were stored in a folder. Empty when there are none, or when the
/// machine is another one by now: its CPU, caches, cores, quota or affinity differ.
std::optional<kernel::MachineMeasurements> stored_measurements(const std::filesystem::path& folder,
                                                               const Hardware& machine);
/// Stores them, one file for each machine, and returns its path. @throws Error kIo.
std::filesystem::path store_measurements(const std::filesystem::path& folder, const Hardware& machine,
                                         const kernel::MachineMeasurements& measurements);

/// What `kolosal info --hardware` says beside the machine.
std::string measurements_text(const kernel::MachineMeasurements& measurements);
std::string advice_text(const std::string& goal, const kernel::MachineAdvice& advice);

}  // namespace kolosal::cli
