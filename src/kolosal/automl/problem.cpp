#include "kolosal/automl/problem.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/hash.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/classes.hpp"
#include "kolosal/data/fingerprint.hpp"

namespace kolosal::automl {
namespace {

using data::Column;
using data::ColumnType;
using data::Task;

constexpr std::size_t kMaxClasses = 2'000;

const Column& required_column(const data::Frame& table, const std::string& name, const char* what) {
  if (const auto i = table.find(name)) return table.column(*i);
  const std::string near = nearest_name(name, table.names());
  std::string known = fmt::format(
      "{}", fmt::join(table.names().begin(),
                      table.names().begin() +
                          static_cast<std::ptrdiff_t>(std::min<std::size_t>(8, table.n_columns())),
                      ", "));
  throw Error(ErrorCode::kData, "{} column \"{}\" is not in the table{}; its columns are: {}{}", what, name,
              near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near), known,
              table.n_columns() > 8 ? ", ..." : "");
}

/// Decides the task and says why.
std::pair<Task, std::string> decide_task(const Column& column, const std::string& target,
                                         const std::string& asked) {
  const bool numeric = column.is_numeric();
  if (column.type() == ColumnType::kTimestamp || column.type() == ColumnType::kDate ||
      column.type() == ColumnType::kSparse)
    throw Error(ErrorCode::kData, "target column \"{}\" holds {} values; a target must be numbers or classes",
                target, data::type_name(column.type()));
  if (asked != "auto") {
    const Task task = data::task_from_name(asked);
    if (task == Task::kRegression && !numeric)
      throw Error(ErrorCode::kData,
                  "target column \"{}\" holds {} values, which can not be a regression target; drop --task "
                  "or use --task multiclass",
                  target, data::type_name(column.type()));
    return {task, "asked for"};
  }
  data::TaskChoice choice = data::choose_task(column);
  return {choice.task, std::move(choice.reason)};
}

/// Of larger values the sum of the squared errors is beyond what a double holds.
double largest_target(std::size_t n_rows) {
  return std::sqrt(std::numeric_limits<double>::max() / 16 / static_cast<double>(n_rows + 1));
}

std::vector<std::uint32_t> rows_with_target(const Column& column, const std::string& target) {
  std::vector<std::uint32_t> rows;
  const double largest = largest_target(column.size());
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (column.is_missing(i)) continue;
    if (column.is_numeric() && std::isinf(column.number(i)))
      throw Error(ErrorCode::kData, "target column \"{}\" is infinite in row {}; remove or correct that row",
                  target, i + 1);
    if (column.is_numeric() && std::abs(column.number(i)) > largest)
      throw Error(ErrorCode::kData,
                  "target column \"{}\" is {:g} in row {}, and no number can hold the squared errors of such "
                  "values; divide the column, or correct that row",
                  target, column.number(i), i + 1);
    rows.push_back(static_cast<std::uint32_t>(i));
  }
  if (rows.empty())
    throw Error(ErrorCode::kData, "target column \"{}\" is missing in all {} rows", target, column.size());
  return rows;
}

void set_classes(Problem& problem, const Column& column, const std::string& target) {
  data::ClassLevels levels = data::class_levels(column);
  const std::size_t n = levels.names.size();
  if (n < 2)
    throw Error(ErrorCode::kData,
                "target column \"{}\" has only one value, \"{}\"; there is nothing to learn", target,
                n == 0 ? "" : levels.names[0]);
  if (problem.task == Task::kBinary && n > 2)
    throw Error(ErrorCode::kData,
                "target column \"{}\" has {} classes; --task binary needs 2: use --task multiclass", target,
                n);
  if (n > kMaxClasses || (n > 50 && n * 2 > column.size()))
    throw Error(ErrorCode::kData,
                "target column \"{}\" has {} different values in {} rows, too many to be classes; it looks "
                "like an identifier or free text",
                target, n, column.size());
  problem.task = n == 2 ? Task::kBinary : Task::kMulticlass;
  problem.task_reason += fmt::format(", {} classes", n);
  problem.classes = levels.names;
  problem.target.assign(levels.codes.begin(), levels.codes.end());
  const auto rarest = std::ranges::min_element(levels.counts);
  if (*rarest < 5)
    problem.notes.push_back(
        fmt::format("class \"{}\" has only {} row{}; its predictions can not be trusted",
                    levels.names[static_cast<std::size_t>(rarest - levels.counts.begin())], *rarest,
                    *rarest == 1 ? "" : "s"));
}

void set_values(Problem& problem, const Column& column, const std::string& target) {
  problem.target.resize(column.size());
  column.copy_numbers(problem.target);
  const auto [low, high] = std::ranges::minmax(problem.target);
  if (low == high)
    throw Error(ErrorCode::kData, "target column \"{}\" is always {}; there is nothing to learn", target,
                low);
}

std::string quantiles_text(const std::vector<double>& quantiles) {
  return fmt::format("{}", fmt::join(quantiles, ","));
}

/// rows: where the column's rows are in the user's table.
std::vector<double> read_weights(const Column& column, const std::vector<std::uint32_t>& rows,
                                 const std::string& name) {
  if (!column.is_numeric())
    throw Error(ErrorCode::kData, "weight column \"{}\" holds {} values; weights must be numbers", name,
                data::type_name(column.type()));
  std::vector<double> out(column.size());
  column.copy_numbers(out);
  double sum = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!(out[i] >= 0) || std::isinf(out[i]))
      throw Error(ErrorCode::kData,
                  "weight column \"{}\" must hold finite numbers of at least 0, not {} (row {})", name,
                  out[i], rows[i] + 1);
    sum += out[i];
  }
  if (sum <= 0) throw Error(ErrorCode::kData, "weight column \"{}\" is 0 in every row", name);
  if (std::isinf(sum))
    throw Error(ErrorCode::kData, "weights of column \"{}\" have a sum that no number can hold; divide them",
                name);
  return out;
}

std::vector<std::int64_t> read_groups(const Column& column, const std::string& name) {
  const data::ClassLevels levels = data::class_levels(column);
  if (levels.names.size() < 2)
    throw Error(ErrorCode::kData, "group column \"{}\" has fewer than 2 groups", name);
  return {levels.codes.begin(), levels.codes.end()};
}

std::vector<std::int64_t> read_times(const Column& column, const std::string& name) {
  if (column.type() == ColumnType::kText || column.type() == ColumnType::kCategory ||
      column.type() == ColumnType::kSparse)
    throw Error(ErrorCode::kData,
                "time column \"{}\" holds {} values; it must hold dates, timestamps or numbers", name,
                data::type_name(column.type()));
  std::vector<double> numbers(column.size());
  column.copy_numbers(numbers);
  // Ranks, so that fractions of a second and of a number keep their order; missing times come first.
  std::vector<double> sorted = numbers;
  std::erase_if(sorted, [](double v) { return std::isnan(v); });
  std::ranges::sort(sorted);
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  if (sorted.size() < 2)
    throw Error(ErrorCode::kData, "time column \"{}\" has fewer than 2 different times", name);
  std::vector<std::int64_t> out(numbers.size(), 0);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!std::isnan(numbers[i])) out[i] = 1 + (std::ranges::lower_bound(sorted, numbers[i]) - sorted.begin());
  return out;
}

void set_roles(Problem& problem, const data::Frame& table, const ProblemOptions& options) {
  problem.schema = data::Schema::of(table);
  for (const std::string& name : options.ignore) required_column(table, name, "ignored");
  for (data::Field& field : problem.schema.fields()) {
    if (field.name == options.target)
      field.role = data::Role::kTarget;
    else if (field.name == options.weight)
      field.role = data::Role::kWeight;
    else if (field.name == options.group)
      field.role = data::Role::kGroup;
    else if (std::ranges::find(options.ignore, field.name) != options.ignore.end())
      field.role = data::Role::kIgnored;
    else if (field.n_missing == table.n_rows()) {
      field.role = data::Role::kIgnored;
      problem.notes.push_back(fmt::format("column \"{}\" is empty in every row and is ignored", field.name));
    }
  }
}

const metric::Metric* choose_metric(const Problem& problem, const ProblemOptions& options) {
  if (options.quantiles.empty())
    return options.metric.empty() ? &metric::default_metric(problem.task)
                                  : &metric::metric_for(options.metric, problem.task);
  if (problem.task != Task::kRegression)
    throw Error(
        ErrorCode::kInvalidParameter,
        "--quantiles {} is for targets that are numbers, but \"{}\" is a {} target ({}); drop --quantiles{}",
        quantiles_text(options.quantiles), options.target, data::task_name(problem.task), problem.task_reason,
        options.task == "auto" ? ", or add --task regression for numbers" : "");
  check_quantiles(options.quantiles);
  const metric::Metric& score =
      metric::metric_for(options.quantiles.size() > 1 ? std::string("pinball")
                                                      : fmt::format("pinball:{}", options.quantiles.front()),
                         problem.task);
  if (!options.metric.empty()) {
    const metric::Metric& asked = metric::metric_for(options.metric, problem.task);
    if (asked.name != "pinball" && asked.name != score.name)
      throw Error(ErrorCode::kInvalidParameter,
                  "--metric {} scores one number per row; with --quantiles {} the score is pinball, the mean "
                  "pinball loss over them: drop --metric",
                  options.metric, quantiles_text(options.quantiles));
  }
  return &score;
}

/// Metrics that a prediction of the median is good for.
bool wants_median(const metric::Metric& metric) {
  constexpr std::array kNames = {"mae", "median_absolute_error", "d2_absolute_error", "mape", "smape"};
  return std::ranges::find(kNames, metric.name) != kNames.end();
}

/// Metrics of the logarithm of a target are those of squared errors of another target.
void set_log_target(Problem& problem) {
  const std::string& name = problem.metric->name;
  if (problem.task != Task::kRegression || (name != "rmsle" && name != "msle")) return;
  // Such a target has no logarithm; the metric itself says so.
  if (std::ranges::min(problem.target) <= -1) return;
  for (double& value : problem.target) value = std::log1p(value);
  auto own = std::make_shared<metric::Metric>(*problem.metric);
  own->compute = metric::metric_for(name == "rmsle" ? "rmse" : "mse", Task::kRegression).compute;
  problem.own_metric = std::move(own);
  problem.metric = problem.own_metric.get();
  problem.is_log_target = true;
}

void set_quantiles(Problem& problem, const ProblemOptions& options) {
  problem.quantiles = problem.loss_quantiles = options.quantiles;
  if (problem.quantiles.empty() && problem.task == Task::kRegression && wants_median(*problem.metric))
    problem.loss_quantiles = {0.5};
  problem.has_relative_errors =
      problem.quantiles.empty() && (problem.metric->name == "mape" || problem.metric->name == "smape");
}

}  // namespace

std::uint64_t Problem::fingerprint() const {
  std::uint64_t out = hash_bytes(target.data(), target.size() * sizeof(double), features.n_columns());
  out = data::fingerprint(features, out);
  for (const std::string& name : classes) out = hash_bytes(name.data(), name.size(), out);
  out = hash_bytes(weights.data(), weights.size() * sizeof(double), out);
  out = hash_bytes(groups.data(), groups.size() * sizeof(std::int64_t), out);
  return hash_bytes(times.data(), times.size() * sizeof(std::int64_t), out);
}

void check_quantiles(const std::vector<double>& quantiles) {
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    const double q = quantiles[i];
    if (!(q > 0 && q < 1))
      throw Error(ErrorCode::kInvalidParameter,
                  "--quantiles {}: each must be above 0 and below 1, not {}; 0.5 is the median",
                  quantiles_text(quantiles), q);
    if (i > 0 && q == quantiles[i - 1])
      throw Error(ErrorCode::kInvalidParameter, "--quantiles {}: {} is given twice",
                  quantiles_text(quantiles), q);
    if (i > 0 && q < quantiles[i - 1])
      throw Error(ErrorCode::kInvalidParameter, "--quantiles {}: they must rise, but {} comes after {}",
                  quantiles_text(quantiles), q, quantiles[i - 1]);
  }
}

Problem make_problem(const data::Frame& whole, const ProblemOptions& options) {
  if (options.target.empty()) throw Error(ErrorCode::kUsage, "no target column given; pass --target COLUMN");
  const Column& all_targets = required_column(whole, options.target, "target");
  if (whole.n_columns() < 2)
    throw Error(ErrorCode::kData,
                "the table has no column beside the target \"{}\"; there is nothing to learn from",
                options.target);
  for (const auto& [name, what] :
       {std::pair{options.weight, "weight"}, {options.group, "group"}, {options.time, "time"}}) {
    if (name.empty()) continue;
    required_column(whole, name, what);
    if (name == options.target)
      throw Error(ErrorCode::kData, "column \"{}\" can not be both the target and the {} column", name, what);
  }

  Problem problem;
  auto rows = rows_with_target(all_targets, options.target);
  const bool some_missing = rows.size() < whole.n_rows();
  if (some_missing)
    problem.notes.push_back(fmt::format("{} of {} rows have no target and are left out",
                                        whole.n_rows() - rows.size(), whole.n_rows()));
  const data::Frame table = some_missing ? whole.take(rows) : whole;
  if (table.n_rows() < 2)
    throw Error(ErrorCode::kData, "the table has {} row with a target; at least 2 are needed",
                table.n_rows());

  const Column& target = table.column(options.target);
  std::tie(problem.task, problem.task_reason) = decide_task(target, options.target, options.task);
  if (problem.task == Task::kRegression)
    set_values(problem, target, options.target);
  else
    set_classes(problem, target, options.target);
  problem.metric = choose_metric(problem, options);
  set_quantiles(problem, options);
  set_log_target(problem);

  if (!options.weight.empty())
    problem.weights = read_weights(table.column(options.weight), rows, options.weight);
  if (!options.group.empty()) problem.groups = read_groups(table.column(options.group), options.group);
  if (!options.time.empty()) problem.times = read_times(table.column(options.time), options.time);

  set_roles(problem, table, options);
  problem.features = table.select(problem.schema.names_with(data::Role::kFeature));
  if (some_missing) problem.table_rows = std::move(rows);
  if (problem.features.n_columns() == 0)
    throw Error(ErrorCode::kData, "no feature column is left: {} were ignored, empty or have another role",
                table.n_columns() - 1);
  return problem;
}

}  // namespace kolosal::automl
