#include "kolosal/automl/aligned_portfolio.hpp"

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::automl {
namespace {

std::vector<Candidate> some_candidates() {
  return {{"linear", "ridge", {}, "linear", 0.3},
          {"linear power", "ridge", {}, "linear_power", 0.3},
          {"lightgbm small", "lightgbm", {{"num_leaves", std::int64_t{8}}}, "native", 1},
          {"gamma", "lightgbm", {{"objective", std::string("gamma")}}, "native", 1},
          {"boost", "xgboost", {}, "native", 2},
          {"forest", "random_forest", {}, "ranked", 1}};
}

std::vector<std::string> labels(const std::vector<Candidate>& portfolio) {
  std::vector<std::string> out;
  for (const Candidate& candidate : portfolio) out.push_back(candidate.label);
  return out;
}

TEST(AlignedPortfolio, QuantilesKeepTheLearnersThatHaveTheirLoss) {
  Problem problem;
  problem.quantiles = problem.loss_quantiles = {0.1, 0.9};
  const auto made = aligned_portfolio(some_candidates(), problem);
  EXPECT_THAT(labels(made), ::testing::ElementsAre("linear", "lightgbm small", "boost"));
  EXPECT_EQ(made[0].estimator, "quantile_regression");
  EXPECT_EQ(made[1].cost, 2) << "two fits";
  EXPECT_EQ(made[1].params.count("alpha"), 0U) << "each fit has its own";
}

TEST(AlignedPortfolio, OneQuantileIsAParameterOfTheLearner) {
  Problem problem;
  problem.quantiles = problem.loss_quantiles = {0.9};
  const auto made = aligned_portfolio(some_candidates(), problem);
  EXPECT_EQ(made[0].params, (ParamMap{{"quantile", 0.9}}));
  EXPECT_EQ(made[2].params, (ParamMap{{"alpha", 0.9}, {"objective", std::string("quantile")}}));
}

TEST(AlignedPortfolio, AbsoluteErrorsAreTriedBesideTheSquaredOnes) {
  Problem problem;
  problem.loss_quantiles = {0.5};
  auto made = aligned_portfolio(some_candidates(), problem);
  EXPECT_THAT(labels(made), ::testing::ElementsAre("linear", "linear power", "lightgbm small",
                                                   "lightgbm small l1", "gamma", "boost", "forest"));
  EXPECT_EQ(made[3].params.at("objective"), ParamValue(std::string("l1")));
  EXPECT_GT(made[3].cost, 2 * made[2].cost) << "leaves are medians";
  auto candidates = some_candidates();
  candidates.insert(candidates.begin() + 5, {"ordered boosting fast", "ordered_boosting", {}, "native", 1});
  made = aligned_portfolio(candidates, problem);
  EXPECT_EQ(made[6].label, "lightgbm small l1") << "what gains sooner comes first";
}

TEST(AlignedPortfolio, RelativeErrorsHaveALossOfTheirOwn) {
  Problem problem;
  problem.loss_quantiles = {0.5};
  problem.has_relative_errors = true;
  const auto made = aligned_portfolio(some_candidates(), problem);
  EXPECT_EQ(made[3].label, "lightgbm small mape");
  EXPECT_EQ(made[3].params.at("objective"), ParamValue(std::string("mape")));
}

TEST(AlignedPortfolio, OthersStayAsTheyAre) {
  EXPECT_EQ(labels(aligned_portfolio(some_candidates(), {})), labels(some_candidates()));
}

}  // namespace
}  // namespace kolosal::automl
