#include "kolosal/automl/aligned_portfolio.hpp"

#include <algorithm>

#include "kolosal/model/quantile_learner.hpp"

namespace kolosal::automl {
namespace {

/// Its loss is not that of the mean.
bool has_own_loss(const Candidate& candidate) { return candidate.params.contains("objective"); }

std::vector<Candidate> for_quantiles(const std::vector<Candidate>& portfolio,
                                     const std::vector<double>& quantiles) {
  std::vector<Candidate> out;
  bool has_linear = false;
  for (Candidate candidate : portfolio) {
    if (candidate.estimator == "ridge" && candidate.view == "linear" && !has_linear) {
      candidate.estimator = "quantile_regression";
      candidate.params.clear();
      has_linear = true;
    }
    const bool has_choices = candidate.choices.selector || candidate.choices.resampler;
    if (!model::can_predict_quantiles(candidate.estimator) || has_own_loss(candidate) || has_choices)
      continue;
    candidate.cost *= static_cast<double>(quantiles.size());
    // Several are set by the learner that fits one of each.
    if (quantiles.size() == 1) model::set_quantile(candidate.estimator, candidate.params, quantiles.front());
    out.push_back(std::move(candidate));
  }
  return out;
}

std::vector<Candidate> for_absolute_errors(const std::vector<Candidate>& portfolio) {
  std::vector<Candidate> out;
  for (const Candidate& candidate : portfolio) {
    out.push_back(candidate);
    const bool is_plain = candidate.estimator == "lightgbm" && !has_own_loss(candidate) &&
                          !candidate.choices.selector && !candidate.choices.resampler;
    if (!is_plain) continue;
    Candidate absolute = candidate;
    absolute.label += " l1";
    absolute.params["objective"] = std::string("l1");
    out.push_back(std::move(absolute));
  }
  return out;
}

}  // namespace

std::vector<Candidate> aligned_portfolio(std::vector<Candidate> portfolio, const Problem& problem) {
  if (!problem.quantiles.empty()) return for_quantiles(portfolio, problem.quantiles);
  if (!problem.loss_quantiles.empty()) return for_absolute_errors(portfolio);
  return portfolio;
}

}  // namespace kolosal::automl
