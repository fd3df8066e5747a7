#include "kolosal/automl/aligned_portfolio.hpp"

#include <algorithm>
#include <array>

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
    if (!model::can_predict_quantiles(candidate.estimator) || has_own_loss(candidate) ||
        candidate.params.contains("boosting") || !candidate.choices.are_none())
      continue;
    candidate.cost *= static_cast<double>(quantiles.size());
    // Several are set by the learner that fits one of each.
    if (quantiles.size() == 1) model::set_quantile(candidate.estimator, candidate.params, quantiles.front());
    out.push_back(std::move(candidate));
  }
  return out;
}

/// Entries that are worth a try with an absolute loss. It takes several times as long as the squared one:
/// leaves are medians.
constexpr std::array kWithAbsoluteLoss = {"lightgbm small", "lightgbm stump"};
constexpr double kCostOfAbsoluteLoss = 4;
/// Behind which they come: what is cheap and errs otherwise gains more, and sooner.
constexpr const char* kBeforeAbsoluteLoss = "ordered boosting fast";

/// objective: l1 or mape.
std::vector<Candidate> for_absolute_errors(std::vector<Candidate> portfolio, const std::string& objective) {
  std::vector<Candidate> absolute;
  std::size_t at = 0;
  for (std::size_t i = 0; i < portfolio.size(); ++i) {
    const Candidate& candidate = portfolio[i];
    const bool is_wanted = std::ranges::find(kWithAbsoluteLoss, candidate.label) != kWithAbsoluteLoss.end();
    if (is_wanted) {
      absolute.push_back(candidate);
      absolute.back().label += " " + objective;
      absolute.back().params["objective"] = objective;
      absolute.back().cost *= kCostOfAbsoluteLoss;
    }
    if (candidate.label == kBeforeAbsoluteLoss || (is_wanted && absolute.size() == 1)) at = i + 1;
  }
  portfolio.insert(portfolio.begin() + static_cast<std::ptrdiff_t>(at), absolute.begin(), absolute.end());
  return portfolio;
}

}  // namespace

std::vector<Candidate> aligned_portfolio(std::vector<Candidate> portfolio, const Problem& problem) {
  if (!problem.quantiles.empty()) return for_quantiles(portfolio, problem.quantiles);
  if (!problem.loss_quantiles.empty())
    return for_absolute_errors(std::move(portfolio), problem.has_relative_errors ? "mape" : "l1");
  return portfolio;
}

}  // namespace kolosal::automl
