// What every learner keeps, run over the registry.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Truly;

/// Few rounds or trees and narrow layers, so that the tests take no time.
ParamMap small_params(const EstimatorInfo& info) {
  ParamMap out;
  for (const ParamSpec& spec : info.params)
    if (spec.name == "n_estimators" || spec.name == "hidden_size") out[spec.name] = std::int64_t{20};
  return out;
}

class EstimatorContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string reason = info().unavailable();
    if (!reason.empty()) GTEST_SKIP() << GetParam() << " is not available: " << reason;
    context_.seed = 42;
  }

  const EstimatorInfo& info() const { return estimator_info(GetParam()); }
  std::unique_ptr<Estimator> make() const { return info().make(small_params(info())); }
  /// A table that the learner says it can take.
  SampleTable table(data::Task task, std::size_t n_rows) const {
    return sample_table(task, n_rows,
                        {info().handles_categories, info().handles_missing, info().needs_nonnegative});
  }
  static void expect_good(const std::vector<double>& predicted, data::Task task, std::size_t n_outputs) {
    EXPECT_THAT(predicted, Each(Truly([](double v) { return std::isfinite(v); })));
    if (task == data::Task::kRegression) return;
    EXPECT_THAT(predicted, Each(Truly([](double v) { return v >= 0 && v <= 1; })));
    if (n_outputs == 1) return;
    for (std::size_t r = 0; r < predicted.size(); r += n_outputs) {
      double sum = 0;
      for (std::size_t k = 0; k < n_outputs; ++k) sum += predicted[r + k];
      EXPECT_NEAR(sum, 1, 1e-6);
    }
  }

  Context context_;
};

TEST_P(EstimatorContract, IsDocumented) {
  EXPECT_EQ(info().name, GetParam());
  EXPECT_THAT(info().summary, testing::EndsWith("."));
  EXPECT_FALSE(info().tasks.empty());
  for (const ParamSpec& spec : info().params) EXPECT_GE(spec.doc.size(), 10U) << spec.name;
}

TEST_P(EstimatorContract, RefusesUnknownParameters) {
  EXPECT_ERROR(info().make({{"no_such_parameter", 1.0}}), kInvalidParameter, HasSubstr("no_such_parameter"));
}

TEST_P(EstimatorContract, RefusesToPredictOrSaveBeforeFit) {
  const auto estimator = make();
  const SampleTable t = table(info().tasks[0], 10);
  EXPECT_ERROR(predictions(*estimator, t.x), kNotFitted, HasSubstr("fit()"));
  artifact::Node node;
  EXPECT_ERROR(estimator->save(node), kNotFitted, HasSubstr("fit()"));
}

TEST_P(EstimatorContract, ReportsAndPredictsForEveryTask) {
  for (const data::Task task : info().tasks) {
    SCOPED_TRACE(data::task_name(task));
    const SampleTable t = table(task, 400);
    const auto train = t.train_rows(), valid = t.valid_rows();
    const auto estimator = make();
    const FitReport report = estimator->fit(t.data(), nullptr, {train, valid}, context_);
    const std::size_t n_outputs = t.data().y.n_outputs();
    EXPECT_EQ(estimator->n_outputs(), n_outputs);
    EXPECT_TRUE(estimator->is_fitted());
    EXPECT_EQ(estimator->feature_names(), t.x.names());
    EXPECT_FALSE(report.stopped_by_deadline);
    expect_good(report.valid_prediction, task, n_outputs);
    const auto predicted = predictions(*estimator, t.x.take(valid));
    expect_good(predicted, task, n_outputs);
    EXPECT_THAT(report.valid_prediction, testing::Pointwise(NanSensitiveDoubleNear(2e-6), predicted));
    const auto importance = estimator->feature_importance();
    if (importance.empty()) continue;
    ASSERT_EQ(importance.size(), t.x.n_columns());
    EXPECT_NEAR(std::accumulate(importance.begin(), importance.end(), 0.0), 1, 1e-9);
    EXPECT_THAT(importance, Each(testing::Ge(0)));
  }
}

TEST_P(EstimatorContract, SamePreparationOrNoneIsTheSameFit) {
  const SampleTable t = table(info().tasks[0], 300);
  const auto train = t.train_rows(), valid = t.valid_rows();
  const auto first = make(), second = make();
  const auto prepared = first->prepare(t.data(), context_);
  EXPECT_EQ(prepared != nullptr, !first->preparation_key().empty());
  first->fit(t.data(), prepared.get(), {train, valid}, context_);
  second->fit(t.data(), nullptr, {train, valid}, context_);
  EXPECT_EQ(saved_bytes(*first), saved_bytes(*second));
}

TEST_P(EstimatorContract, SameSeedSameBytesForAnyNumberOfThreads) {
  ThreadPool pool(2);
  Context two = context_;
  two.pool = &pool;
  two.n_threads = 2;
  for (const data::Task task : info().tasks) {
    SCOPED_TRACE(data::task_name(task));
    const SampleTable t = table(task, 3000);
    const auto train = t.train_rows(), valid = t.valid_rows();
    const auto first = make(), second = make();
    const FitReport report = first->fit(t.data(), nullptr, {train, valid}, context_);
    EXPECT_EQ(report.valid_prediction, second->fit(t.data(), nullptr, {train, valid}, two).valid_prediction);
    EXPECT_TRUE(saved_bytes(*first) == saved_bytes(*second));
    EXPECT_EQ(predictions(*first, t.x, context_), predictions(*first, t.x, two));
  }
}

TEST_P(EstimatorContract, LoadsWhatItSaved) {
  for (const data::Task task : info().tasks) {
    SCOPED_TRACE(data::task_name(task));
    const SampleTable t = table(task, 200);
    const auto all = t.all_rows();
    const auto estimator = make();
    estimator->fit(t.data(), nullptr, {all, {}}, context_);
    artifact::Node node;
    estimator->save(node);
    const auto loaded = make();
    loaded->load(node);
    EXPECT_EQ(predictions(*loaded, t.x), predictions(*estimator, t.x));
    EXPECT_EQ(loaded->feature_names(), estimator->feature_names());
    EXPECT_EQ(loaded->feature_importance(), estimator->feature_importance());
    EXPECT_EQ(saved_bytes(*loaded), saved_bytes(*estimator));
  }
}

TEST_P(EstimatorContract, FindsColumnsByNameAndRefusesWrongOnes) {
  const SampleTable t = table(info().tasks[0], 200);
  const auto all = t.all_rows();
  const auto estimator = make();
  estimator->fit(t.data(), nullptr, {all, {}}, context_);

  std::vector<std::string> reversed(t.x.names().rbegin(), t.x.names().rend());
  data::Frame other = t.x.select(reversed);
  other.add("one more", t.x.column(0));
  EXPECT_EQ(predictions(*estimator, other), predictions(*estimator, t.x));

  const std::vector<std::string> count = {"count"};
  EXPECT_ERROR(predictions(*estimator, t.x.without(count)), kData, HasSubstr("count"));
  data::Frame typed = t.x.without(count);
  typed.add("count", t.x.column("a"));
  EXPECT_ERROR(predictions(*estimator, typed), kData, HasSubstr("float instead of int"));
}

TEST_P(EstimatorContract, TakesMissingCellsOrRefusesThem) {
  const SampleTable t =
      sample_table(info().tasks[0], 200, {info().handles_categories, true, info().needs_nonnegative});
  const auto all = t.all_rows();
  const auto estimator = make();
  if (info().handles_missing) {
    estimator->fit(t.data(), nullptr, {all, {}}, context_);
    expect_good(predictions(*estimator, t.x), estimator->task(), estimator->n_outputs());
  } else {
    EXPECT_ERROR(estimator->fit(t.data(), nullptr, {all, {}}, context_), kData, HasSubstr("missing"));
  }
}

TEST_P(EstimatorContract, FitsOneRow) {
  for (const data::Task task : info().tasks) {
    SCOPED_TRACE(data::task_name(task));
    const SampleTable t = table(task, 8);
    const std::vector<std::uint32_t> train = {2}, valid = {5};
    const auto estimator = make();
    estimator->fit(t.data(), nullptr, {train, valid}, context_);
    expect_good(predictions(*estimator, t.x), task, estimator->n_outputs());
  }
}

TEST_P(EstimatorContract, FitsConstantAndAllMissingColumns) {
  for (const data::Task task : info().tasks) {
    SCOPED_TRACE(data::task_name(task));
    SampleTable t = table(task, 60);
    t.x = data::Frame();
    t.x.add("constant", data::Column::from_float64(std::vector<double>(60, 3.0)));
    if (info().handles_missing)
      t.x.add("empty",
              data::Column::from_float64(std::vector<double>(60, std::numeric_limits<double>::quiet_NaN())));
    const auto train = t.train_rows(), valid = t.valid_rows();
    const auto estimator = make();
    estimator->fit(t.data(), nullptr, {train, valid}, context_);
    const auto predicted = predictions(*estimator, t.x);
    expect_good(predicted, task, estimator->n_outputs());
    for (std::size_t i = estimator->n_outputs(); i < predicted.size(); ++i)
      EXPECT_NEAR(predicted[i], predicted[i % estimator->n_outputs()], 1e-9);
  }
}

TEST_P(EstimatorContract, RefusesNoRowsAndNoColumns) {
  SampleTable t = table(info().tasks[0], 20);
  EXPECT_ERROR(make()->fit(t.data(), nullptr, {{}, {}}, context_), kData, HasSubstr("no row"));
  t.x = data::Frame();
  t.y.clear();
  EXPECT_ERROR(make()->fit(t.data(), nullptr, {{}, {}}, context_), kData, HasSubstr("no row"));
}

TEST_P(EstimatorContract, RefusesTextColumns) {
  SampleTable t = table(info().tasks[0], 20);
  t.x.add("words", data::Column::from_texts(std::vector<std::optional<std::string>>(20, "hello")));
  const auto all = t.all_rows();
  EXPECT_ERROR(make()->fit(t.data(), nullptr, {all, {}}, context_), kData, HasSubstr("\"words\""));
}

TEST_P(EstimatorContract, CountsWeights) {
  // Where the columns say nothing, the prediction is the weighted mean of the target.
  for (const data::Task task : info().tasks) {
    if (task == data::Task::kMulticlass) continue;
    SCOPED_TRACE(data::task_name(task));
    SampleTable t = table(task, 2000);
    t.x = data::Frame({"constant"}, {data::Column::from_float64(std::vector<double>(2000, 1.0))});
    for (std::size_t r = 0; r < 2000; ++r) {
      t.y[r] = static_cast<double>(r % 2);
      t.weights.push_back(r % 2 == 0 ? 1.0 : 4.0);
    }
    const auto all = t.all_rows();
    const auto estimator = make();
    estimator->fit(t.data(), nullptr, {all, {}}, context_);
    // The tolerance is for forests, which draw their rows. Two learners predict no mean: where 80 % of the
    // weight is at 1 they are between the mean and 1, and without weights they would be between 0 and 1/2.
    const bool is_robust = GetParam() == "huber" || GetParam() == "quantile_regression";
    const double most = is_robust ? 1.001 : 0.82;
    EXPECT_THAT(predictions(*estimator, t.x), Each(testing::AllOf(testing::Ge(0.78), testing::Le(most))));
  }
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const EstimatorInfo& info : estimators()) out.push_back(info.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Registry, EstimatorContract, testing::ValuesIn(names()),
                         [](const auto& instance) { return instance.param; });

TEST(EstimatorRegistry, NamesTheNearestLearner) {
  EXPECT_ERROR(make_estimator("lightgmb"), kInvalidParameter, HasSubstr("lightgbm"));
}

}  // namespace
}  // namespace kolosal::model
