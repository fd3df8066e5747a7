#include "kolosal/model/quantile_learner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<double> kQuantiles = {0.1, 0.5, 0.9};

class QuantileLearners : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string reason = estimator_info(GetParam()).unavailable();
    if (!reason.empty()) GTEST_SKIP() << GetParam() << " is not available: " << reason;
    // The linear learner takes no holes.
    table_ = sample_table(data::Task::kRegression, 2000, {.missing = GetParam() != "quantile_regression"});
    train_ = table_.train_rows();
    valid_ = table_.valid_rows();
  }
  TrainingData data() const {
    TrainingData out = table_.data();
    out.y.quantiles = kQuantiles;
    return out;
  }
  ParamMap params() const {
    return GetParam() == "quantile_regression" ? ParamMap{} : ParamMap{{"n_estimators", std::int64_t{80}}};
  }

  SampleTable table_;
  std::vector<std::uint32_t> train_, valid_;
};

TEST_P(QuantileLearners, NeverCrossAndHoldTheirShareOfFreshRows) {
  QuantileLearner learner(GetParam(), params(), kQuantiles);
  const FitReport report = learner.fit(data(), nullptr, {train_, valid_}, {});
  const auto p = predictions(learner, table_.x.take(valid_));
  ASSERT_EQ(p.size(), valid_.size() * 3);
  EXPECT_THAT(p, testing::Pointwise(NanSensitiveDoubleNear(2e-6), report.valid_prediction));
  std::vector<double> share(3);
  for (std::size_t i = 0; i < valid_.size(); ++i) {
    EXPECT_LE(p[3 * i], p[3 * i + 1]);
    EXPECT_LE(p[3 * i + 1], p[3 * i + 2]);
    for (std::size_t k = 0; k < 3; ++k)
      share[k] += (table_.y[valid_[i]] <= p[3 * i + k] ? 1.0 : 0.0) / static_cast<double>(valid_.size());
  }
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(share[k], kQuantiles[k], 0.1) << kQuantiles[k];
}

TEST_P(QuantileLearners, OneOfThemIsTheLearnerOfThatQuantileAlone) {
  QuantileLearner both(GetParam(), params(), kQuantiles);
  both.fit(data(), nullptr, {train_, {}}, {});
  ParamMap median = params();
  set_quantile(GetParam(), median, 0.5);
  const auto alone = make_estimator(GetParam(), median);
  alone->fit(table_.data(), nullptr, {train_, {}}, {});
  const auto p = predictions(both, table_.x), q = predictions(*alone, table_.x);
  // Its values are among those of the row, wherever sorting has put them.
  for (std::size_t i = 0; i < q.size(); ++i)
    EXPECT_THAT((std::vector<double>{p[3 * i], p[3 * i + 1], p[3 * i + 2]}), testing::Contains(q[i]));
}

TEST_P(QuantileLearners, PredictTheSameAfterSaveAndLoad) {
  QuantileLearner learner(GetParam(), params(), kQuantiles);
  learner.fit(data(), nullptr, {train_, valid_}, {});
  artifact::Node node;
  learner.save(node);
  QuantileLearner loaded(GetParam(), params(), kQuantiles);
  loaded.load(node);
  EXPECT_EQ(loaded.n_outputs(), 3U);
  EXPECT_EQ(predictions(loaded, table_.x), predictions(learner, table_.x));
  QuantileLearner other(GetParam(), params(), {0.5});
  EXPECT_THAT([&] { other.load(node); }, ThrowsMessage<Error>(HasSubstr("damaged")));
}

INSTANTIATE_TEST_SUITE_P(All, QuantileLearners, testing::Values("lightgbm", "xgboost", "quantile_regression"),
                         [](const auto& learner) { return learner.param; });

TEST(QuantileLearner, RowsAreSortedEachForItself) {
  std::vector<double> values = {3, 1, 2, -1, 0, -2};
  sort_rows(values, 3);
  EXPECT_THAT(values, ElementsAre(1, 2, 3, -2, -1, 0));
}

TEST(QuantileLearner, LearnersOfTheMeanAreRefused) {
  EXPECT_THAT([] { QuantileLearner("ridge", {}, kQuantiles); },
              ThrowsMessage<Error>(AllOf(HasSubstr("ridge"), HasSubstr("quantile_regression"))));
}

TEST(QuantileLearner, TheBaselineIsTheQuantilesOfTheTrainingRows) {
  data::Frame x;
  x.add("x", data::Column::from_float64({1, 2, 3, 4, 5}));
  const std::vector<double> y = {50, 10, 40, 20, 30}, levels = {0.2, 0.5, 0.95}, weights = {0, 1, 1, 1, 5};
  const std::vector<std::uint32_t> rows = {0, 1, 2, 3, 4};
  const auto constant = make_estimator("constant", {}, levels);
  constant->fit({&x, {data::Task::kRegression, y, {}, 0, levels}}, nullptr, {rows, {}}, {});
  EXPECT_THAT(predictions(*constant, x.slice(0, 1)), ElementsAre(10, 30, 50));
  constant->fit({&x, {data::Task::kRegression, y, weights, 0, levels}}, nullptr, {rows, {}}, {});
  EXPECT_THAT(predictions(*constant, x.slice(0, 1)), ElementsAre(20, 30, 40));
}

}  // namespace
}  // namespace kolosal::model
