#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/automl/trial.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/pipeline/splitter.hpp"

namespace kolosal::automl {

/// The rows that trials are compared on: the union of all validation rows, ascending.
struct ValidRows {
  std::vector<std::uint32_t> rows;
  std::vector<std::int32_t> position;  ///< table row -> index into rows; -1 when never validated
  std::vector<double> target;
  std::vector<double> weights;       ///< empty: none
  std::vector<double> loss_weights;  ///< empty: those
  data::TargetView y;                ///< of these rows, to score by; views into the vectors above
  data::TargetView loss_y;           ///< the same to choose among models and to blend by: with loss_weights

  ValidRows(const data::TargetView& all, const std::vector<pipeline::Split>& splits);
  /// Losses are by the size of the target: model::relative_weights().
  void use_relative_losses();
  ValidRows(const ValidRows&) = delete;
  ValidRows& operator=(const ValidRows&) = delete;
};

/// The loss by which trials are compared, on the rows of one fold.
class FoldLoss {
 public:
  /// rows: of the table, validated.
  FoldLoss(const ValidRows& valid, std::span<const std::uint32_t> rows);
  /// prediction: of the rows of the fold.
  double operator()(std::span<const double> prediction) const;
  /// prediction: of all validated rows, of which the fold's are taken.
  double of_all(std::span<const double> prediction) const;

 private:
  data::TargetView like_;  // task, classes, quantiles
  std::vector<std::size_t> at_;
  std::vector<double> target_, weights_;
};

/// What the folds of a trial come to: predictions of the validated rows (means where folds are dealt again),
/// loss, score, seconds. y: of the whole table. @throws Error kData when predictions are not finite.
TrialResult summarize_folds(const Candidate& candidate, const std::vector<FoldResult>& folds,
                            const std::vector<pipeline::Split>& splits, const ValidRows& valid,
                            const data::TargetView& y, const metric::Metric& metric);

}  // namespace kolosal::automl
