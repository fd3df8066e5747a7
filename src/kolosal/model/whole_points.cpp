#include "kolosal/model/whole_points.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kolosal::model {
namespace {

using kernel::kWholeMissing;
using kernel::kWholePoints;

constexpr double kMost = 127;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What codes that differ add to a sum of squares of steps.
double difference_of(double step) { return std::nearbyint(1 / (step * step)); }

std::int16_t whole(double cell, double step) {
  return static_cast<std::int16_t>(std::nearbyint(std::clamp(cell / step, -kMost, kMost)));
}

}  // namespace

double WholePoints::step_of(std::span<const double> cells, std::size_t n_features, std::size_t n_numbers) {
  double most = 0, square = 0, n = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i / kWholePoints % n_features >= n_numbers || std::isnan(cells[i])) continue;
    most = std::max(most, std::fabs(cells[i]));
    square += cells[i] * cells[i];
    n += 1;
  }
  return n > 0 ? std::min(most, kCut * std::sqrt(square / n)) / kMost : 0;
}

bool WholePoints::fits(std::span<const double> cells, std::size_t n_features, std::size_t n_numbers,
                       double step) {
  if (n_features == 0 || !(step > 0) || !std::isfinite(step)) return false;
  const auto n_codes = static_cast<double>(n_features - n_numbers);
  const double largest = 4 * kMost * kMost * static_cast<double>(n_numbers) + difference_of(step) * n_codes;
  // A difference of few steps would be far from the 1 that it stands for.
  if (largest >= 0x1p31 || (n_codes > 0 && difference_of(step) < 16) || n_codes > 30'000) return false;
  for (std::size_t i = 0; i < cells.size(); ++i)
    if (i / kWholePoints % n_features >= n_numbers && (cells[i] < -127 || cells[i] > 126)) return false;
  return true;
}

WholePoints::WholePoints(std::span<const double> cells, std::size_t n_rows, std::size_t n_features,
                         std::size_t n_numbers, double step)
    : n_features_(n_features),
      n_numbers_(n_numbers),
      n_pairs_((n_numbers + 1) / 2),
      step_(step),
      difference_(static_cast<std::int32_t>(difference_of(step))) {
  const std::size_t n_groups = cells.size() / (n_features * kWholePoints);
  const std::size_t size = (2 * n_pairs_ + n_features - n_numbers) * kWholePoints;
  points_.assign(n_groups * size, 0);
  is_complete_.assign(n_groups, 1);
  for (std::size_t g = 0; g < n_groups; ++g) {
    std::int8_t* const group = points_.data() + g * size;
    for (std::size_t f = 0; f < n_features; ++f)
      for (std::size_t p = 0; p < kWholePoints; ++p) {
        const double cell = cells[(g * n_features + f) * kWholePoints + p];
        const bool is_missing = std::isnan(cell) || g * kWholePoints + p >= n_rows;
        if (is_missing) is_complete_[g] = 0;
        std::int8_t& place = f < n_numbers ? group[(f / 2 * kWholePoints + p) * 2 + f % 2]
                                           : group[(2 * n_pairs_ + f - n_numbers) * kWholePoints + p];
        place = is_missing      ? kWholeMissing
                : f < n_numbers ? static_cast<std::int8_t>(whole(cell, step))
                                : static_cast<std::int8_t>(cell);
      }
  }
  factors_.push_back(kInfinity);
  for (std::size_t n = 1; n <= n_features; ++n) factors_.push_back(step * step / static_cast<double>(n));
}

std::vector<double> WholePoints::cells() const {
  const std::size_t size = (2 * n_pairs_ + n_features_ - n_numbers_) * kWholePoints;
  std::vector<double> out;
  for (std::size_t g = 0; g < n_groups(); ++g)
    for (std::size_t f = 0; f < n_features_; ++f)
      for (std::size_t p = 0; p < kWholePoints; ++p) {
        const std::int8_t q =
            points_[g * size + (f < n_numbers_ ? (f / 2 * kWholePoints + p) * 2 + f % 2
                                               : (2 * n_pairs_ + f - n_numbers_) * kWholePoints + p)];
        out.push_back(q == kWholeMissing ? std::numeric_limits<double>::quiet_NaN()
                      : f < n_numbers_   ? q * step_
                                         : q);
      }
  return out;
}

void WholePoints::set_row(std::span<const double> cells, std::span<const std::uint32_t> has,
                          WholeRow& out) const {
  out.numbers.assign(2 * n_pairs_, 0);
  out.has.assign(2 * n_pairs_, 0);
  out.codes.assign(n_features_ - n_numbers_, 0);
  out.has_code.assign(out.codes.size(), 0);
  out.is_complete = has.size() == n_features_;
  for (const std::uint32_t f : has) {
    if (f < n_numbers_) {
      out.numbers[f] = whole(cells[f], step_);
      out.has[f] = -1;
    } else {
      // Codes beyond those of the points are all the same to them: they differ.
      out.codes[f - n_numbers_] = static_cast<std::int16_t>(std::clamp(cells[f], -127.0, 127.0));
      out.has_code[f - n_numbers_] = -1;
    }
  }
}

double WholePoints::distances(std::size_t group, const WholeRow& row, double limit, double* out) const {
  const std::size_t size = (2 * n_pairs_ + n_features_ - n_numbers_) * kWholePoints;
  std::int32_t sums[kWholePoints], counts[kWholePoints];
  const kernel::WholeQuery query{row.numbers.data(),  row.has.data(),   n_pairs_,        row.codes.data(),
                                 row.has_code.data(), row.codes.size(), row.is_complete, n_features_};
  const std::int32_t smallest = kernel::whole_distances(query, points_.data() + group * size,
                                                        is_complete_[group] != 0, difference_, sums, counts);
  // No distance is smaller: no sum is, and more features than all there are none to divide by.
  const double bound = smallest * factors_.back();
  if (bound > limit) return bound;
  double least = kInfinity;
  for (std::size_t p = 0; p < kWholePoints; ++p) {
    // Without a common feature the sum is 0, which infinity must not be multiplied by.
    out[p] = counts[p] == 0 ? kInfinity : sums[p] * factors_[static_cast<std::size_t>(counts[p])];
    least = std::min(least, out[p]);
  }
  return least;
}

}  // namespace kolosal::model
