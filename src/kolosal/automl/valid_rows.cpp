#include "kolosal/automl/valid_rows.hpp"

#include <cmath>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/model/relative_weights.hpp"

namespace kolosal::automl {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double deviation(const std::vector<double>& values) {
  if (values.size() < 2) return kNaN;
  double mean = values.front();  // exact when all are equal
  for (const double v : values) mean += (v - values.front()) / static_cast<double>(values.size());
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

}  // namespace

ValidRows::ValidRows(const data::TargetView& all, const std::vector<pipeline::Split>& splits)
    : position(all.values.size(), -1) {
  for (const auto& split : splits)
    for (const std::uint32_t row : split.valid) position[row] = 0;
  for (std::size_t row = 0; row < position.size(); ++row) {
    if (position[row] < 0) continue;
    position[row] = static_cast<std::int32_t>(rows.size());
    rows.push_back(static_cast<std::uint32_t>(row));
    target.push_back(all.values[row]);
    if (!all.weights.empty()) weights.push_back(all.weights[row]);
  }
  loss_y = y = {all.task, target, weights, all.n_classes, all.quantiles};
}

void ValidRows::use_relative_losses() {
  loss_weights = model::relative_weights(y);
  loss_y.weights = loss_weights;
}

FoldLoss::FoldLoss(const ValidRows& valid, std::span<const std::uint32_t> rows)
    : like_{valid.y.task, {}, {}, valid.y.n_classes, valid.y.quantiles} {
  for (const std::uint32_t row : rows) {
    at_.push_back(static_cast<std::size_t>(valid.position[row]));
    target_.push_back(valid.loss_y.values[at_.back()]);
    if (!valid.loss_y.weights.empty()) weights_.push_back(valid.loss_y.weights[at_.back()]);
  }
}

double FoldLoss::operator()(std::span<const double> prediction) const {
  data::TargetView y = like_;
  y.values = target_;
  y.weights = weights_;
  return metric::training_loss(y, prediction);
}

double FoldLoss::of_all(std::span<const double> prediction) const {
  const std::size_t width = like_.n_outputs();
  std::vector<double> own;
  for (const std::size_t at : at_) {
    const auto cells = prediction.subspan(at * width, width);
    own.insert(own.end(), cells.begin(), cells.end());
  }
  return (*this)(own);
}

TrialResult summarize_folds(const Candidate& candidate, const std::vector<FoldResult>& folds,
                            const std::vector<pipeline::Split>& splits, const ValidRows& valid,
                            const data::TargetView& y, const metric::Metric& metric) {
  TrialResult out;
  out.candidate = candidate;
  const std::size_t width = y.n_outputs();
  out.prediction.assign(valid.rows.size() * width, 0.0);
  std::vector<double> n_seen(valid.rows.size(), 0.0);
  for (std::size_t k = 0; k < splits.size(); ++k) {
    const FoldResult& fold = folds[k];
    const auto& rows = splits[k].valid;
    std::vector<double> target, weights;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = static_cast<std::size_t>(valid.position[rows[i]]);
      n_seen[at] += 1;
      for (std::size_t j = 0; j < width; ++j)
        out.prediction[at * width + j] += fold.prediction[i * width + j];
      target.push_back(y.values[rows[i]]);
      if (!y.weights.empty()) weights.push_back(y.weights[rows[i]]);
    }
    out.fold_scores.push_back(
        metric.compute({y.task, target, weights, y.n_classes, y.quantiles}, fold.prediction));
    out.seconds += fold.seconds;
    out.predict_us_per_row += 1e6 * fold.predict_s;
    out.mean_rounds += static_cast<double>(fold.n_rounds) / static_cast<double>(splits.size());
    out.cut_short |= fold.cut_short;
    out.paused |= fold.paused;
    if (out.note.empty()) out.note = fold.note;
  }
  for (std::size_t i = 0; i < n_seen.size(); ++i)
    for (std::size_t j = 0; j < width; ++j) out.prediction[i * width + j] /= n_seen[i];
  out.loss = metric::training_loss(valid.loss_y, out.prediction);
  out.score = metric.compute(valid.y, out.prediction);
  out.score_deviation = deviation(out.fold_scores);
  if (out.cut_short && out.note.empty()) out.note = "stopped by the deadline";
  if (!std::isfinite(out.loss)) throw Error(ErrorCode::kData, "its predictions are not finite");
  return out;
}

}  // namespace kolosal::automl
