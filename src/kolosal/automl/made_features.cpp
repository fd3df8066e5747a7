#include "kolosal/automl/made_features.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/automl/views.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/row_sample.hpp"
#include "kolosal/pipeline/learned_steps.hpp"
#include "kolosal/transform/recipe.hpp"

namespace kolosal::automl {
namespace {

using data::ColumnType;
using data::Task;

constexpr double kLookShare = 0.02, kFitShare = 0.1;  // of the run's thread-seconds
constexpr std::size_t kMostLookRows = 5'000, kMostPairRows = 10'000;
/// Fewer rows tell too little.
constexpr std::size_t kLeastRows = 200;
constexpr double kLeastZ = 3;  // standard errors
/// Measured: all fits of linear_score, by word of a row and output; and reading the words.
constexpr double kSecondsPerWord = 2e-6;
/// Measured: category_cross with held_out, by pair, row and output.
constexpr double kSecondsPerPair = 60e-9;
constexpr std::size_t kManyClasses = 30;  // a weight per word and class

std::size_t n_outputs(const TableShape& shape) {
  return shape.task == Task::kMulticlass ? shape.n_classes : 1;
}

/// How many rows a share of the time allows; 0 when they are too few for the table.
std::size_t affordable(double seconds, double seconds_per_row, std::size_t n_rows, std::size_t most) {
  const double allowed = seconds / std::max(seconds_per_row, 1e-9);
  const std::size_t out = std::min({n_rows, most, static_cast<std::size_t>(std::min(allowed, 1e12))});
  return out < std::min(kLeastRows, n_rows) ? 0 : out;
}

std::vector<std::string> names_of(const data::Frame& base, ColumnType type) {
  std::vector<std::string> out;
  for (std::size_t c = 0; c < base.n_columns(); ++c)
    if (base.column(c).type() == type) out.push_back(base.name(c));
  return out;
}

/// Some rows of a table with their target.
struct Sample {
  Sample(const data::Frame& base, const std::vector<std::string>& columns, const data::TargetView& y,
         std::span<const std::uint32_t> rows, std::size_t wanted, std::uint64_t seed) {
    Rng rng(derive_seed(seed, {"sample"}));
    auto chosen = draw_rows(rows.size(), wanted, rng);
    for (std::uint32_t& row : chosen) {
      row = rows[row];
      values.push_back(y.values[row]);
      if (!y.weights.empty()) weights.push_back(y.weights[row]);
      if (!y.groups.empty()) groups.push_back(y.groups[row]);
    }
    std::vector<data::Column> taken;
    for (const std::string& name : columns) taken.push_back(base.column(name).take(chosen));
    x = {columns, std::move(taken)};
    target = {y.task, values, weights, y.n_classes, {}, groups};
    all.resize(chosen.size());
    std::iota(all.begin(), all.end(), 0U);
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

  data::Frame x;
  std::vector<double> values, weights;
  std::vector<std::int64_t> groups;
  data::TargetView target;
  std::vector<std::uint32_t> all;
};

/// Correlation of a score with what it predicts, in standard errors of noise. Trees do not mind the scale of
/// a score, so it need not be calibrated.
double z_of(std::span<const double> score, std::span<const double> truth) {
  const auto n = static_cast<double>(score.size());
  const double mean_score = std::accumulate(score.begin(), score.end(), 0.0) / n;
  const double mean_truth = std::accumulate(truth.begin(), truth.end(), 0.0) / n;
  double both = 0, of_score = 0, of_truth = 0;
  for (std::size_t i = 0; i < score.size(); ++i) {
    const double s = score[i] - mean_score, t = truth[i] - mean_truth;
    both += s * t;
    of_score += s * s;
    of_truth += t * t;
  }
  return of_score > 0 && of_truth > 0 ? both / std::sqrt(of_score * of_truth) * std::sqrt(n) : 0;
}

bool texts_pay(const Sample& sample, const Context& context) {
  transform::StepSpec terms("text_tfidf", {{"ngram_max", std::int64_t{2}},
                                           {"min_rows", std::int64_t{2}},
                                           {"max_features", std::int64_t{10'000}},
                                           {"sublinear_tf", true}});
  transform::StepSpec prediction("linear_score", {}, {.types = "sparse"});
  prediction.info = pipeline::linear_score_step();
  transform::Recipe recipe({std::move(terms), std::move(prediction)});
  const data::Frame scores = recipe.fit_transform(sample.x, sample.all, sample.target, context);
  if (scores.n_columns() != sample.target.n_outputs()) return false;
  for (std::size_t k = 0; k < scores.n_columns(); ++k) {
    std::vector<double> score(sample.all.size()), truth = sample.values;
    scores.column(k).copy_numbers(score);
    if (sample.target.task == Task::kMulticlass)
      for (double& value : truth) value = value == static_cast<double>(k) ? 1 : 0;
    // One of many classes may seem to be told by chance.
    if (z_of(score, truth) > kLeastZ + std::sqrt(2 * std::log(static_cast<double>(scores.n_columns()))))
      return true;
  }
  return false;
}

std::int64_t score_rows_of(const TableShape& shape, const data::Frame& base, const data::TargetView& y,
                           std::span<const pipeline::Split> splits, double thread_seconds,
                           const Context& context) {
  if (shape.n_text == 0 || shape.n_classes > kManyClasses) return 0;
  double words = 0;
  for (const auto& column : shape.columns)
    if (column.type == ColumnType::kText && column.text) words += column.text->mean_words + 1;
  const double per_row = kSecondsPerWord * words * static_cast<double>(n_outputs(shape));
  const auto& train = splits.front().train;
  const std::size_t look = affordable(kLookShare * thread_seconds, per_row, train.size(), kMostLookRows);
  const std::size_t fit = affordable(kFitShare * thread_seconds / static_cast<double>(splits.size()), per_row,
                                     train.size(), 1'000'000);
  if (look < kLeastRows || fit == 0) return 0;
  const Sample sample(base, names_of(base, ColumnType::kText), y, train, look, context.seed);
  return texts_pay(sample, context) ? static_cast<std::int64_t>(fit) : 0;
}

std::int64_t pair_rows_of(const TableShape& shape, const data::Frame& base, const data::TargetView& y,
                          std::span<const pipeline::Split> splits, double thread_seconds,
                          const Context& context) {
  const auto names = names_of(base, ColumnType::kCategory);
  if (names.size() < 2) return 0;
  const auto n = static_cast<double>(std::min<std::size_t>(names.size(), 60));  // of which pairs are weighed
  const double per_row =
      kSecondsPerPair * n * (n - 1) / 2 * static_cast<double>(std::min<std::size_t>(n_outputs(shape), 10));
  const auto& train = splits.front().train;
  const std::size_t rows = affordable(kLookShare * thread_seconds / (1 + static_cast<double>(splits.size())),
                                      per_row, train.size(), kMostPairRows);
  if (rows < kLeastRows) return 0;
  const Sample sample(base, names, y, train, rows, context.seed);
  const auto step =
      transform::make_transformer("category_cross", {{"choose", "held_out"}, {"handle_missing", "level"}});
  step->fit(sample.x, sample.all, sample.target, names, context);
  const bool has_found = step->transform(sample.x.slice(0, 1), context).n_columns() > names.size();
  return has_found ? static_cast<std::int64_t>(rows) : 0;
}

}  // namespace

MadeFeatures find_made_features(const TableShape& shape, const data::Frame& base, const data::TargetView& y,
                                std::span<const pipeline::Split> splits, double thread_seconds,
                                const Context& context) {
  return {score_rows_of(shape, base, y, splits, thread_seconds, context),
          pair_rows_of(shape, base, y, splits, thread_seconds, context)};
}

}  // namespace kolosal::automl
