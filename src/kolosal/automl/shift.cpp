#include "kolosal/automl/shift.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

constexpr std::size_t kMostRows = 10'000;
constexpr std::size_t kFolds = 2;
constexpr std::size_t kMostColumns = 3;

data::Frame sample_of(const data::Frame& table, Rng& rng) {
  std::vector<std::uint32_t> rows(table.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  if (rows.size() > kMostRows) {
    rng.shuffle(rows);
    rows.resize(kMostRows);
    std::ranges::sort(rows);
  }
  return table.take(rows);
}

std::vector<std::string> usable_columns(const data::Frame& table) {
  std::vector<std::string> out;
  for (std::size_t c = 0; c < table.n_columns(); ++c) {
    const data::ColumnType type = table.column(c).type();
    if (type != data::ColumnType::kText && type != data::ColumnType::kSparse) out.push_back(table.name(c));
  }
  return out;
}

/// Hanley and McNeil (1982), for the AUC of n positive and m negative rows.
double standard_error(double auc, double n, double m) {
  const double q1 = auc / (2 - auc), q2 = 2 * auc * auc / (1 + auc);
  return std::sqrt((auc * (1 - auc) + (n - 1) * (q1 - auc * auc) + (m - 1) * (q2 - auc * auc)) / (n * m));
}

}  // namespace

Shift measure_shift(const data::Frame& train, const data::Frame& test, const Context& context) {
  const auto names = usable_columns(train);
  if (names.empty() || train.n_rows() < kFolds || test.n_rows() < kFolds) return {};
  Rng rng(derive_seed(context.seed, {"shift"}));
  const std::array parts = {sample_of(train.select(names), rng), sample_of(test.select(names), rng)};
  const data::Frame both = data::concatenate(parts);
  std::vector<double> is_test(both.n_rows());
  std::fill(is_test.begin() + static_cast<std::ptrdiff_t>(parts[0].n_rows()), is_test.end(), 1.0);
  const data::TargetView y{data::Task::kBinary, is_test, {}, 2};

  std::vector<std::uint32_t> order(both.n_rows());
  std::iota(order.begin(), order.end(), 0U);
  rng.shuffle(order);
  std::vector<double> prediction(both.n_rows()), gain(names.size());
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<std::uint32_t> rows[2];
    for (std::size_t i = 0; i < order.size(); ++i) rows[i % kFolds == fold ? 1 : 0].push_back(order[i]);
    for (auto& part : rows) std::ranges::sort(part);
    const auto forest = model::make_estimator(
        "random_forest", {{"n_estimators", std::int64_t{50}}, {"min_samples_leaf", std::int64_t{5}}});
    const auto report = forest->fit({&both, y}, nullptr, {rows[0], rows[1]}, context);
    for (std::size_t i = 0; i < rows[1].size(); ++i) prediction[rows[1][i]] = report.valid_prediction[i];
    const auto importance = forest->feature_importance();
    for (std::size_t c = 0; c < importance.size(); ++c) gain[c] += importance[c] / kFolds;
  }
  Shift out;
  out.auc = metric::metric_for("roc_auc", data::Task::kBinary).compute(y, prediction);
  out.deviation =
      standard_error(out.auc, static_cast<double>(parts[1].n_rows()), static_cast<double>(parts[0].n_rows()));
  for (std::size_t c = 0; c < names.size(); ++c) out.columns.emplace_back(names[c], gain[c]);
  std::ranges::stable_sort(out.columns, std::greater(), [](const auto& column) { return column.second; });
  out.columns.resize(std::min(out.columns.size(), kMostColumns));
  return out;
}

std::string describe(const Shift& shift) {
  std::vector<std::string> columns;
  for (const auto& [name, share] : shift.columns)
    columns.push_back(fmt::format("{} ({:.0f} %)", name, 100 * share));
  return fmt::format(
      "the test rows differ from the training rows: a model tells them apart with an AUC of {:.3f} "
      "(0.5 is chance), mostly by {}; the validation score may not hold for them",
      shift.auc, fmt::join(columns, ", "));
}

}  // namespace kolosal::automl
