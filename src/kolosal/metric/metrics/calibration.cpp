#include <algorithm>
#include <cmath>

#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/parameter_internal.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

/// Of n bins of equal width in [0, 1], each with its upper edge, the one of a probability; the lowest has 0
/// too. The edges are k / n rounded as k * (1 / n), as numpy.linspace() has them.
std::size_t bin_of(double probability, std::size_t n) {
  const double step = 1 / static_cast<double>(n);
  auto bin = static_cast<std::size_t>(probability * static_cast<double>(n));
  bin = std::min(bin, n - 1);
  if (bin > 0 && probability <= static_cast<double>(bin) * step) return bin - 1;
  if (bin + 1 < n && probability > static_cast<double>(bin + 1) * step) return bin + 1;
  return bin;
}

void require_probabilities(const data::TargetView& y, std::span<const double> p) {
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] < 0 || p[i] > 1)
      throw Error(ErrorCode::kData, "ece needs probabilities from 0 to 1, but row {} has {}",
                  i / y.n_outputs(), p[i]);
}

/// Binary: the probability of class 1 and whether it is class 1. Multiclass: the probability of the most
/// probable class and whether it is that (Guo et al., 2017).
double expected_calibration_error(const data::TargetView& y, std::span<const double> p, std::size_t n_bins) {
  require_probabilities(y, p);
  std::vector<double> excess(n_bins);  // weight x (probability - outcome)
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    double probability = p[i * y.n_outputs()], outcome = y.values[i];
    if (y.task == data::Task::kMulticlass) {
      const auto row = p.subspan(i * y.n_classes, y.n_classes);
      const auto top = std::ranges::max_element(row);
      probability = *top;
      outcome = static_cast<std::size_t>(y.values[i]) == static_cast<std::size_t>(top - row.begin()) ? 1 : 0;
    }
    excess[bin_of(probability, n_bins)] += y.weight(i) * (probability - outcome);
  }
  double sum = 0;
  for (const double value : excess) sum += std::abs(value);
  return sum / total_weight(y);
}

Metric ece(std::size_t n_bins) {
  Metric out{
      "ece",
      {"expected_calibration_error"},
      fmt::format("Mean distance of probability and frequency over {} bins of the probability.", n_bins),
      {data::Task::kBinary, data::Task::kMulticlass},
      false,
      true,
      [n_bins](const data::TargetView& y, std::span<const double> p) {
        return expected_calibration_error(y, p, n_bins);
      }};
  out.parameter = "number of bins, at least 1 (15)";
  out.with = [](std::string_view text) { return ece(count_parameter("ece", text)); };
  return out;
}

}  // namespace

std::vector<Metric> calibration_metrics() { return {ece(15)}; }

}  // namespace kolosal::metric
