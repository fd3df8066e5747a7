#include "kolosal/pipeline/selector_learner_internal.hpp"

#include <numeric>

#include "kolosal/metric/metric.hpp"

namespace kolosal::pipeline {

void check_learner(std::string_view who, const std::string& learner) {
  try {
    model::estimator_info(learner);
  } catch (const Error& error) {
    throw Error(error.code(), "{}: {}", who, error.what());
  }
}

FittedLearner fit_learner(const std::string& learner, const data::Frame& x, const data::TargetView& y,
                          std::span<const std::uint32_t> rows, const Context& context) {
  FittedLearner out{model::make_estimator(learner), {}};
  const model::TrainingData data{&x, y};
  const auto prepared = out.estimator->prepare(data, context);
  out.estimator->fit(data, prepared.get(), {rows, {}}, context);
  out.importance = out.estimator->feature_importance();
  return out;
}

std::vector<double> importance_of(const std::string& learner, const data::Frame& x, const data::TargetView& y,
                                  const Context& context) {
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  auto fitted = fit_learner(learner, x, y, rows, context);
  if (fitted.importance.size() != x.n_columns())
    throw Error(ErrorCode::kInvalidParameter,
                "learner {} gives its columns no importance; use another one, such as random_forest",
                learner);
  return std::move(fitted.importance);
}

double loss_on(const FittedLearner& learner, const data::Frame& x, const data::TargetView& y,
               const Context& context) {
  std::vector<double> prediction(x.n_rows() * y.n_outputs());
  learner.estimator->predict(x, prediction, context);
  return metric::training_loss(y, prediction);
}

TargetRows::TargetRows(const data::TargetView& y, std::span<const std::uint32_t> rows)
    : task(y.task), n_classes(y.n_classes) {
  for (const std::uint32_t row : rows) {
    values.push_back(y.values[row]);
    if (!y.weights.empty()) weights.push_back(y.weights[row]);
  }
}

std::vector<Split> folds_of(const data::TargetView& y, std::size_t n_rows, std::size_t n_folds,
                            std::uint64_t seed) {
  std::vector<std::uint32_t> rows(n_rows);
  std::iota(rows.begin(), rows.end(), 0U);
  return make_splits(y, rows, {.kind = SplitKind::kKFold, .n_folds = n_folds}, seed);
}

}  // namespace kolosal::pipeline
