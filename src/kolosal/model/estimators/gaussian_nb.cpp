#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kolosal/model/estimator.hpp"
#include "kolosal/model/link_functions.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

using data::ColumnType;

struct GaussianNbParams {
  double var_smoothing = 1e-9;
  double alpha = 1.0;
};

/// Naive Bayes: within a class every number is normal and every category has shares of its own, independent
/// of the other columns.
///
/// Missing: native: a missing or infinite cell, or an unseen level, says nothing about the class.
/// Edge:    a class without training rows gets a probability near 0; a column of which a class has no cell
///          says nothing for it.
/// Cost:    three passes over the table; (2 numbers per numeric column, one per level) per class.
/// Source:  scikit-learn's GaussianNB, and CategoricalNB for the categories.
class GaussianNb final : public Estimator {
 public:
  using Params = GaussianNbParams;
  explicit GaussianNb(Params params) : params_(params) {}
  std::unique_ptr<RowEvaluator> row_evaluator() const override;

 protected:
  FitReport do_fit(const TrainingData& data, const Prepared*, RowSplit rows, const Context& context) override;
  void do_predict(const data::Frame& x, std::span<double> out, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

 private:
  /// Weighted moments of a number by class; levels: weighted sums by class, level by level.
  struct Summary {
    std::vector<double> mean, variance, level;
    double largest_variance = 0;  // of all rows alike, without weights: what the smoothing is a share of
  };
  Summary summarize_numbers(const data::Column& column, const std::vector<double>& classes,
                            const std::vector<double>& weights) const;
  Summary summarize_levels(const data::Column& column, const std::vector<double>& classes,
                           const std::vector<double>& weights) const;
  void add_column(const data::Column& column, std::size_t c, std::span<double> scores) const;
  /// Adds one cell's.
  void add_level(std::size_t c, std::int64_t code, double* scores) const;
  void add_number(std::size_t c, double cell, const double* constant, double* scores) const;
  /// What a number of column c takes from the scores of every class, wherever it lies.
  double constant_of(std::size_t c, std::size_t group) const;
  std::size_t n_classes() const { return log_prior_.size(); }
  class Row;

  Params params_;
  std::vector<double> log_prior_;       // n_classes
  std::vector<std::int64_t> n_levels_;  // by column; -1: a number
  std::vector<std::size_t> first_;      // by column: where it begins in state_
  // A number: n_classes means, then variances. A category: log shares, n_levels x n_classes.
  std::vector<double> state_;
};

GaussianNb::Summary GaussianNb::summarize_numbers(const data::Column& column,
                                                  const std::vector<double>& classes,
                                                  const std::vector<double>& weights) const {
  std::vector<double> cells(classes.size());
  column.copy_numbers(std::span<double>(cells));
  // One more group for all rows: first weighted, then (for the smoothing) without weights.
  const std::size_t k = n_classes();
  std::vector<double> total(k + 2), mean(k + 2), square(k + 2);
  const auto each = [&](auto&& visit) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!std::isfinite(cells[i])) continue;
      const double weight = weights.empty() ? 1.0 : weights[i];
      visit(static_cast<std::size_t>(classes[i]), cells[i], weight);
      visit(k, cells[i], weight);
      visit(k + 1, cells[i], 1.0);
    }
  };
  each([&](std::size_t g, double cell, double weight) {
    total[g] += weight;
    if (weight > 0) mean[g] += weight / total[g] * (cell - mean[g]);
  });
  each([&](std::size_t g, double cell, double weight) {
    square[g] += weight * (cell - mean[g]) * (cell - mean[g]);
  });
  Summary out;
  for (std::size_t g = 0; g < k; ++g) {
    const std::size_t from = total[g] > 0 ? g : k;
    out.mean.push_back(mean[from]);
    out.variance.push_back(total[from] > 0 ? square[from] / total[from] : 0.0);
  }
  if (total[k + 1] > 0) out.largest_variance = square[k + 1] / total[k + 1];
  return out;
}

GaussianNb::Summary GaussianNb::summarize_levels(const data::Column& column,
                                                 const std::vector<double>& classes,
                                                 const std::vector<double>& weights) const {
  const std::size_t k = n_classes(), n_levels = static_cast<std::size_t>(column.dictionary()->size());
  Summary out;
  out.level.assign(n_levels * k, params_.alpha);
  std::vector<double> total(k, params_.alpha * static_cast<double>(n_levels));
  const auto codes = column.codes();
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] < 0) continue;
    const auto group = static_cast<std::size_t>(classes[i]);
    const double weight = weights.empty() ? 1.0 : weights[i];
    out.level[static_cast<std::size_t>(codes[i]) * k + group] += weight;
    total[group] += weight;
  }
  for (std::size_t i = 0; i < out.level.size(); ++i) out.level[i] = std::log(out.level[i] / total[i % k]);
  return out;
}

FitReport GaussianNb::do_fit(const TrainingData& data, const Prepared*, RowSplit rows,
                             const Context& context) {
  if (context.should_stop()) throw Error(ErrorCode::kBudget, "the time ended before gaussian_nb was fitted");
  std::vector<double> shares = mean_target(data.y, rows.train);
  if (shares.size() == 1) shares = {1 - shares[0], shares[0]};
  log_prior_.clear();
  for (const double share : shares) log_prior_.push_back(std::log(std::max(share, 1e-12)));
  const std::vector<double> classes = target_of(data.y, rows.train),
                            weights = weights_of(data.y, rows.train, false);
  const data::Frame train = data.x->take(rows.train);
  n_levels_.assign(train.n_columns(), -1);
  std::vector<Summary> summaries(train.n_columns());
  for (std::size_t c = 0; c < train.n_columns(); ++c) {
    const data::Column& column = train.column(c);
    if (column.type() == ColumnType::kCategory)
      n_levels_[c] = column.dictionary()->size();
    else if (!column.is_numeric())
      throw Error(ErrorCode::kData, "gaussian_nb takes numbers and categories: column \"{}\" is {}",
                  train.name(c), data::type_name(column.type()));
  }
  context.parallel_blocks(train.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const data::Column& column = train.column(c);
    summaries[c] = column.type() == ColumnType::kCategory ? summarize_levels(column, classes, weights)
                                                          : summarize_numbers(column, classes, weights);
  });
  double largest = 0;
  for (const Summary& summary : summaries) largest = std::max(largest, summary.largest_variance);
  state_.clear();
  first_.clear();
  for (Summary& summary : summaries) {
    // Where nothing varies any variance does.
    for (double& variance : summary.variance)
      if (variance += params_.var_smoothing* largest; !(variance > 0)) variance = 1;
    first_.push_back(state_.size());
    for (const auto* part : {&summary.mean, &summary.variance, &summary.level})
      state_.insert(state_.end(), part->begin(), part->end());
  }
  FitReport report;
  report.valid_prediction.resize(rows.valid.size() * data.y.n_outputs());
  do_predict(data.x->take(rows.valid), report.valid_prediction, context);
  return report;
}

void GaussianNb::add_level(std::size_t c, std::int64_t code, double* scores) const {
  const std::size_t k = n_classes();
  if (code < 0 || code >= n_levels_[c]) return;
  const double* const shares = state_.data() + first_[c] + static_cast<std::size_t>(code) * k;
  for (std::size_t g = 0; g < k; ++g) scores[g] += shares[g];
}

double GaussianNb::constant_of(std::size_t c, std::size_t group) const {
  return std::log(2 * std::numbers::pi * state_[first_[c] + n_classes() + group]) / 2;
}

void GaussianNb::add_number(std::size_t c, double cell, const double* constant, double* scores) const {
  const std::size_t k = n_classes();
  if (!std::isfinite(cell)) return;
  const double* const state = state_.data() + first_[c];
  for (std::size_t g = 0; g < k; ++g) {
    const double distance = cell - state[g];
    // The bound keeps sums of cells that are far from every class finite.
    scores[g] -= constant[g] + std::min(distance * distance / (2 * state[k + g]), 1e290);
  }
}

/// Adds the log likelihood of the cells of one column to the scores of its rows.
void GaussianNb::add_column(const data::Column& column, std::size_t c, std::span<double> scores) const {
  const std::size_t k = n_classes(), n = scores.size() / k;
  if (n_levels_[c] >= 0) {
    const auto codes = column.codes();
    for (std::size_t i = 0; i < n; ++i) add_level(c, codes[i], scores.data() + i * k);
    return;
  }
  std::vector<double> cells(n), constant(k);
  column.copy_numbers(std::span<double>(cells));
  for (std::size_t g = 0; g < k; ++g) constant[g] = constant_of(c, g);
  for (std::size_t i = 0; i < n; ++i) add_number(c, cells[i], constant.data(), scores.data() + i * k);
}

class GaussianNb::Row final : public RowEvaluator {
 public:
  explicit Row(const GaussianNb& learner) : learner_(learner) {
    const std::size_t k = learner.n_classes();
    for (std::size_t c = 0; c < learner.n_levels_.size(); ++c)
      for (std::size_t g = 0; g < k; ++g)
        constants_.push_back(learner.n_levels_[c] >= 0 ? 0.0 : learner.constant_of(c, g));
  }

  void predict(std::span<const data::RowCell> row, std::span<double> out) const override {
    const std::size_t k = learner_.n_classes();
    double two[2];
    double* const scores = out.size() == 1 ? two : out.data();
    std::ranges::copy(learner_.log_prior_, scores);
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (learner_.n_levels_[c] >= 0)
        learner_.add_level(c, static_cast<std::int64_t>(row[c].number), scores);
      else
        learner_.add_number(c, row[c].number, constants_.data() + c * k, scores);
    }
    if (out.size() == 1)
      out[0] = sigmoid(two[1] - two[0]);
    else
      softmax(out);
  }

 private:
  const GaussianNb& learner_;
  std::vector<double> constants_;  // columns x classes
};

std::unique_ptr<RowEvaluator> GaussianNb::row_evaluator() const { return std::make_unique<Row>(*this); }

void GaussianNb::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  const std::size_t k = n_classes();
  context.parallel_blocks(x.n_rows(), 2048, [&](std::size_t begin, std::size_t end) {
    std::vector<double> scores;
    for (std::size_t i = begin; i < end; ++i)
      scores.insert(scores.end(), log_prior_.begin(), log_prior_.end());
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      add_column(x.column(c).slice(begin, end - begin), c, scores);
    for (std::size_t i = begin; i < end; ++i) {
      const std::span<double> row(scores.data() + (i - begin) * k, k);
      if (n_outputs() == 1) {
        out[i] = sigmoid(row[1] - row[0]);
      } else {
        softmax(row);
        std::copy(row.begin(), row.end(), out.begin() + static_cast<std::ptrdiff_t>(i * k));
      }
    }
  });
}

void GaussianNb::do_save(artifact::Node& node) const {
  node.set_array("log_prior", log_prior_);
  node.set_array("n_levels", n_levels_);
  node.set_array("state", state_);
}

void GaussianNb::do_load(const artifact::Node& node) {
  log_prior_ = node.get_vector<double>("log_prior");
  n_levels_ = node.get_vector<std::int64_t>("n_levels");
  state_ = node.get_vector<double>("state");
  bool is_whole =
      n_classes() == std::max<std::size_t>(2, n_outputs()) && n_levels_.size() == feature_names().size();
  std::size_t size = 0;
  first_.clear();
  for (const std::int64_t n : n_levels_) {
    is_whole = is_whole && n >= -1 && n <= std::numeric_limits<std::int32_t>::max();
    first_.push_back(size);
    if (is_whole) size += n_classes() * (n < 0 ? 2 : static_cast<std::size_t>(n));
  }
  is_whole = is_whole && size == state_.size();
  if (!is_whole)
    throw Error(ErrorCode::kModel,
                "a naive Bayes model is damaged: {} classes and {} columns instead of {} and {}", n_classes(),
                n_levels_.size(), std::max<std::size_t>(2, n_outputs()), feature_names().size());
}

ParamTable<GaussianNbParams> table() {
  using P = GaussianNbParams;
  return ParamTable<P>()
      .param("var_smoothing", &P::var_smoothing,
             "Share of the largest variance of a number that is added to every variance.",
             log_range(1e-12, 1e-1))
      .limits(0, 1e6)
      .param("alpha", &P::alpha, "Added to the rows of every level in every class.", log_range(1e-2, 100))
      .limits(1e-10, 1e9);
}

}  // namespace

EstimatorInfo gaussian_nb_info() {
  EstimatorInfo info;
  info.name = "gaussian_nb";
  info.summary = "Naive Bayes of normal numbers and independent categories.";
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass};
  info.handles_missing = info.handles_categories = true;
  return describe<GaussianNb>(std::move(info), table());
}

}  // namespace kolosal::model
