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

/// Every name of scikit-learn 1.9 for these tasks, but top_k_accuracy, the likelihood ratios, d2_log_loss and
/// d2_brier.
TEST(Metric, KnowsTheNamesOfScikitLearn) {
  for (const char* name : {"accuracy", "balanced_accuracy", "average_precision", "neg_brier_score", "f1",
                           "f1_micro", "f1_macro", "f1_weighted", "neg_log_loss", "precision", "recall_macro",
                           "jaccard", "roc_auc", "matthews_corrcoef"})
    EXPECT_NO_THROW(metric_for(name, Task::kBinary)) << name;
  for (const char* name : {"roc_auc_ovr", "roc_auc_ovo", "roc_auc_ovr_weighted", "roc_auc_ovo_weighted"})
    EXPECT_NO_THROW(metric_for(name, Task::kMulticlass)) << name;
  for (const char* name :
       {"explained_variance", "neg_max_error", "neg_mean_absolute_error", "neg_mean_squared_error",
        "neg_root_mean_squared_error", "neg_mean_squared_log_error", "neg_root_mean_squared_log_error",
        "neg_median_absolute_error", "r2", "neg_mean_poisson_deviance", "neg_mean_gamma_deviance",
        "neg_mean_absolute_percentage_error", "d2_absolute_error_score"})
    EXPECT_NO_THROW(metric_for(name, Task::kRegression)) << name;
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
