#include "kolosal/ensemble/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kolosal/core/error.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;

constexpr double kTiny = 1e-15;  // as in metric::training_loss
constexpr double kMinPower = 0.1, kMaxPower = 10;

/// Logarithms of the usable rows' probabilities: per row its classes, the true one first.
struct LogProbabilities {
  std::size_t n_classes = 2;
  std::vector<double> values;
  std::vector<double> weights;
};

LogProbabilities make_log_probabilities(const TargetView& y, std::span<const double> prediction) {
  const std::size_t n_outputs = y.n_outputs();
  LogProbabilities out;
  out.n_classes = std::max<std::size_t>(2, n_outputs);
  double total = 0;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const auto row = prediction.subspan(i * n_outputs, n_outputs);
    if (!std::ranges::all_of(row, [](double p) { return std::isfinite(p); })) continue;
    if (y.task == Task::kBinary) {
      const double p = std::clamp(y.values[i] > 0.5 ? row[0] : 1 - row[0], kTiny, 1 - kTiny);
      out.values.push_back(std::log(p));
      out.values.push_back(std::log(1 - p));
    } else {
      const std::size_t begin = out.values.size();
      for (const double p : row) out.values.push_back(std::log(std::max(p, kTiny)));
      std::swap(out.values[begin], out.values[begin + static_cast<std::size_t>(y.values[i])]);
    }
    out.weights.push_back(y.weight(i));
    total += y.weight(i);
  }
  // Weights count as rows do: their mean is 1, so that the prior has the same say.
  for (double& weight : out.weights)
    weight *= total > 0 ? static_cast<double>(out.weights.size()) / total : 0;
  return out;
}

struct Slope {
  double first = 0;
  double second = 0;
};

/// Derivatives, by the power, of the summed log loss of softmax(power * log p), with the prior (power - 1)^2
/// / 2.
Slope slope_at(const LogProbabilities& data, double power) {
  Slope out{power - 1, 1};
  for (std::size_t i = 0; i < data.weights.size(); ++i) {
    const double* row = &data.values[i * data.n_classes];
    const double top = *std::max_element(row, row + data.n_classes);
    double sum = 0, mean = 0, square = 0;
    for (std::size_t c = 0; c < data.n_classes; ++c) {
      const double p = std::exp(power * (row[c] - top));
      const double shifted = row[c] - top;
      sum += p;
      mean += p * shifted;
      square += p * shifted * shifted;
    }
    mean /= sum;
    out.first += data.weights[i] * (mean - (row[0] - top));
    out.second += data.weights[i] * std::max(0.0, square / sum - mean * mean);
  }
  return out;
}

}  // namespace

double fit_temperature(const TargetView& y, std::span<const double> prediction) {
  KOLOSAL_ASSERT(y.task != Task::kRegression, "only probabilities have a temperature");
  KOLOSAL_ASSERT(prediction.size() == y.values.size() * y.n_outputs(), "one prediction per row and output");
  const LogProbabilities data = make_log_probabilities(y, prediction);
  // The loss is convex in the power: Newton's steps, kept inside a bracket that shrinks.
  double low = kMinPower, high = kMaxPower, power = 1;
  for (int step = 0; step < 50; ++step) {
    const Slope slope = slope_at(data, power);
    double next = power - slope.first / slope.second;
    if (std::abs(next - power) < 1e-9 * power) break;
    (slope.first > 0 ? high : low) = power;
    if (!(next > low && next < high)) next = (low + high) / 2;
    power = next;
  }
  return 1 / power;
}

}  // namespace kolosal::ensemble
