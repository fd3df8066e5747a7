#include "kolosal/ensemble/decision_weights.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "kolosal/core/error.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;

constexpr std::size_t kFolds = 5;
constexpr std::size_t kMostClasses = 30;
constexpr std::size_t kMostRows = 20'000;
constexpr std::array kSteps = {0.4, 0.6, 0.8, 1.25, 1.7, 2.5};
constexpr int kPasses = 2;
constexpr std::array kStarts = {0.0, 0.25, 0.5, 0.75, 1.0};

using Rows = std::vector<std::uint32_t>;

/// The search on some rows. The metric sees the weight of the rows of each class that get each label.
class WeightSearch {
 public:
  WeightSearch(const TargetView& y, std::span<const double> prediction, const metric::Metric& metric)
      : y_(y), prediction_(prediction), metric_(metric), n_(y.n_classes) {
    for (std::size_t actual = 0; actual < n_; ++actual)
      for (std::size_t label = 0; label < n_; ++label) {
        actual_.push_back(static_cast<double>(actual));
        for (std::size_t k = 0; k < n_; ++k) labels_.push_back(k == label ? 1 : 0);
      }
  }

  std::size_t decided(std::uint32_t row, std::span<const double> weights) const {
    std::size_t best = 0;
    for (std::size_t k = 1; k < n_; ++k)
      if (product(row, k, weights) > product(row, best, weights)) best = k;
    return best;
  }

  std::vector<double> best(const Rows& rows) {
    std::vector<double> weights = best_start(rows);
    double utility = utility_of(rows, weights);
    for (int pass = 0; pass < kPasses; ++pass)
      for (std::size_t k = 0; k < n_; ++k) improve(rows, k, pass, weights, utility);
    const double largest = std::ranges::max(weights);
    for (double& w : weights) w /= largest;
    return weights;
  }

 private:
  double product(std::uint32_t row, std::size_t k, std::span<const double> weights) const {
    return prediction_[row * n_ + k] * weights[k];
  }

  double utility_of_counts() const {
    const double out = metric_.utility(metric_.compute({Task::kMulticlass, actual_, counts_, n_}, labels_));
    return std::isnan(out) ? -std::numeric_limits<double>::infinity() : out;
  }

  void add(std::uint32_t row, std::size_t label) {
    counts_[static_cast<std::size_t>(y_.values[row]) * n_ + label] += y_.weight(row);
  }

  double utility_of(const Rows& rows, std::span<const double> weights) {
    counts_.assign(n_ * n_, 0.0);
    for (const std::uint32_t row : rows) add(row, decided(row, weights));
    return utility_of_counts();
  }

  std::vector<double> best_start(const Rows& rows) {
    std::vector<double> of_class(n_, 0.0), best;
    for (const std::uint32_t row : rows) of_class[static_cast<std::size_t>(y_.values[row])] += y_.weight(row);
    double best_utility = -std::numeric_limits<double>::infinity();
    for (const double power : kStarts) {
      std::vector<double> weights(n_, 1.0);
      for (std::size_t k = 0; k < n_; ++k)
        if (of_class[k] > 0) weights[k] = std::pow(of_class[k], -power);
      const double utility = utility_of(rows, weights);
      if (!best.empty() && !(utility > best_utility)) continue;
      best = std::move(weights);
      best_utility = utility;
    }
    return best;
  }

  /// Tries other weights of class k. What the other classes come to does not change meanwhile.
  void improve(const Rows& rows, std::size_t k, int pass, std::vector<double>& weights, double& utility) {
    others_.resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::size_t best = k == 0 ? 1 : 0;
      for (std::size_t j = best + 1; j < n_; ++j)
        if (j != k && product(rows[i], j, weights) > product(rows[i], best, weights)) best = j;
      others_[i] = {product(rows[i], best, weights), best};
    }
    const double from = weights[k];
    for (const double step : kSteps) {
      const double weight = from * (pass == 0 ? step : std::sqrt(step));
      counts_.assign(n_ * n_, 0.0);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const double own = prediction_[rows[i] * n_ + k] * weight;
        const bool is_own = own > others_[i].value || (own == others_[i].value && k < others_[i].label);
        add(rows[i], is_own ? k : others_[i].label);
      }
      const double now = utility_of_counts();
      if (!(now > utility)) continue;
      utility = now;
      weights[k] = weight;
    }
  }

  struct Other {
    double value = 0;
    std::size_t label = 0;
  };

  const TargetView& y_;
  std::span<const double> prediction_;
  const metric::Metric& metric_;
  std::size_t n_;
  std::vector<double> actual_, labels_;  // of the cells of the counts
  std::vector<double> counts_;
  std::vector<Other> others_;
};

/// Rows that count, thinned; and the fold of each, by turns within its class.
struct DealtRows {
  Rows rows;
  std::vector<std::size_t> fold;
};

DealtRows deal(const TargetView& y, std::span<const double> prediction) {
  const std::size_t n = y.values.size(), width = y.n_classes, step = 1 + (n - 1) / kMostRows;
  DealtRows out;
  std::vector<std::size_t> n_dealt(width, 0);
  for (std::size_t i = 0; i < n; i += step) {
    const auto row = prediction.subspan(i * width, width);
    if (!(y.weight(i) > 0) || !std::ranges::all_of(row, [](double p) { return std::isfinite(p); })) continue;
    out.rows.push_back(static_cast<std::uint32_t>(i));
    out.fold.push_back(n_dealt[static_cast<std::size_t>(y.values[i])]++ % kFolds);
  }
  return out;
}

}  // namespace

bool depends_on_decision_weights(const metric::Metric& metric, const TargetView& y) {
  constexpr std::string_view kOthers[] = {"accuracy", "zero_one_loss"};
  return y.task == Task::kMulticlass && y.n_classes <= kMostClasses && !metric.needs_probability &&
         !metric.name.starts_with("expected_cost:") &&
         std::ranges::find(kOthers, metric.name) == std::end(kOthers);
}

DecisionWeights choose_decision_weights(const TargetView& y, std::span<const double> prediction,
                                        const metric::Metric& metric) {
  KOLOSAL_ASSERT(y.task == Task::kMulticlass && prediction.size() == y.values.size() * y.n_classes,
                 "several classes, a probability for each");
  const std::size_t n_classes = y.n_classes;
  const DealtRows dealt = deal(y, prediction);
  DecisionWeights out;
  if (dealt.rows.size() < 2 * kFolds) return out;
  WeightSearch search(y, prediction, metric);

  const auto decide = [&](std::vector<double>& decisions, std::size_t row, std::span<const double> weights) {
    const std::size_t label = search.decided(static_cast<std::uint32_t>(row), weights);
    for (std::size_t k = 0; k < n_classes; ++k) decisions[row * n_classes + k] = k == label ? 1 : 0;
  };
  // By weights of the other folds; rows that were thinned out have all of them against them in turn.
  std::vector<std::vector<double>> by_fold;
  for (std::size_t k = 0; k < kFolds; ++k) {
    Rows others;
    for (std::size_t i = 0; i < dealt.rows.size(); ++i)
      if (dealt.fold[i] != k) others.push_back(dealt.rows[i]);
    by_fold.push_back(search.best(others));
  }
  std::vector<double> decisions(prediction.size(), 0.0);
  for (std::size_t row = 0; row < y.values.size(); ++row) decide(decisions, row, by_fold[row % kFolds]);
  for (std::size_t i = 0; i < dealt.rows.size(); ++i)
    decide(decisions, dealt.rows[i], by_fold[dealt.fold[i]]);
  if (!(metric.utility(metric.compute(y, decisions)) > metric.utility(metric.compute(y, prediction))))
    return out;
  out.values = search.best(dealt.rows);
  out.decisions = std::move(decisions);
  return out;
}

}  // namespace kolosal::ensemble
