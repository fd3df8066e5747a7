#include "kolosal/metric/metric.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::metric {
namespace {

using data::TargetView;
using data::Task;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string message_of(const std::function<void()>& call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

struct Sample {
  std::vector<double> y, prediction, weights;
  Task task = Task::kBinary;
  std::size_t n_classes = 2;
  TargetView view() const { return {task, y, weights, n_classes}; }
};

Sample random_binary(std::size_t n, bool weighted, std::uint64_t seed, std::uint64_t n_scores) {
  Rng rng(seed);
  Sample out;
  for (std::size_t i = 0; i < n; ++i) {
    out.y.push_back(rng.uniform() < 0.3 ? 1 : 0);
    out.prediction.push_back(static_cast<double>(rng.below(n_scores)) / static_cast<double>(n_scores));
    if (weighted) out.weights.push_back(rng.uniform());
  }
  return out;
}

TEST(Metric, MatchesScikitLearn) {
  std::ifstream file(test_data("metric/scikit_learn.json"));
  ASSERT_TRUE(file) << "tests/data/metric/scikit_learn.json is missing";
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GT(cases.size(), 20U);
  for (const auto& [name, c] : cases.items()) {
    SCOPED_TRACE(name);
    const Sample sample{c["y"], c["prediction"], c["weights"],
                        data::task_from_name(c["task"].get<std::string>()), c["n_classes"]};
    for (const auto& [metric, score] : c["scores"].items()) {
      SCOPED_TRACE(metric);
      const double got = metric_for(metric, sample.task).compute(sample.view(), sample.prediction);
      if (score.is_null()) {
        EXPECT_TRUE(std::isnan(got)) << got;
      } else if (score.is_string()) {
        EXPECT_EQ(got, -std::numeric_limits<double>::infinity());
      } else {
        const double want = score;
        EXPECT_NEAR(got, want, 1e-12 * std::max(1.0, std::abs(want)));
      }
    }
  }
}

TEST(Metric, EveryMetricIsDocumentedAndFoundByAllItsNames) {
  for (const Metric& metric : metrics()) {
    SCOPED_TRACE(metric.name);
    EXPECT_TRUE(metric.summary.ends_with('.'));
    ASSERT_FALSE(metric.tasks.empty());
    for (const Task task : metric.tasks) {
      EXPECT_EQ(&metric_for(metric.name, task), &metric);
      for (const std::string& alias : metric.aliases) EXPECT_EQ(&metric_for(alias, task), &metric) << alias;
    }
  }
}

/// Every name of sklearn.metrics.get_scorer_names() of scikit-learn 1.9, but those for clusters
/// (adjusted_rand_score, ...) and for several labels per row (f1_samples, ...).
TEST(Metric, KnowsTheNamesOfScikitLearn) {
  std::vector<std::string> by_label = {"accuracy", "balanced_accuracy", "matthews_corrcoef"};
  for (const char* name : {"f1", "jaccard", "precision", "recall"})
    for (const char* average : {"_macro", "_micro", "_weighted"})
      by_label.push_back(std::string(name) + average);
  by_label.insert(by_label.end(), {"average_precision", "d2_brier_score", "d2_log_loss_score",
                                   "neg_brier_score", "neg_log_loss", "roc_auc_ovo", "roc_auc_ovo_weighted",
                                   "roc_auc_ovr", "roc_auc_ovr_weighted"});
  for (const std::string& name : by_label) {
    EXPECT_NO_THROW(metric_for(name, Task::kBinary)) << name;
    EXPECT_NO_THROW(metric_for(name, Task::kMulticlass)) << name;
  }
  for (const char* name : {"f1", "jaccard", "precision", "recall", "roc_auc", "positive_likelihood_ratio",
                           "neg_negative_likelihood_ratio"})
    EXPECT_NO_THROW(metric_for(name, Task::kBinary)) << name;
  EXPECT_NO_THROW(metric_for("top_k_accuracy", Task::kMulticlass));
  for (const char* name :
       {"explained_variance", "neg_max_error", "neg_mean_absolute_error", "neg_mean_squared_error",
        "neg_root_mean_squared_error", "neg_mean_squared_log_error", "neg_root_mean_squared_log_error",
        "neg_median_absolute_error", "r2", "neg_mean_poisson_deviance", "neg_mean_gamma_deviance",
        "neg_mean_absolute_percentage_error", "d2_absolute_error_score"})
    EXPECT_NO_THROW(metric_for(name, Task::kRegression)) << name;
}

TEST(Metric, AParameterFollowsAColon) {
  const Metric& pinball = metric_for("quantile_loss:0.9", Task::kRegression);
  EXPECT_EQ(pinball.name, "pinball:0.9");
  EXPECT_EQ(&metric_for(pinball.name, Task::kRegression), &pinball) << "its name finds it again";
  EXPECT_FALSE(pinball.higher_is_better);
  const std::vector<double> y = {1, 1}, p = {0, 3};
  EXPECT_DOUBLE_EQ(pinball.compute({Task::kRegression, y, {}, 0}, p), (0.9 * 1 + 0.1 * 2) / 2);
  for (const Metric& metric : metrics()) EXPECT_EQ(metric.parameter.empty(), !metric.with) << metric.name;
}

TEST(Metric, PinballOfSeveralQuantilesIsTheirMean) {
  const std::vector<double> y = {1, 1}, weights = {3, 1}, quantiles = {0.2, 0.9}, p = {0, 2, 2, 3};
  const data::TargetView several{Task::kRegression, y, weights, 0, quantiles};
  const auto of = [&](const char* name, const std::vector<double>& column) {
    return metric_for(name, Task::kRegression).compute({Task::kRegression, y, weights, 0}, column);
  };
  const double mean = (of("pinball:0.2", {0, 2}) + of("pinball:0.9", {2, 3})) / 2;
  EXPECT_DOUBLE_EQ(metric_for("pinball", Task::kRegression).compute(several, p), mean);
  EXPECT_DOUBLE_EQ(training_loss(several, p), mean);
}

TEST(Metric, RefusesAParameterThatItDoesNotHaveOrAllow) {
  const auto message = [](const char* name, Task task) {
    return message_of([&] { metric_for(name, task); }, ErrorCode::kInvalidParameter);
  };
  EXPECT_EQ(message("auc:2", Task::kBinary),
            "metric \"roc_auc\" has no parameter, but \"2\" is given for it");
  EXPECT_EQ(message("pinball:1.5", Task::kRegression),
            "the parameter of pinball must be a number from 0 to 1: \"1.5\"");
  EXPECT_THAT(message("pinball:nan", Task::kRegression), HasSubstr("from 0 to 1: \"nan\""));
  EXPECT_THAT(message("tweedie:0.5", Task::kRegression), HasSubstr("at most 0 or at least 1: \"0.5\""));
  EXPECT_THAT(message("lift:10%", Task::kBinary), HasSubstr("above 0 and at most 1: \"10%\""));
  EXPECT_THAT(message("top_k:0", Task::kMulticlass), HasSubstr("whole number of at least 1: \"0\""));
  EXPECT_THAT(message("ece:", Task::kBinary), HasSubstr("whole number of at least 1: \"\""));
  EXPECT_THAT(message("top_k:3", Task::kRegression), HasSubstr("\"top_k\" is not for regression targets"));
  EXPECT_THAT(message("pinbal:0.9", Task::kRegression), HasSubstr("did you mean \"pinball\"?"));
}

TEST(Metric, DefaultsByTask) {
  EXPECT_EQ(default_metric(Task::kBinary).name, "roc_auc");
  EXPECT_EQ(default_metric(Task::kMulticlass).name, "log_loss");
  EXPECT_EQ(default_metric(Task::kRegression).name, "rmse");
  EXPECT_EQ(default_metric(Task::kRegression).utility(2), -2);
}

TEST(Metric, UnknownNameSuggestsTheNearest) {
  const auto message = message_of([] { metric_for("acuracy", Task::kBinary); }, ErrorCode::kInvalidParameter);
  EXPECT_EQ(message, "unknown metric \"acuracy\"; did you mean \"accuracy\"?");
  EXPECT_EQ(metric_for("ROC_AUC", Task::kBinary).name, "roc_auc");
}

TEST(Metric, WrongTaskNamesThoseThatFit) {
  const auto message = message_of([] { metric_for("auc", Task::kRegression); }, ErrorCode::kInvalidParameter);
  EXPECT_THAT(message, HasSubstr("metric \"auc\" is not for regression targets; use one of: "));
  EXPECT_THAT(message, HasSubstr("rmse"));
  EXPECT_THAT(message, Not(HasSubstr("accuracy")));
}

TEST(Metric, RefusesWhatCanNotBeScored) {
  const Metric& auc = metric_for("roc_auc", Task::kBinary);
  const std::vector<double> y = {0, 1}, bad = {0.5, kNaN}, good = {0.5, 0.6}, no_weight = {0, 0};
  EXPECT_THAT(message_of([&] { auc.compute({Task::kBinary, y, {}, 2}, bad); }, ErrorCode::kData),
              HasSubstr("the prediction of row 1 is not a finite number: nan"));
  EXPECT_THAT(message_of([&] { auc.compute({Task::kBinary, y, no_weight, 2}, good); }, ErrorCode::kData),
              HasSubstr("weights of the rows sum to 0"));
  EXPECT_THAT(message_of([&] { auc.compute({Task::kBinary, {}, {}, 2}, {}); }, ErrorCode::kData),
              HasSubstr("no rows to score"));
  const std::vector<double> negative = {-1, 2};
  EXPECT_THAT(
      message_of(
          [&] { metric_for("rmsle", Task::kRegression).compute({Task::kRegression, negative, {}, 0}, good); },
          ErrorCode::kData),
      HasSubstr("needs targets above -1, but there is -1"));
}

TEST(Metric, AnImpossiblePredictionIsInfinitelyBadForLogarithmicErrors) {
  const std::vector<double> y = {1, 2}, p = {-1, 2};
  EXPECT_EQ(metric_for("rmsle", Task::kRegression).compute({Task::kRegression, y, {}, 0}, p),
            std::numeric_limits<double>::infinity());
}

TEST(Metric, RefusesTargetsThatADevianceOrGainDoesNotHave) {
  const std::vector<double> y = {-1, 2}, p = {1, 2};
  for (const char* name : {"poisson", "gamma", "tweedie", "ndcg"})
    EXPECT_THAT(
        message_of([&] { metric_for(name, Task::kRegression).compute({Task::kRegression, y, {}, 0}, p); },
                   ErrorCode::kData),
        HasSubstr("but there is -1; use another metric"))
        << name;
  const std::vector<double> margins = {-1.5, 2};
  const std::vector<double> labels = {0, 1};
  EXPECT_EQ(
      message_of([&] { metric_for("ece", Task::kBinary).compute({Task::kBinary, labels, {}, 2}, margins); },
                 ErrorCode::kData),
      "ece needs probabilities from 0 to 1, but row 0 has -1.5");
}

TEST(Metric, AClassWithoutRowsIsLeftOutOfRankingMeans) {
  const Sample absent{
      {0, 1, 0, 1}, {.6, .3, .1, .3, .6, .1, .4, .5, .1, .2, .7, .1}, {}, Task::kMulticlass, 3};
  const Sample present{{0, 1, 0, 1}, {.6, .3, .3, .6, .4, .5, .2, .7}, {}, Task::kMulticlass, 2};
  for (const char* name : {"roc_auc_ovr", "roc_auc_ovr_weighted", "roc_auc_ovo", "average_precision"}) {
    const Metric& metric = metric_for(name, Task::kMulticlass);
    EXPECT_DOUBLE_EQ(metric.compute(absent.view(), absent.prediction),
                     metric.compute(present.view(), present.prediction))
        << name;
  }
}

double auc_by_pairs(const Sample& s) {
  double right = 0, all = 0;
  for (std::size_t i = 0; i < s.y.size(); ++i)
    for (std::size_t j = 0; j < s.y.size(); ++j) {
      if (s.y[i] != 1 || s.y[j] != 0) continue;
      const double pair = s.view().weight(i) * s.view().weight(j);
      all += pair;
      right += s.prediction[i] > s.prediction[j] ? pair : s.prediction[i] == s.prediction[j] ? pair / 2 : 0;
    }
  return right / all;
}

/// 4,200 rows take the radix sort, 300 the comparison sort.
TEST(Metric, AreaUnderTheRocCurveIsTheShareOfOrderedPairs) {
  for (const std::size_t n : {300UL, 4200UL})
    for (const bool weighted : {false, true})
      for (const std::uint64_t n_scores : {20ULL, 1ULL << 50}) {
        const Sample s = random_binary(n, weighted, n, n_scores);
        EXPECT_NEAR(metric_for("roc_auc", Task::kBinary).compute(s.view(), s.prediction), auc_by_pairs(s),
                    1e-12);
      }
}

/// Enough rows for the radix sort.
TEST(Metric, TheWeightedMedianLeavesHalfTheWeightOnEachSide) {
  Rng rng(11);
  Sample s;
  s.task = Task::kRegression;
  for (std::size_t i = 0; i < 5001; ++i) {
    s.y.push_back(rng.normal());
    s.prediction.push_back(rng.normal());
    s.weights.push_back(rng.uniform());
  }
  const double median =
      metric_for("median_absolute_error", Task::kRegression).compute(s.view(), s.prediction);
  double below = 0, above = 0, at = 0;
  for (std::size_t i = 0; i < s.y.size(); ++i) {
    const double error = std::abs(s.prediction[i] - s.y[i]);
    (error < median ? below : error > median ? above : at) += s.weights[i];
  }
  EXPECT_GT(at, 0);
  EXPECT_LT(below, (below + above + at) / 2);
  EXPECT_LT(above, (below + above + at) / 2);
}

TEST(Metric, RankingIgnoresTheScaleOfTheScores) {
  Sample s = random_binary(9000, false, 3, 1ULL << 40);
  const Metric& auc = metric_for("roc_auc", Task::kBinary);
  const double before = auc.compute(s.view(), s.prediction);
  for (double& p : s.prediction) p = -1e6 + 5 * p;  // margins, negative too
  EXPECT_EQ(auc.compute(s.view(), s.prediction), before);
}

TEST(TrainingLoss, IsTheLogLossOrTheSquaredError) {
  for (const bool weighted : {false, true})
    for (const std::size_t n : {1UL, 15UL, 16UL, 17UL, 1000UL}) {
      Sample s = random_binary(n, weighted, 5, 1000);
      for (double& p : s.prediction) p = 0.0005 + 0.999 * p;
      EXPECT_NEAR(training_loss(s.view(), s.prediction),
                  metric_for("log_loss", Task::kBinary).compute(s.view(), s.prediction), 1e-13);
      s.task = Task::kRegression;
      EXPECT_DOUBLE_EQ(training_loss(s.view(), s.prediction),
                       metric_for("mse", Task::kRegression).compute(s.view(), s.prediction));
    }
}

TEST(TrainingLoss, SurvivesCertainAndWrong) {
  const std::vector<double> y(32, 1.0), p(32, 0.0);
  EXPECT_NEAR(training_loss({Task::kBinary, y, {}, 2}, p), -std::log(1e-15), 1e-9);
}

TEST(ConfusionMatrix, HasTheTrueClassByRow) {
  const std::vector<double> y = {0, 0, 1, 1}, p = {0.2, 0.5, 0.6, 0.1}, w = {1, 2, 3, 4};
  EXPECT_THAT(confusion_matrix({Task::kBinary, y, w, 2}, p), ElementsAre(3, 0, 4, 3));
}

}  // namespace
}  // namespace kolosal::metric
