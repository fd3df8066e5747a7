#include "kolosal/infer/serving/batch_curve.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace kolosal::infer {
namespace {

constexpr std::size_t kFirstLimit = 64;
/// What an old measurement loses of its weight with each new one: a machine that became slower is noticed
/// after some dozen batches.
constexpr double kAging = 1.02;
constexpr double kWorthIt = 1.1;
/// After so many batches of a size the one above is forgotten and so tried again: its only measurement may be
/// of a moment when kernels were chosen or the machine was busy.
constexpr std::uint32_t kForget = 256;
/// A row alone is not interrupted either: a batch may take this much longer than one, whatever the limit.
/// Where a batch costs little more than a row, a limit below both would keep rows apart.
constexpr double kTimesAlone = 4;

}  // namespace

std::size_t BatchCurve::size_of(std::size_t n_rows) noexcept {
  return std::min(static_cast<std::size_t>(std::bit_width(std::max<std::size_t>(n_rows, 1))) - 1, kSizes - 1);
}

void BatchCurve::note(std::size_t n_rows, double seconds) noexcept {
  if (n_rows == 0 || !(seconds > 0)) return;
  const std::size_t size = size_of(n_rows);
  auto& figure = seconds_[size];
  const double old = figure.load(std::memory_order_relaxed);
  const double now = seconds / static_cast<double>(n_rows);
  figure.store(old == 0 ? now : std::min(now, old * kAging), std::memory_order_relaxed);
  if (size > 0 && size + 1 < kSizes &&
      (n_notes_[size].fetch_add(1, std::memory_order_relaxed) + 1) % kForget == 0)
    seconds_[size + 1].store(0, std::memory_order_relaxed);
}

double BatchCurve::seconds_per_row(std::size_t n_rows) const noexcept {
  return seconds_[size_of(n_rows)].load(std::memory_order_relaxed);
}

std::size_t BatchCurve::best_rows(std::size_t max_rows, double max_seconds) const noexcept {
  double cheapest = 0;
  for (const auto& figure : seconds_) {
    const double seconds = figure.load(std::memory_order_relaxed);
    if (seconds > 0 && (cheapest == 0 || seconds < cheapest)) cheapest = seconds;
  }
  if (cheapest == 0) return std::min(max_rows, kFirstLimit);
  std::size_t rows = 1;
  double cost = cheapest;
  bool is_largest = false;
  for (std::size_t size = 0; size < kSizes; ++size) {
    const double seconds = seconds_[size].load(std::memory_order_relaxed);
    if (seconds == 0) continue;
    is_largest = seconds <= kWorthIt * cheapest;
    if (!is_largest) continue;
    rows = (std::size_t{2} << size) - 1;
    cost = seconds;
  }
  if (is_largest) rows = std::max(2 * rows + 1, kFirstLimit);
  const double in_time = std::max(max_seconds, kTimesAlone * seconds_per_row(1)) / cost;
  if (in_time < static_cast<double>(rows)) rows = static_cast<std::size_t>(in_time);
  return std::clamp<std::size_t>(rows, 1, std::max<std::size_t>(max_rows, 1));
}

double BatchCurve::most_gain_s() const noexcept {
  const double alone = seconds_per_row(1);
  double cheapest = 0;
  for (std::size_t size = 1; size < kSizes; ++size) {
    const double seconds = seconds_[size].load(std::memory_order_relaxed);
    if (seconds > 0 && (cheapest == 0 || seconds < cheapest)) cheapest = seconds;
  }
  return alone > 0 ? std::max(0.0, alone - cheapest) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace kolosal::infer
