#include "kolosal/pipeline/fit_choices.hpp"

#include <algorithm>
#include <numeric>

#include "kolosal/model/class_weights.hpp"
#include "kolosal/pipeline/feature_selector.hpp"
#include "kolosal/transform/resampler.hpp"

namespace kolosal::pipeline {
namespace {

/// What the learner is given: the table as it is, or the resampled training rows and behind them the
/// validation rows.
struct FitTable {
  data::Frame x;
  std::vector<double> values, weights;  ///< Weights empty: 1 each.
  std::vector<std::uint32_t> train, valid;
};

FitTable table_as_it_is(data::Frame x, const data::TargetView& y, model::RowSplit rows) {
  return {std::move(x),
          {y.values.begin(), y.values.end()},
          {y.weights.begin(), y.weights.end()},
          {rows.train.begin(), rows.train.end()},
          {rows.valid.begin(), rows.valid.end()}};
}

FitTable resampled_table(const NamedSpec& spec, const data::Frame& x, const data::TargetView& y,
                         model::RowSplit rows, const Context& context) {
  auto made = transform::make_resampler(spec.name, spec.params)->resample(x, rows.train, y, context);
  if (made.values.empty())
    throw Error(ErrorCode::kData, "resampler {} has left no training row of {}", spec.name,
                rows.train.size());
  FitTable out;
  out.train.resize(made.x.n_rows());
  out.valid.resize(rows.valid.size());
  std::iota(out.train.begin(), out.train.end(), 0U);
  std::iota(out.valid.begin(), out.valid.end(), static_cast<std::uint32_t>(out.train.size()));
  const data::Frame parts[] = {std::move(made.x), x.take(rows.valid)};
  out.x = data::concatenate(parts);
  out.values = std::move(made.values);
  out.weights = std::move(made.weights);
  for (const std::uint32_t row : rows.valid) {
    out.values.push_back(y.values[row]);
    if (!y.weights.empty()) out.weights.push_back(y.weights[row]);
  }
  return out;
}

/// Only the training rows count more or less.
void weigh_classes(const std::string& rule, const data::TargetView& y, FitTable& table) {
  const auto factors = model::class_weights(
      rule, {y.task, table.values, table.weights, y.n_classes, y.quantiles}, table.train);
  if (table.weights.empty()) table.weights.assign(table.values.size(), 1.0);
  for (const std::uint32_t row : table.train)
    table.weights[row] *= factors[static_cast<std::size_t>(table.values[row])];
}

/// Weight of each class among rows, of all.
std::vector<double> class_shares(std::span<const double> values, std::span<const double> weights,
                                 std::span<const std::uint32_t> rows, std::size_t n_classes) {
  std::vector<double> out(n_classes);
  double sum = 0;
  for (const std::uint32_t row : rows) {
    const double weight = weights.empty() ? 1 : weights[row];
    out[static_cast<std::size_t>(values[row])] += weight;
    sum += weight;
  }
  for (double& share : out) share /= sum;
  return out;
}

/// What the shares were, by what they are now. A class that resampling has left without rows can not come
/// back.
std::vector<double> factors_of(const data::TargetView& y, std::span<const std::uint32_t> rows,
                               const FitTable& table) {
  const std::size_t n_classes = std::max<std::size_t>(y.n_classes, 2);
  auto out = class_shares(y.values, y.weights, rows, n_classes);
  const auto now = class_shares(table.values, table.weights, table.train, n_classes);
  for (std::size_t k = 0; k < n_classes; ++k) out[k] = now[k] > 0 ? out[k] / now[k] : 1;
  return out;
}

}  // namespace

void apply_class_factors(std::span<double> prediction, std::span<const double> factors) {
  if (factors.empty()) return;
  if (factors.size() == 2) {
    for (double& p : prediction) {
      const double yes = p * factors[1], no = (1 - p) * factors[0];
      if (yes + no > 0) p = yes / (yes + no);
    }
    return;
  }
  for (std::size_t begin = 0; begin < prediction.size(); begin += factors.size()) {
    const auto row = prediction.subspan(begin, factors.size());
    double sum = 0;
    for (std::size_t k = 0; k < row.size(); ++k) sum += row[k] *= factors[k];
    if (sum > 0)
      for (double& p : row) p /= sum;
  }
}

model::FitReport fit_with_choices(model::Estimator& estimator, const FitChoices& choices,
                                  const data::Frame& x, const data::TargetView& y, model::RowSplit rows,
                                  const Context& context, std::vector<double>& class_factors,
                                  const model::Prepared* prepared) {
  class_factors.clear();
  data::Frame chosen = x;
  if (choices.selector)
    chosen = make_feature_selector(choices.selector->name, choices.selector->params)
                 ->fit(x, rows.train, y, context)
                 .of(x);
  const auto fit = [&](const data::Frame& table, const data::TargetView& target, model::RowSplit split) {
    const model::TrainingData training{&table, target};
    if (prepared && !choices.change_table()) return estimator.fit(training, prepared, split, context);
    const auto own = estimator.prepare(training, context);
    return estimator.fit(training, own.get(), split, context);
  };
  const bool is_weighted = !choices.class_weight.empty() && y.task != data::Task::kRegression;
  if (!choices.resampler && !is_weighted) return fit(chosen, y, rows);

  FitTable table = choices.resampler ? resampled_table(*choices.resampler, chosen, y, rows, context)
                                     : table_as_it_is(std::move(chosen), y, rows);
  if (is_weighted) weigh_classes(choices.class_weight, y, table);
  if (choices.keeps_class_shares && y.task != data::Task::kRegression) {
    class_factors = factors_of(y, rows.train, table);
    if (table.weights.empty()) table.weights.assign(table.values.size(), 1.0);
    for (const std::uint32_t row : table.valid)
      table.weights[row] /= class_factors[static_cast<std::size_t>(table.values[row])];
  }
  auto report = fit(table.x, {y.task, table.values, table.weights, y.n_classes}, {table.train, table.valid});
  apply_class_factors(report.valid_prediction, class_factors);
  return report;
}

}  // namespace kolosal::pipeline
