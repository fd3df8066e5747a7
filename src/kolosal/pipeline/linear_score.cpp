#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/row_sample.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/pipeline/learned_steps.hpp"
#include "kolosal/pipeline/splitter.hpp"

namespace kolosal::pipeline {
namespace {

using data::Column;
using data::ColumnType;
using data::TargetView;
using data::Task;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct LinearScoreParams {
  double C = 3;
  double alpha = 1;
  std::int64_t n_folds = 5;
  std::int64_t max_rows = 0;
  std::int64_t max_iter = 50;
  double tol = 1e-4;
};

/// Columns become the prediction of one linear model of all of them: logistic regression for classes, ridge
/// for numbers. What trees can not add up, such as the words of a text (text_tfidf), is then one number for
/// them.
///
/// Shapes:  <column>_score, of several columns linear_score: the predicted number, or the probability of
///          class 1; more classes: one column each, with _<class> behind.
/// Fitted rows: fit_transform() scores each by a model of the other inner folds (spread over classes, or
///          over quantiles of a number), so that no row is scored by its own target, nor by that of another
///          row of its group. A class with one row gives this row the mean score. All other rows: the model
///          of all fitted rows.
/// Sample:  with max_rows the models see so many of the fitted rows; those that they do not see are scored
///          as rows to come. Depends on context.seed alone.
/// Missing: a missing category is a level; a missing number is refused with kData (impute before).
/// Edge:    below kLeastScoredRows fitted rows there is no model, and every score is missing.
/// Errors:  kBudget when the deadline ends a fit: half a model would be no score.
/// Source:  agrees with scikit-learn's LogisticRegression(C) or Ridge(alpha) of the same columns, and with
///          cross_val_predict() of the same folds (Wolpert 1992, stacked generalization).
class LinearScore final : public transform::Transformer {
 public:
  explicit LinearScore(LinearScoreParams params) : params_(params) {}
  bool uses_target() const override { return true; }
  std::string made_types() const override { return "float"; }
  std::unique_ptr<transform::RowStep> row_step(const data::Frame&) const override {
    return std::make_unique<Row>(learner_ ? learner_->row_evaluator() : nullptr, n_outputs_);
  }

 private:
  class Row final : public transform::RowStep {
   public:
    Row(std::unique_ptr<model::RowEvaluator> evaluator, std::size_t n_outputs)
        : evaluator_(std::move(evaluator)), n_outputs_(n_outputs) {}
    void apply(std::span<const data::RowCell> in, std::span<data::RowCell> out,
               data::RowArena& arena) const override {
      const auto scores = arena.take<double>(n_outputs_);
      std::ranges::fill(scores, kNaN);
      if (evaluator_) evaluator_->predict(in, scores);
      for (std::size_t k = 0; k < n_outputs_; ++k) out[k].number = scores[k];
    }

   private:
    std::unique_ptr<model::RowEvaluator> evaluator_;  // null: too few rows were fitted
    std::size_t n_outputs_;
  };

  /// What a fit makes beside its state, when it is wanted.
  struct OutOfFold {
    std::vector<std::uint32_t> rows;  // that the models saw
    std::vector<double> scores;       // rows x outputs
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
              const Context& context) override {
    fit_models(x, rows, y, context, nullptr);
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    return columns_of(scores_of(x, context));
  }
  std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const TargetView& y, const Context& context) override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  std::unique_ptr<model::Estimator> make_learner() const;
  void fit_models(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                  const Context& context, OutOfFold* out_of_fold);
  std::vector<double> scores_of(const data::Frame& x, const Context& context) const;
  std::vector<Named> columns_of(const std::vector<double>& scores) const;

  LinearScoreParams params_;
  Task task_ = Task::kRegression;
  std::size_t n_outputs_ = 1;
  std::unique_ptr<model::Estimator> learner_;  // null: too few rows were fitted
};

std::unique_ptr<model::Estimator> LinearScore::make_learner() const {
  ParamMap params = {{"search_strength", false}, {"max_iter", params_.max_iter}, {"tol", params_.tol}};
  if (task_ == Task::kRegression) {
    params["alpha"] = params_.alpha;
    return model::make_estimator("ridge", params);
  }
  params["C"] = params_.C;
  return model::make_estimator("logistic_regression", params);
}

void check_columns(const data::Frame& x) {
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const ColumnType type = x.column(c).type();
    if (!x.column(c).is_numeric() && type != ColumnType::kCategory && type != ColumnType::kSparse)
      throw Error(ErrorCode::kInvalidParameter,
                  "takes numbers, categories and sparse columns, but \"{}\" is {}; text_tfidf makes a sparse "
                  "column of a text, date_parts numbers of a date",
                  x.name(c), data::type_name(type));
  }
}

/// A row that no fold leaves out has no score of its own.
void fill_with_means(std::vector<double>& scores, std::size_t n_outputs) {
  for (std::size_t k = 0; k < n_outputs; ++k) {
    double sum = 0, n = 0;
    for (std::size_t i = k; i < scores.size(); i += n_outputs)
      if (scores[i] == scores[i]) sum += scores[i], n += 1;
    for (std::size_t i = k; i < scores.size(); i += n_outputs)
      if (scores[i] != scores[i]) scores[i] = n > 0 ? sum / n : kNaN;
  }
}

bool of_many_groups(const TargetView& y, const std::vector<std::uint32_t>& rows) {
  return !y.groups.empty() &&
         std::ranges::any_of(rows, [&](std::uint32_t row) { return y.groups[row] != y.groups[rows[0]]; });
}

model::FitReport fit_to_end(model::Estimator& learner, const model::TrainingData& data,
                            const model::Prepared* prepared, model::RowSplit rows, const Context& context) {
  auto report = learner.fit(data, prepared, rows, context);
  if (report.stopped_by_deadline) throw Error(ErrorCode::kBudget, "no time was left to fit the scores");
  return report;
}

void LinearScore::fit_models(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                             const Context& context, OutOfFold* out_of_fold) {
  check_columns(x);
  const TargetView target{y.task,      y.values, y.weights,
                          y.n_classes, {},       y.groups};  // of quantiles the mean is scored
  task_ = y.task;
  n_outputs_ = target.n_outputs();
  learner_.reset();
  std::vector<std::uint32_t> seen(rows.begin(), rows.end());
  if (params_.max_rows > 0 && rows.size() > static_cast<std::size_t>(params_.max_rows)) {
    Rng rng(derive_seed(context.seed, {"linear_score", "rows"}));
    seen = draw_rows(rows.size(), static_cast<std::size_t>(params_.max_rows), rng);
    for (std::uint32_t& row : seen) row = rows[row];
  }
  if (seen.size() < kLeastScoredRows) return;
  std::vector<Split> folds;
  if (out_of_fold) {
    SplitPlan plan;
    plan.n_folds = std::min(static_cast<std::size_t>(params_.n_folds), seen.size());
    if (of_many_groups(y, seen)) plan.groups = y.groups;
    folds = make_splits(target, seen, plan, derive_seed(context.seed, {"linear_score"}));
    out_of_fold->scores.assign(seen.size() * n_outputs_, kNaN);
  }
  const model::TrainingData data{&x, target};
  learner_ = make_learner();
  const auto prepared = learner_->prepare(data, context);
  context.parallel_blocks(folds.size() + 1, 1, [&](std::size_t i, std::size_t) {
    const Context alone = context.single_threaded();
    if (i == folds.size()) {
      fit_to_end(*learner_, data, prepared.get(), {seen, {}}, alone);
      return;
    }
    const auto report =
        fit_to_end(*make_learner(), data, prepared.get(), {folds[i].train, folds[i].valid}, alone);
    for (std::size_t j = 0; j < folds[i].valid.size(); ++j) {
      const auto at = std::ranges::lower_bound(seen, folds[i].valid[j]) - seen.begin();
      std::copy_n(report.valid_prediction.begin() + static_cast<std::ptrdiff_t>(j * n_outputs_), n_outputs_,
                  out_of_fold->scores.begin() + at * static_cast<std::ptrdiff_t>(n_outputs_));
    }
  });
  if (!out_of_fold) return;
  fill_with_means(out_of_fold->scores, n_outputs_);
  out_of_fold->rows = std::move(seen);
}

std::vector<double> LinearScore::scores_of(const data::Frame& x, const Context& context) const {
  std::vector<double> out(x.n_rows() * n_outputs_, kNaN);
  if (learner_) learner_->predict(x, out, context);
  return out;
}

std::vector<transform::Transformer::Named> LinearScore::columns_of(const std::vector<double>& scores) const {
  const std::string stem = input_columns().size() == 1 ? input_columns()[0] + "_score" : "linear_score";
  std::vector<Named> out;
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    std::vector<double> cells(scores.size() / n_outputs_);
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = scores[i * n_outputs_ + k];
    out.push_back(
        {n_outputs_ == 1 ? stem : fmt::format("{}_{}", stem, k), Column::from_float64(std::move(cells))});
  }
  return out;
}

std::vector<transform::Transformer::Named> LinearScore::do_fit_transform(const data::Frame& x,
                                                                         std::span<const std::uint32_t> rows,
                                                                         const TargetView& y,
                                                                         const Context& context) {
  OutOfFold out_of_fold;
  fit_models(x, rows, y, context, &out_of_fold);
  std::vector<double> scores = scores_of(x, context);
  for (std::size_t i = 0; i < out_of_fold.rows.size(); ++i)
    std::copy_n(out_of_fold.scores.begin() + static_cast<std::ptrdiff_t>(i * n_outputs_), n_outputs_,
                scores.begin() + static_cast<std::ptrdiff_t>(out_of_fold.rows[i] * n_outputs_));
  return columns_of(scores);
}

void LinearScore::do_save(artifact::Node& node) const {
  node.set("task", std::string(data::task_name(task_)));
  node.set("n_outputs", n_outputs_);
  node.set("has_learner", learner_ != nullptr);
  if (learner_) learner_->save(node.add_child("learner"));
}

void LinearScore::do_load(const artifact::Node& node) {
  task_ = data::task_from_name(node.get_string("task"));
  n_outputs_ = static_cast<std::size_t>(node.get_int("n_outputs"));
  learner_.reset();
  if (!node.get_bool("has_learner")) return;
  learner_ = make_learner();
  learner_->load(node.child("learner"));
  if (learner_->n_outputs() != n_outputs_ || learner_->task() != task_ ||
      learner_->feature_names() != input_columns())
    throw Error(ErrorCode::kModel,
                "the saved state of step linear_score is damaged: its learner has {} outputs and {} columns "
                "instead of {} and {}",
                learner_->n_outputs(), learner_->feature_names().size(), n_outputs_, input_columns().size());
}

}  // namespace

std::shared_ptr<const transform::TransformerInfo> linear_score_step() {
  using P = LinearScoreParams;
  static const auto info =
      std::make_shared<const transform::TransformerInfo>(transform::describe<LinearScore>(
          "linear_score",
          "Put the prediction of a linear model in the place of the columns, out of fold where rows were "
          "fitted.",
          "sparse",
          ParamTable<P>()
              .param("C", &P::C, "Classes: inverse of the L2 strength of logistic regression.")
              .limits(1e-12, 1e12)
              .param("alpha", &P::alpha, "Numbers: L2 strength of ridge regression.")
              .limits(0, 1e12)
              .param("n_folds", &P::n_folds, "Inner folds in which fitted rows are scored.")
              .limits(2, 256)
              .param("max_rows", &P::max_rows, "Most fitted rows that the models see; 0: all.")
              .limits(0, 1e12)
              .param("max_iter", &P::max_iter, "Most iterations of a fit.")
              .limits(1, 1e6)
              .param("tol", &P::tol, "When a fit has converged, as its learner has it.")
              .limits(0, 1)));
  return info;
}

}  // namespace kolosal::pipeline
