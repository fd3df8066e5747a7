#include "kolosal/metric/metric.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/metric/pinball_internal.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {

#define KOLOSAL_PLUGIN(name) std::vector<Metric> name##_metrics();
#include "kolosal/metric/metrics_catalog.inc"
#undef KOLOSAL_PLUGIN

namespace {

constexpr double kMinProbability = 1e-15;

/// What every metric demands of its input, before its own mathematics.
void check_input(const std::string& name, const data::TargetView& y, std::span<const double> prediction) {
  KOLOSAL_ASSERT(prediction.size() == y.values.size() * y.n_outputs(), "one prediction per row and output");
  KOLOSAL_ASSERT(y.weights.empty() || y.weights.size() == y.values.size(), "one weight per row");
  if (y.values.empty())
    throw Error(ErrorCode::kData, "{} can not be computed: there are no rows to score", name);
  for (std::size_t i = 0; i < prediction.size(); ++i)
    if (!std::isfinite(prediction[i]))
      throw Error(ErrorCode::kData,
                  "{} can not be computed: the prediction of row {} is not a finite number: {}", name,
                  i / y.n_outputs(), prediction[i]);
  if (!y.weights.empty() && !(total_weight(y) > 0))
    throw Error(ErrorCode::kData,
                "{} can not be computed: the weights of the rows sum to {}, they must sum to more than 0",
                name, total_weight(y));
}

Metric checked(Metric metric) {
  metric.compute = [name = metric.name, inner = std::move(metric.compute)](
                       const data::TargetView& y, std::span<const double> prediction) {
    check_input(name, y, prediction);
    return inner(y, prediction);
  };
  return metric;
}

void append(std::vector<Metric>& all, std::vector<Metric> more) {
  for (Metric& metric : more) all.push_back(checked(std::move(metric)));
}

std::vector<Metric> all_metrics() {
  std::vector<Metric> all;
#define KOLOSAL_PLUGIN(name) append(all, name##_metrics());
#include "kolosal/metric/metrics_catalog.inc"
#undef KOLOSAL_PLUGIN
  std::ranges::sort(all, {}, &Metric::name);
  return all;
}

bool fits(const Metric& metric, data::Task task) {
  return std::ranges::find(metric.tasks, task) != metric.tasks.end();
}

bool is_called(const Metric& metric, std::string_view name) {
  return metric.name == name || std::ranges::find(metric.aliases, name) != metric.aliases.end();
}

std::vector<std::string> names_for(data::Task task) {
  std::vector<std::string> out;
  for (const Metric* metric : metrics_for(task)) out.push_back(metric->name);
  return out;
}

/// The metric with a parameter that was asked for, made at the first call and kept, as metrics() is: who
/// holds a metric holds a pointer.
const Metric& with_parameter(const Metric& metric, std::string_view value) {
  if (!metric.with)
    throw Error(ErrorCode::kInvalidParameter, "metric \"{}\" has no parameter, but \"{}\" is given for it",
                metric.name, value);
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const Metric>, std::less<>> made;
  const std::string key = fmt::format("{}:{}", metric.name, value);
  const std::lock_guard lock(mutex);
  auto& entry = made[key];
  if (!entry) {
    Metric out = metric.with(value);
    out.name = key;
    entry = std::make_unique<const Metric>(checked(std::move(out)));
  }
  return *entry;
}

/// The probability that the model gave to the true class of a row.
double true_class_probability(const data::TargetView& y, std::span<const double> prediction,
                              std::size_t row) {
  if (y.task == data::Task::kBinary) return y.values[row] > 0.5 ? prediction[row] : 1 - prediction[row];
  return prediction[row * y.n_classes + static_cast<std::size_t>(y.values[row])];
}

double clipped(double p) { return std::clamp(p, kMinProbability, 1 - kMinProbability); }

/// Logarithms are dear, so rows without weights are multiplied first: 16 factors of at least 1e-15 can not
/// underflow.
double mean_log_loss(const data::TargetView& y, std::span<const double> prediction) {
  if (!y.weights.empty())
    return weighted_mean(
        y, [&](std::size_t i) { return -std::log(clipped(true_class_probability(y, prediction, i))); });
  constexpr std::size_t kFactors = 16;
  const std::size_t n = y.values.size();
  double sum = 0;
  for (std::size_t begin = 0; begin < n; begin += kFactors) {
    double product = 1;
    for (std::size_t i = begin; i < std::min(n, begin + kFactors); ++i)
      product *= clipped(true_class_probability(y, prediction, i));
    sum -= std::log(product);
  }
  return sum / static_cast<double>(n);
}

}  // namespace

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = all_metrics();
  return all;
}

std::vector<const Metric*> metrics_for(data::Task task) {
  std::vector<const Metric*> out;
  for (const Metric& metric : metrics())
    if (fits(metric, task)) out.push_back(&metric);
  return out;
}

const Metric& metric_for(std::string_view name, data::Task task) {
  if (const std::size_t colon = name.find(':'); colon != std::string_view::npos)
    return with_parameter(metric_for(name.substr(0, colon), task), name.substr(colon + 1));
  std::string wanted;
  std::ranges::transform(name, std::back_inserter(wanted),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const Metric* of_other_task = nullptr;
  std::vector<std::string> known;
  for (const Metric& metric : metrics()) {
    if (is_called(metric, wanted)) {
      if (fits(metric, task)) return metric;
      of_other_task = &metric;
    }
    known.push_back(metric.name);
    known.insert(known.end(), metric.aliases.begin(), metric.aliases.end());
  }
  if (of_other_task)
    throw Error(ErrorCode::kInvalidParameter, "metric \"{}\" is not for {} targets; use one of: {}", name,
                data::task_name(task), fmt::join(names_for(task), ", "));
  const std::string near = nearest_name(wanted, known);
  if (!near.empty())
    throw Error(ErrorCode::kInvalidParameter, "unknown metric \"{}\"; did you mean \"{}\"?", name, near);
  throw Error(ErrorCode::kInvalidParameter, "unknown metric \"{}\"; use one of: {}", name,
              fmt::join(names_for(task), ", "));
}

const Metric& default_metric(data::Task task) {
  switch (task) {
    case data::Task::kBinary:
      return metric_for("roc_auc", task);
    case data::Task::kMulticlass:
      return metric_for("log_loss", task);
    case data::Task::kRegression:
      break;
  }
  return metric_for("rmse", data::Task::kRegression);
}

double training_loss(const data::TargetView& y, std::span<const double> prediction) {
  KOLOSAL_ASSERT(prediction.size() == y.values.size() * y.n_outputs(), "one prediction per row and output");
  if (y.task != data::Task::kRegression) return mean_log_loss(y, prediction);
  if (!y.quantiles.empty()) return mean_pinball(y, prediction);
  return weighted_mean(y, [&](std::size_t i) {
    const double error = prediction[i] - y.values[i];
    return error * error;
  });
}

std::vector<double> confusion_matrix(const data::TargetView& y, std::span<const double> prediction) {
  KOLOSAL_ASSERT(y.task != data::Task::kRegression && y.n_classes >= 2, "a confusion matrix needs classes");
  KOLOSAL_ASSERT(prediction.size() == y.values.size() * y.n_outputs(), "one prediction per row and output");
  const std::size_t n_classes = y.n_classes;
  std::vector<double> counts(n_classes * n_classes);
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    std::size_t predicted = 0;
    if (y.task == data::Task::kBinary) {
      predicted = prediction[i] > 0.5 ? 1 : 0;
    } else {
      const auto row = prediction.subspan(i * n_classes, n_classes);
      predicted = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
    }
    counts[static_cast<std::size_t>(y.values[i]) * n_classes + predicted] += y.weight(i);
  }
  return counts;
}

}  // namespace kolosal::metric
