#include "kolosal/ensemble/calibration_choice.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"
#include "kolosal/ensemble/calibration.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;
using model::CalibrationKind;
using model::Calibrator;

constexpr std::size_t kFolds = 5;
constexpr std::size_t kMostRows = 20'000, kMostProbabilities = 200'000;
constexpr double kLeastGain = 1e-3;  // of the loss; a smaller one is noise

/// Some rows of a problem, copied together.
struct Rows {
  Task task = Task::kBinary;
  std::size_t n_classes = 2;
  std::vector<double> values, weights, prediction;

  Rows(const TargetView& y, std::span<const double> p, std::span<const std::uint32_t> rows)
      : task(y.task), n_classes(y.n_classes) {
    for (const std::uint32_t i : rows) {
      values.push_back(y.values[i]);
      if (!y.weights.empty()) weights.push_back(y.weights[i]);
      const auto row = p.subspan(i * y.n_outputs(), y.n_outputs());
      prediction.insert(prediction.end(), row.begin(), row.end());
    }
  }
  TargetView view() const { return {task, values, weights, n_classes}; }
};

/// Rows that fits may see, evenly taken from the usable ones.
std::vector<std::uint32_t> rows_to_fit(const TargetView& y, std::span<const double> prediction) {
  std::vector<std::uint32_t> usable;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const auto row = prediction.subspan(i * y.n_outputs(), y.n_outputs());
    if (y.weight(i) > 0 && std::ranges::all_of(row, [](double p) { return std::isfinite(p); }))
      usable.push_back(static_cast<std::uint32_t>(i));
  }
  const std::size_t most = std::min(kMostRows, kMostProbabilities / y.n_outputs());
  if (usable.size() <= most) return usable;
  std::vector<std::uint32_t> out(most);
  for (std::size_t k = 0; k < most; ++k) out[k] = usable[k * usable.size() / most];
  return out;
}

/// Deals rows into folds, each class by turns, so that every fold has its share of all classes.
struct Folds {
  std::vector<std::vector<std::uint32_t>> inside{kFolds}, outside{kFolds};
  std::size_t rarest = 0;  // rows of the rarest class

  Folds(const TargetView& y, std::span<const std::uint32_t> rows) {
    std::vector<std::size_t> n_dealt(y.n_classes);
    for (const std::uint32_t i : rows) {
      const std::size_t fold = n_dealt[static_cast<std::size_t>(y.values[i])]++ % kFolds;
      for (std::size_t k = 0; k < kFolds; ++k) (k == fold ? inside : outside)[k].push_back(i);
    }
    rarest = *std::ranges::min_element(n_dealt);
  }
};

std::vector<CalibrationKind> kinds_for(Task task, std::size_t n_rows, std::size_t rarest) {
  std::vector<CalibrationKind> out;
  if (n_rows >= 20) out.push_back(CalibrationKind::kTemperature);
  if (task == Task::kMulticlass) {
    if (rarest >= 20) out.push_back(CalibrationKind::kPlattPerClass);
    return out;
  }
  if (n_rows >= 100 && rarest >= kFolds)
    out.insert(out.end(), {CalibrationKind::kPlatt, CalibrationKind::kBeta});
  if (n_rows >= 1000 && rarest >= 100) out.push_back(CalibrationKind::kIsotonic);
  return out;
}

/// The predictions of a fold, calibrated by the other folds.
std::vector<double> calibrated_out_of_fold(CalibrationKind kind, const Rows& fit, const Rows& judged) {
  std::vector<double> out = judged.prediction;
  fit_calibrator(kind, fit.view(), fit.prediction).apply(out, judged.view().n_outputs());
  return out;
}

}  // namespace

CalibrationChoice choose_calibration(const TargetView& y, std::span<const double> prediction,
                                     const metric::Metric& metric, const Context& context) {
  KOLOSAL_ASSERT(y.task != Task::kRegression, "only probabilities are calibrated");
  CalibrationChoice out;
  out.prediction.assign(prediction.begin(), prediction.end());
  out.loss_before = out.loss = metric::training_loss(y, prediction);
  const auto rows = rows_to_fit(y, prediction);
  const Folds folds(y, rows);
  const auto kinds = kinds_for(y.task, rows.size(), folds.rarest);
  if (kinds.empty()) return out;

  std::vector<Rows> inside, outside;
  for (std::size_t k = 0; k < kFolds; ++k) {
    inside.emplace_back(y, prediction, folds.inside[k]);
    outside.emplace_back(y, prediction, folds.outside[k]);
  }
  // By kind, then fold.
  std::vector<std::vector<double>> judged(kinds.size() * kFolds);
  context.parallel_blocks(judged.size(), 1, [&](std::size_t i, std::size_t) {
    judged[i] = calibrated_out_of_fold(kinds[i / kFolds], outside[i % kFolds], inside[i % kFolds]);
  });

  const std::size_t width = y.n_outputs();
  const auto scattered = [&](std::size_t kind) {
    std::vector<double> all(prediction.begin(), prediction.end());
    for (std::size_t k = 0; k < kFolds; ++k)
      for (std::size_t i = 0; i < folds.inside[k].size(); ++i)
        std::copy_n(&judged[kind * kFolds + k][i * width], width, &all[folds.inside[k][i] * width]);
    return all;
  };
  const Rows seen(y, prediction, rows);
  const auto loss_of = [&](std::span<const double> all) {
    return metric::training_loss(seen.view(), Rows(y, all, rows).prediction);
  };
  const auto utility = [&](std::size_t fold, std::span<const double> p) {
    return metric.utility(metric.compute(inside[fold].view(), p));
  };

  double best_loss = loss_of(prediction);
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    std::vector<double> all = scattered(c);
    const double loss = loss_of(all);
    if (!(loss < best_loss * (1 - kLeastGain))) continue;
    const Calibrator fitted = fit_calibrator(kinds[c], seen.view(), seen.prediction);
    if (!fitted.keeps_order()) {
      double gain = 0;
      for (std::size_t k = 0; k < kFolds; ++k)
        gain += utility(k, judged[c * kFolds + k]) - utility(k, inside[k].prediction);
      if (!(gain >= 0)) continue;
    }
    best_loss = loss;
    out.calibrator = fitted;
    out.prediction.assign(prediction.begin(), prediction.end());
    fitted.apply(out.prediction, width);
    if (!fitted.keeps_order())
      for (const std::uint32_t i : rows) std::copy_n(&all[i * width], width, &out.prediction[i * width]);
  }
  if (out.calibrator.kind != CalibrationKind::kNone) out.loss = metric::training_loss(y, out.prediction);
  return out;
}

}  // namespace kolosal::ensemble
