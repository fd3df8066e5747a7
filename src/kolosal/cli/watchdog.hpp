#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

namespace kolosal::cli {

/// The last resort that keeps a time budget. When the budget has passed, the run has not come back, and a
/// model file is in place, that model is the result: `report` is called on the watchdog's thread and the
/// process ends.
///
/// Either the run or the watchdog ends the process, never both: the run calls claim() before it reports
/// anything.
class Watchdog {
 public:
  /// budget_s: of the process's clock; infinity never fires. report: prints the result.
  Watchdog(double budget_s, std::filesystem::path model, std::function<void()> report);
  ~Watchdog();

  /// A model file of this run is in place.
  void has_model();
  /// The caller ends the process now. Does not return when the watchdog is already at it.
  void claim();

 private:
  void watch(double fire_at_s);

  std::filesystem::path model_;
  std::function<void()> report_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_model_ = false;
  bool is_claimed_ = false;
  bool is_fired_ = false;
  std::thread thread_;
};

}  // namespace kolosal::cli
