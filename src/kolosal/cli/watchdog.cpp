#include "kolosal/cli/watchdog.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <system_error>
#include <thread>

#include "kolosal/cli/output.hpp"
#include "kolosal/core/context.hpp"

namespace kolosal::cli {
namespace {

/// What a budget may be overdrawn by, at most: 2 % or 0.3 s. The watchdog fires at half of it.
double allowance_s(double budget_s) { return std::max(0.3, 0.02 * budget_s); }

/// Removes what a write that is now cut off leaves beside the model.
void remove_temporary_files(const std::filesystem::path& model) {
  const std::string prefix = fmt::format(".{}.{}-", model.filename().string(), getpid());
  const auto folder = model.has_parent_path() ? model.parent_path() : std::filesystem::path(".");
  std::error_code ignored;  // the process ends; a file that stays is named .tmp
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.path().filename().string().starts_with(prefix)) std::filesystem::remove(entry.path(), ignored);
}

}  // namespace

Watchdog::Watchdog(double budget_s, std::filesystem::path model, std::function<void()> report)
    : model_(std::move(model)), report_(std::move(report)) {
  if (std::isfinite(budget_s))
    thread_ = std::thread([this, at = budget_s + 0.5 * allowance_s(budget_s)] { watch(at); });
}

Watchdog::~Watchdog() {
  claim();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::has_model() {
  const std::lock_guard lock(mutex_);
  has_model_ = true;
  changed_.notify_all();
}

void Watchdog::claim() {
  {
    const std::lock_guard lock(mutex_);
    if (!is_fired_) {
      is_claimed_ = true;
      changed_.notify_all();
      return;
    }
  }
  for (;;) pause();  // the watchdog is ending the process
}

void Watchdog::watch(double fire_at_s) {
  {
    std::unique_lock lock(mutex_);
    const auto left = [&] {
      return std::chrono::duration<double>(std::max(0.0, fire_at_s - Clock::system().now_s()));
    };
    changed_.wait_for(lock, left(), [this] { return is_claimed_; });
    changed_.wait(lock, [this] { return is_claimed_ || has_model_; });
    if (is_claimed_) return;
    is_fired_ = true;
  }
  int code = 0;
  try {
    report_();
  } catch (const std::exception& error) {
    talk(fmt::format("error: {}", error.what()));
    code = 1;
  }
  remove_temporary_files(model_);
  leave(code);
}

}  // namespace kolosal::cli
