// What the boosters have in common here: rounds, early stopping, deadlines, objectives.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/fake_clock.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/model/boosting_loss.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using testing::HasSubstr;
using testing::Pointwise;
using testing::ThrowsMessage;

class Boosting : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string reason = estimator_info(GetParam()).unavailable();
    if (!reason.empty()) GTEST_SKIP() << GetParam() << " is not available: " << reason;
  }
  std::unique_ptr<Estimator> make(ParamMap params = {}) const { return make_estimator(GetParam(), params); }
};

double mean(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

TEST_P(Boosting, PredictsWhatTheLibraryPredictsForEveryObjective) {
  const SampleTable t = sample_table(data::Task::kRegression, 600);
  const auto train = t.train_rows(), valid = t.valid_rows();
  for (const char* objective : {"l2", "l1", "mape", "huber", "quantile", "poisson", "gamma", "tweedie"}) {
    SCOPED_TRACE(objective);
    const auto estimator = make({{"objective", std::string(objective)}, {"n_estimators", std::int64_t{60}}});
    const FitReport report = estimator->fit(t.data(), nullptr, {train, valid}, {});
    EXPECT_THAT(predictions(*estimator, t.x.take(valid)),
                Pointwise(NanSensitiveDoubleNear(2e-6), report.valid_prediction));
    // Each has learned: all are near the target's size, and none says the same for every row.
    EXPECT_NEAR(mean(report.valid_prediction), mean(t.y), 8);
    EXPECT_GT(*std::ranges::max_element(report.valid_prediction),
              *std::ranges::min_element(report.valid_prediction) + 2);
  }
}

TEST_P(Boosting, MonotoneColumnsNeverMoveThePredictionTheOtherWay) {
  const auto& params = estimator_info(GetParam()).params;
  if (std::ranges::find(params, "monotone", &ParamSpec::name) == params.end())
    GTEST_SKIP() << GetParam() << " has no parameter monotone";
  constexpr std::size_t kRows = 800, kSteps = 60;
  Rng rng(11);
  std::vector<double> up(kRows), down(kRows), other(kRows), y(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    up[i] = rng.uniform() * 6, down[i] = rng.uniform() * 6, other[i] = rng.normal();
    y[i] = up[i] + 2 * std::sin(3 * up[i]) - down[i] + 2 * std::sin(4 * down[i]) + other[i] + rng.normal();
  }
  data::Frame x;
  x.add("up", data::Column::from_float64(up));
  x.add("down", data::Column::from_float64(down));
  x.add("other", data::Column::from_float64(other));
  std::vector<std::uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0U);
  const data::TargetView target{data::Task::kRegression, y, {}, 0};
  // The largest step against the wanted direction, along one column while the others stay.
  const auto worst_step = [&](const Estimator& estimator, const std::string& name, double sign) {
    data::Frame grid;
    std::vector<double> steps(kSteps), middle(kSteps, 3.0);
    for (std::size_t i = 0; i < kSteps; ++i) steps[i] = 6.0 * static_cast<double>(i) / kSteps;
    for (const char* column : {"up", "down", "other"})
      grid.add(column, data::Column::from_float64(column == name ? steps : middle));
    const auto p = predictions(estimator, grid);
    double worst = 0;
    for (std::size_t i = 1; i < p.size(); ++i) worst = std::max(worst, sign * (p[i - 1] - p[i]));
    return worst;
  };
  const ParamMap free = {{"n_estimators", std::int64_t{80}}};
  ParamMap bound = free;
  bound["monotone"] = std::string("up=+,down=-");
  const auto plain = make(free), monotone = make(bound);
  plain->fit({&x, target}, nullptr, {rows, {}}, {});
  monotone->fit({&x, target}, nullptr, {rows, {}}, {});
  EXPECT_GT(worst_step(*plain, "up", 1), 0.3);
  EXPECT_GT(worst_step(*plain, "down", -1), 0.3);
  EXPECT_LE(worst_step(*monotone, "up", 1), 1e-9);
  EXPECT_LE(worst_step(*monotone, "down", -1), 1e-9);
  bound["monotone"] = std::string("upp=+");
  EXPECT_THAT([&] { make(bound)->fit({&x, target}, nullptr, {rows, {}}, {}); },
              ThrowsMessage<Error>(HasSubstr("did you mean \"up\"")));
}

TEST_P(Boosting, KeepsTheBestRoundAndStopsEarly) {
  const SampleTable t = sample_table(data::Task::kBinary, 400);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const auto estimator = make({{"learning_rate", 0.3}, {"early_stopping_rounds", std::int64_t{10}}});
  const auto fit = estimator->begin(t.data(), nullptr, {train, valid}, {});
  EXPECT_FALSE(fit->advance(1000, {}));
  const auto& losses = fit->valid_losses();
  const auto best = std::ranges::min_element(losses);
  EXPECT_EQ(fit->n_rounds_done(), losses.size());
  EXPECT_EQ(losses.size() - static_cast<std::size_t>(best - losses.begin()), 11U);
  EXPECT_EQ(fit->report().n_rounds, losses.size() - 10);
  fit->finish();
  EXPECT_THAT(predictions(*estimator, t.x.take(valid)),
              Pointwise(NanSensitiveDoubleNear(2e-6), fit->report().valid_prediction));
}

TEST_P(Boosting, GoesOnInPiecesToTheSameBytes) {
  for (const data::Task task : {data::Task::kBinary, data::Task::kMulticlass}) {
    const SampleTable t = sample_table(task, 400);
    const auto train = t.train_rows(), valid = t.valid_rows();
    const ParamMap params = {{"n_estimators", std::int64_t{30}}, {"early_stopping_rounds", std::int64_t{0}}};
    const auto whole = make(params), pieces = make(params);
    whole->fit(t.data(), nullptr, {train, valid}, {});
    const auto fit = pieces->begin(t.data(), nullptr, {train, valid}, {});
    EXPECT_TRUE(fit->advance(7, {}));
    EXPECT_EQ(fit->report().n_rounds, 7U);
    EXPECT_FALSE(pieces->is_fitted());
    fit->finish();
    EXPECT_TRUE(pieces->is_fitted());
    EXPECT_THAT(predictions(*pieces, t.x.take(valid)),
                Pointwise(NanSensitiveDoubleNear(2e-6), fit->report().valid_prediction));
    EXPECT_FALSE(fit->advance(100, {}));
    fit->finish();
    EXPECT_TRUE(saved_bytes(*whole) == saved_bytes(*pieces));
  }
}

/// Every look at it takes a second.
class SlowClock final : public Clock {
 public:
  double now_s() const override { return now_s_ += 1; }

 private:
  mutable double now_s_ = 0;
};

TEST_P(Boosting, StopsAtTheDeadlineWithWhatItHas) {
  const SampleTable t = sample_table(data::Task::kBinary, 400);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const SlowClock clock;
  Context context;
  context.deadline = Deadline(clock, 30);
  const auto estimator = make();
  const FitReport report = estimator->fit(t.data(), nullptr, {train, valid}, context);
  EXPECT_TRUE(report.stopped_by_deadline);
  EXPECT_GE(report.n_rounds, 1U);
  EXPECT_LE(report.n_rounds, 15U);
  EXPECT_THAT(predictions(*estimator, t.x.take(valid)),
              Pointwise(NanSensitiveDoubleNear(2e-6), report.valid_prediction));
}

TEST_P(Boosting, SaysThatThereWasNoTime) {
  const SampleTable t = sample_table(data::Task::kBinary, 100);
  const auto all = t.all_rows();
  FakeClock clock(5);
  Context context;
  context.deadline = Deadline(clock, 5);
  EXPECT_ERROR(make()->fit(t.data(), nullptr, {all, {}}, context), kBudget, HasSubstr(GetParam()));
  CancelToken cancel;
  cancel.cancel();
  Context cancelled;
  cancelled.cancel = &cancel;
  EXPECT_ERROR(make()->fit(t.data(), nullptr, {all, {}}, cancelled), kBudget, HasSubstr(GetParam()));
}

TEST_P(Boosting, BalancesClasses) {
  SampleTable t = sample_table(data::Task::kBinary, 1000);
  for (std::size_t r = 0; r < t.y.size(); ++r) t.y[r] = r % 10 == 0 ? 1 : 0;
  const auto all = t.all_rows();
  const ParamMap few = {{"n_estimators", std::int64_t{5}}};
  ParamMap balanced = few;
  balanced["class_weight"] = std::string("balanced");
  const auto plain = make(few), weighted = make(balanced);
  plain->fit(t.data(), nullptr, {all, {}}, {});
  weighted->fit(t.data(), nullptr, {all, {}}, {});
  EXPECT_NEAR(mean(predictions(*plain, t.x)), 0.1, 0.03);
  EXPECT_NEAR(mean(predictions(*weighted, t.x)), 0.5, 0.12);
}

TEST_P(Boosting, RelativeErrorsAreAbsoluteErrorsThatCountByTheSizeOfTheTarget) {
  SampleTable t = sample_table(data::Task::kRegression, 400);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const ParamMap params = {{"n_estimators", std::int64_t{20}}};
  const auto fit = [&](const char* objective) {
    ParamMap all = params;
    all["objective"] = std::string(objective);
    const auto estimator = make(all);
    estimator->fit(t.data(), nullptr, {train, valid}, {});
    return predictions(*estimator, t.x);
  };
  const auto relative = fit("mape");
  // All are far above a hundredth of the mean, so the weights are 1 / target, up to a factor.
  double smallest = 0;
  for (const std::uint32_t r : train) smallest += 0.01 * t.y[r] / static_cast<double>(train.size());
  ASSERT_GT(*std::ranges::min_element(t.y), smallest);
  for (const double y : t.y) t.weights.push_back(smallest / y);
  const auto distance = [&](const std::vector<double>& other) {
    double out = 0;
    for (std::size_t r = 0; r < other.size(); ++r) out += std::abs(other[r] - relative[r]);
    return out / static_cast<double>(other.size());
  };
  // The unit in which the target is learned is another, and with it the rounding.
  EXPECT_LT(distance(fit("l1")), 0.02);
  t.weights.clear();
  EXPECT_GT(distance(fit("l1")), 0.2);
}

TEST_P(Boosting, FocalLossLearnsProbabilitiesOfRareClasses) {
  if (GetParam() == "xgboost") {
    EXPECT_ERROR(make({{"objective", std::string("focal")}}), kInvalidParameter, HasSubstr("tweedie"));
    return;
  }
  SampleTable t = sample_table(data::Task::kBinary, 3000);
  Rng rng(5);
  for (std::size_t r = 0; r < t.y.size(); ++r) {
    const double a = t.x.column(0).is_missing(r) ? 0 : t.x.column(0).number(r);
    t.y[r] = rng.uniform() < 1 / (1 + std::exp(3 - 1.5 * a)) ? 1 : 0;
  }
  const auto train = t.train_rows(), valid = t.valid_rows();
  const auto loss_of = [&](ParamMap params) {
    params["early_stopping_rounds"] = std::int64_t{20};
    params["learning_rate"] = 0.05;
    const auto estimator = make(params);
    const FitReport report = estimator->fit(t.data(), nullptr, {train, valid}, {});
    EXPECT_THAT(predictions(*estimator, t.x.take(valid)),
                Pointwise(NanSensitiveDoubleNear(1e-9), report.valid_prediction));
    EXPECT_NEAR(mean(report.valid_prediction), mean(t.y), 0.04)
        << "they are probabilities, not the focal scores";
    std::vector<double> y;
    for (const std::uint32_t r : valid) y.push_back(t.y[r]);
    return Loss{.kind = LossKind::kLogLoss, .parameter = 0, .y = y, .weights = {}}(report.valid_prediction);
  };
  const double plain = loss_of({});
  EXPECT_NEAR(loss_of({{"objective", std::string("focal")}}), plain, 0.03 * plain);
  EXPECT_NEAR(loss_of({{"objective", std::string("focal")}, {"focal_gamma", 0.0}}), plain, 0.01 * plain);
}

TEST_P(Boosting, FocalLossIsForTwoClasses) {
  if (GetParam() == "xgboost") GTEST_SKIP() << "it has no focal loss";
  const SampleTable t = sample_table(data::Task::kMulticlass, 100);
  const auto all = t.all_rows();
  EXPECT_ERROR(make({{"objective", std::string("focal")}})->fit(t.data(), nullptr, {all, {}}, {}),
               kInvalidParameter, HasSubstr("two classes"));
}

TEST_P(Boosting, KeepsFarAndLargeTargets) {
  // float32, in which the libraries keep the target, could not tell these values apart.
  SampleTable t = sample_table(data::Task::kRegression, 400);
  for (double& v : t.y) v += 1e9;
  const auto all = t.all_rows();
  const auto estimator = make({{"n_estimators", std::int64_t{100}}});
  estimator->fit(t.data(), nullptr, {all, {}}, {});
  const auto predicted = predictions(*estimator, t.x);
  double error = 0, spread = 0;
  for (std::size_t r = 0; r < t.y.size(); ++r) {
    error += (predicted[r] - t.y[r]) * (predicted[r] - t.y[r]);
    spread += (t.y[r] - mean(t.y)) * (t.y[r] - mean(t.y));
  }
  EXPECT_LT(error, 0.3 * spread);
}

TEST_P(Boosting, TwoFitsAtOnceShareThePreparation) {
  const SampleTable t = sample_table(data::Task::kMulticlass, 2000);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const ParamMap params = {{"n_estimators", std::int64_t{15}}};
  const auto alone = make(params);
  const auto prepared = alone->prepare(t.data(), {});
  alone->fit(t.data(), prepared.get(), {train, valid}, {});
  ThreadPool pool(2);
  std::vector<std::unique_ptr<Estimator>> fitted;
  for (int i = 0; i < 6; ++i) fitted.push_back(make(params));
  pool.for_each(6, 2, [&](std::size_t i) { fitted[i]->fit(t.data(), prepared.get(), {train, valid}, {}); });
  for (const auto& estimator : fitted) EXPECT_TRUE(saved_bytes(*estimator) == saved_bytes(*alone));
}

TEST_P(Boosting, RefusesWhatDoesNotFitTogether) {
  EXPECT_ERROR(make({{"objective", std::string("l3")}}), kInvalidParameter, HasSubstr("tweedie"));
  EXPECT_ERROR(make({{"class_weight", std::string("equal")}}), kInvalidParameter, HasSubstr("balanced"));
  EXPECT_ERROR(make({{"objective", std::string("quantile")}, {"alpha", 2.0}}), kInvalidParameter,
               HasSubstr("alpha"));
  SampleTable t = sample_table(data::Task::kRegression, 50);
  t.y[7] = -1;
  const auto all = t.all_rows();
  EXPECT_ERROR(make({{"objective", std::string("poisson")}})->fit(t.data(), nullptr, {all, {}}, {}), kData,
               HasSubstr("row 8 has -1"));
  const SampleTable classes = sample_table(data::Task::kBinary, 50);
  EXPECT_ERROR(make({{"objective", std::string("l1")}})->fit(classes.data(), nullptr, {all, {}}, {}),
               kInvalidParameter, HasSubstr("binary"));
}

INSTANTIATE_TEST_SUITE_P(Learners, Boosting, testing::Values("lightgbm", "xgboost", "ordered_boosting"),
                         [](const auto& instance) { return instance.param; });

TEST(Lightgbm, PredictsInEveryBoostingMode) {
  if (!estimator_info("lightgbm").unavailable().empty())
    GTEST_SKIP() << estimator_info("lightgbm").unavailable();
  for (const data::Task task : {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression}) {
    const SampleTable t = sample_table(task, 400);
    const auto train = t.train_rows(), valid = t.valid_rows();
    for (const char* boosting : {"gbdt", "dart", "rf"}) {
      SCOPED_TRACE(boosting);
      const auto estimator = make_estimator("lightgbm", {{"boosting", std::string(boosting)},
                                                         {"bagging_fraction", 0.7},
                                                         {"extra_trees", true},
                                                         {"n_estimators", std::int64_t{30}}});
      const FitReport report = estimator->fit(t.data(), nullptr, {train, valid}, {});
      EXPECT_THAT(predictions(*estimator, t.x.take(valid)),
                  Pointwise(NanSensitiveDoubleNear(1e-9), report.valid_prediction));
    }
  }
  EXPECT_ERROR(make_estimator("lightgbm", {{"boosting", std::string("rf")}}), kInvalidParameter,
               HasSubstr("bagging_fraction"));
}

}  // namespace
}  // namespace kolosal::model
