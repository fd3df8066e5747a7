#include "kolosal/ensemble/calibration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/model/link_functions.hpp"
#include "kolosal/model/platt_scaling.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;
using model::CalibrationKind;
using model::Calibrator;

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

// ---- beta -----------------------------------------------------------------------------------------------

using BetaPoint = std::array<double, 3>;  // a, b, c
using BetaMask = std::array<bool, 3>;     // which of them are free; the others are 0

/// Summed log loss of sigmoid(a log p - b log(1 - p) + c), with its prior.
class BetaLoss {
 public:
  BetaLoss(const TargetView& y, std::span<const double> prediction, double prior_rows)
      : y_(y), prior_(prior_rows) {
    double total = 0;
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      const double p = std::clamp(prediction[i], kTiny, 1 - kTiny);
      rows_.push_back({std::log(p), -std::log(1 - p), 1});
      total += y.weight(i);
    }
    scale_ = total > 0 ? static_cast<double>(y.values.size()) / total : 0;  // weights count as rows do
  }

  double value(const BetaPoint& at) const {
    double out = 0;
    for (std::size_t j = 0; j < 3; ++j) out += 0.5 * prior_ * (at[j] - kIdentity[j]) * (at[j] - kIdentity[j]);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const double z = score(at, rows_[i]);
      out += scale_ * y_.weight(i) *
             (std::fmax(z, 0.0) - y_.values[i] * z + std::log1p(std::exp(-std::fabs(z))));
    }
    return out;
  }

  /// Newton's step, 0 where not free. `decrease` is what the slope promises of it (below 0).
  BetaPoint newton_step(const BetaPoint& at, const BetaMask& is_free, double& decrease) const {
    std::array<std::array<double, 4>, 3> system{};  // second derivatives, then minus the first
    for (std::size_t j = 0; j < 3; ++j) {
      system[j][j] = prior_ + 1e-12;
      system[j][3] = -prior_ * (at[j] - kIdentity[j]);
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const BetaPoint& x = rows_[i];
      const double p = model::sigmoid(score(at, x)), weight = scale_ * y_.weight(i);
      for (std::size_t j = 0; j < 3; ++j) {
        system[j][3] -= weight * (p - y_.values[i]) * x[j];
        for (std::size_t k = 0; k <= j; ++k) system[j][k] += weight * p * (1 - p) * x[j] * x[k];
      }
    }
    BetaPoint slope{};
    for (std::size_t j = 0; j < 3; ++j) {
      slope[j] = -system[j][3];
      for (std::size_t k = j + 1; k < 3; ++k) system[j][k] = system[k][j];
    }
    for (std::size_t j = 0; j < 3; ++j) {
      if (is_free[j]) continue;
      for (std::size_t k = 0; k < 3; ++k) system[j][k] = system[k][j] = j == k ? 1 : 0;
      system[j][3] = 0;
    }
    const BetaPoint out = solve(system);
    decrease = 0;
    for (std::size_t j = 0; j < 3; ++j) decrease += slope[j] * out[j];
    return out;
  }

  static constexpr BetaPoint kIdentity = {1, 1, 0};

 private:
  static double score(const BetaPoint& at, const BetaPoint& x) { return at[0] * x[0] + at[1] * x[1] + at[2]; }

  /// Gaussian elimination; the matrix is positive definite, so no pivot is needed.
  static BetaPoint solve(std::array<std::array<double, 4>, 3> system) {
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t r = j + 1; r < 3; ++r) {
        const double factor = system[r][j] / system[j][j];
        for (std::size_t k = j; k < 4; ++k) system[r][k] -= factor * system[j][k];
      }
    BetaPoint out{};
    for (std::size_t j = 3; j-- > 0;) {
      double rest = system[j][3];
      for (std::size_t k = j + 1; k < 3; ++k) rest -= system[j][k] * out[k];
      out[j] = rest / system[j][j];
    }
    return out;
  }

  const TargetView& y_;
  double prior_;
  double scale_ = 1;
  std::vector<BetaPoint> rows_;
};

struct BetaFit {
  BetaPoint at{};
  double loss = 0;
};

/// The least loss over the free parameters: Newton's method with backtracking; the loss is convex.
BetaFit minimize(const BetaLoss& loss, const BetaMask& is_free) {
  BetaFit best;
  for (std::size_t j = 0; j < 3; ++j) best.at[j] = is_free[j] ? BetaLoss::kIdentity[j] : 0;
  best.loss = loss.value(best.at);
  for (int iteration = 0; iteration < 100; ++iteration) {
    double decrease = 0;
    const BetaPoint step = loss.newton_step(best.at, is_free, decrease);
    if (!(decrease < -1e-12 * (1 + best.loss))) break;
    bool found = false;
    for (double length = 1; length > 1e-10 && !found; length /= 2) {
      BetaFit trial = best;
      for (std::size_t j = 0; j < 3; ++j) trial.at[j] += length * step[j];
      trial.loss = loss.value(trial.at);
      if (!(trial.loss < best.loss + 1e-4 * length * decrease)) continue;
      best = trial;
      found = true;
    }
    if (!found) break;  // at the limit of the arithmetic
  }
  return best;
}

// ---- isotonic -------------------------------------------------------------------------------------------

/// Rows of equal predictions together, then neighbours until their means rise.
struct Pool {
  double first, last;  // predictions
  double sum, weight;  // of the targets

  double mean() const { return sum / weight; }
};

Calibrator fit_isotonic(const TargetView& y, std::span<const double> prediction) {
  std::vector<std::uint32_t> order(y.values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return prediction[i]; });
  std::vector<Pool> pools;
  for (std::size_t begin = 0; begin < order.size();) {
    const double p = prediction[order[begin]];
    Pool pool{p, p, 0, 0};
    for (; begin < order.size() && prediction[order[begin]] == p; ++begin) {
      pool.sum += y.weight(order[begin]) * y.values[order[begin]];
      pool.weight += y.weight(order[begin]);
    }
    while (!pools.empty() && pools.back().mean() >= pool.mean()) {
      pool = {pools.back().first, pool.last, pools.back().sum + pool.sum, pools.back().weight + pool.weight};
      pools.pop_back();
    }
    pools.push_back(pool);
  }
  Calibrator out{CalibrationKind::kIsotonic, {}, {}, {}};
  const double edge = 1 / (static_cast<double>(y.values.size()) + 2);
  for (const Pool& pool : pools) {
    const double height = std::clamp(pool.mean(), edge, 1 - edge);
    out.knots.push_back(pool.first);
    out.heights.push_back(height);
    if (pool.last == pool.first) continue;
    out.knots.push_back(pool.last);
    out.heights.push_back(height);
  }
  return out;
}

// ---- Platt ----------------------------------------------------------------------------------------------

/// Of output k, which is the probability of class `positive`.
model::PlattScaling platt_of(const TargetView& y, std::span<const double> prediction, std::size_t k,
                             double positive) {
  std::vector<double> scores(y.values.size()), is_positive(y.values.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = model::clipped_logit(prediction[i * y.n_outputs() + k]);
    is_positive[i] = y.values[i] == positive ? 1 : 0;
  }
  return model::fit_platt(scores, is_positive, y.weights);
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

Calibrator fit_beta_calibration(const TargetView& y, std::span<const double> prediction, double prior_rows) {
  KOLOSAL_ASSERT(y.task == Task::kBinary, "beta calibration is for two classes");
  const BetaLoss loss(y, prediction, prior_rows);
  const auto is_legal = [](const BetaFit& fit) { return fit.at[0] >= 0 && fit.at[1] >= 0; };
  BetaFit best = minimize(loss, {true, true, true});
  if (!is_legal(best)) {
    // The loss is convex, so the best legal point has a, b or both at 0.
    best = minimize(loss, {false, false, true});
    for (const BetaMask& mask : {BetaMask{false, true, true}, BetaMask{true, false, true}})
      if (const BetaFit fit = minimize(loss, mask); is_legal(fit) && fit.loss < best.loss) best = fit;
  }
  return {CalibrationKind::kBeta, {best.at.begin(), best.at.end()}, {}, {}};
}

Calibrator fit_calibrator(CalibrationKind kind, const TargetView& y, std::span<const double> prediction) {
  KOLOSAL_ASSERT(y.task != Task::kRegression, "only probabilities are calibrated");
  KOLOSAL_ASSERT(prediction.size() == y.values.size() * y.n_outputs(), "one prediction per row and output");
  Calibrator out{kind, {}, {}, {}};
  switch (kind) {
    case CalibrationKind::kNone:
      break;
    case CalibrationKind::kTemperature:
      return Calibrator::temperature(fit_temperature(y, prediction));
    case CalibrationKind::kBeta:
      return fit_beta_calibration(y, prediction);
    case CalibrationKind::kIsotonic:
      return fit_isotonic(y, prediction);
    case CalibrationKind::kPlatt: {
      const auto scaling = platt_of(y, prediction, 0, 1);
      out.parameters = {scaling.slope, scaling.offset};
      break;
    }
    case CalibrationKind::kPlattPerClass:
      for (std::size_t k = 0; k < y.n_classes; ++k) {
        const auto scaling = platt_of(y, prediction, k, static_cast<double>(k));
        out.parameters.push_back(scaling.slope);
        out.parameters.push_back(scaling.offset);
      }
      break;
  }
  return out;
}

}  // namespace kolosal::ensemble
