#include "kolosal/automl/feature_store.hpp"

#include <algorithm>
#include <numeric>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::automl {
namespace {

using data::Task;

std::vector<pipeline::Split> three_folds(std::size_t n_rows) {
  std::vector<pipeline::Split> out(3);
  for (std::uint32_t i = 0; i < n_rows; ++i)
    for (std::size_t k = 0; k < 3; ++k) (i % 3 == k ? out[k].valid : out[k].train).push_back(i);
  return out;
}

std::vector<double> numbers(const data::Frame& frame, std::size_t column) {
  std::vector<double> out(frame.n_rows());
  frame.column(column).copy_numbers(out);
  return out;
}

/// Whether the cells are the same objects, not only equal.
bool shares_cells(const FoldFeatures& a, const FoldFeatures& b) {
  if (a.frame.names() != b.frame.names()) return false;
  for (std::size_t c = 0; c < a.frame.n_columns(); ++c)
    if (a.frame.column(c).owner() != b.frame.column(c).owner()) return false;
  return true;
}

class FeatureStoreTest : public testing::Test {
 protected:
  static constexpr std::size_t kRows = 240;
  TableShape shape() const { return shape_of(base, target.view(), 160, {}); }
  FeatureStore make(std::size_t memory_bytes = 1 << 24) const {
    return {base, y, splits, make_views(shape()), std::make_shared<FeatureCache>(memory_bytes)};
  }

  data::Frame table = made_table(Task::kBinary, kRows);
  data::Frame base = table.without(std::vector<std::string>{"y"});
  MadeTarget target = target_of(table, Task::kBinary);
  data::TargetView y = target.view();
  std::vector<pipeline::Split> splits = three_folds(kRows);
  Context context;
};

TEST_F(FeatureStoreTest, AViewIsMadeOnce) {
  FeatureStore store = make();
  const auto linear = store.features("linear", 0, context);
  EXPECT_TRUE(shares_cells(*linear, *store.features("linear", 2, context)))
      << "it does not see the target, so all folds share it";
  const auto encoded = store.features("encoded_only", 0, context);
  EXPECT_TRUE(shares_cells(*encoded, *store.features("encoded_only", 0, context)));
  EXPECT_FALSE(shares_cells(*encoded, *store.features("encoded_only", 1, context)));
  EXPECT_EQ(encoded->shared, store.shared_recipe("encoded_only", context));

  const auto lightgbm = model::make_estimator("extra_trees");
  const auto prepared = store.prepared(*lightgbm, "native", 0, context);
  EXPECT_NE(prepared, nullptr);
  EXPECT_EQ(prepared,
            store.prepared(*model::make_estimator("extra_trees", {{"n_estimators", std::int64_t{3}}}),
                           "native", 1, context));
}

TEST_F(FeatureStoreTest, ViewsThatStartAlikeShareTheirStart) {
  const auto cache = std::make_shared<FeatureCache>(1 << 24);
  FeatureStore store(
      base, y, splits,
      {{.name = "short", .per_fold = {transform::StepSpec("target_encode")}},
       {.name = "long", .per_fold = {transform::StepSpec("target_encode"), transform::StepSpec("scale")}}},
      cache);
  store.features("short", 0, context);
  EXPECT_EQ(cache->prefixes.counters().misses, 1U);
  store.features("long", 0, context);
  EXPECT_EQ(cache->prefixes.counters().misses, 2U);
  EXPECT_EQ(cache->prefixes.counters().hits, 1U);
}

TEST_F(FeatureStoreTest, StoresOfOtherRowsShareACacheAndMixNothingUp) {
  const auto cache = std::make_shared<FeatureCache>(1 << 24);
  FeatureStore store(base, y, splits, make_views(shape()), cache);
  const data::Frame half = base.slice(0, kRows / 2);
  const data::TargetView half_y{y.task, y.values.first(kRows / 2), {}, y.n_classes};
  const auto half_splits = three_folds(kRows / 2);
  FeatureStore other(half, half_y, half_splits, make_views(shape()), cache);
  EXPECT_EQ(store.features("encoded_only", 0, context)->frame.n_rows(), kRows);
  EXPECT_EQ(other.features("encoded_only", 0, context)->frame.n_rows(), kRows / 2);
}

TEST_F(FeatureStoreTest, WhatWasForgottenIsMadeAgainTheSame) {
  FeatureStore store = make(1);  // room for one
  const auto first = store.features("encoded_only", 0, context);
  store.features("encoded_only", 1, context);
  const auto again = store.features("encoded_only", 0, context.with_seed(99));
  EXPECT_FALSE(shares_cells(*first, *again));
  for (std::size_t i = 0; i < first->frame.n_columns(); ++i)
    EXPECT_THAT(numbers(again->frame, i),
                testing::Pointwise(NanSensitiveDoubleNear(0), numbers(first->frame, i)));
}

TEST_F(FeatureStoreTest, AViewDoesNotDependOnWhoAskedFirst) {
  FeatureStore store = make(), other = make();
  const auto a = store.features("encoded_only", 1, context.with_seed(1));
  const auto b = other.features("encoded_only", 1, context.with_seed(2));
  for (std::size_t i = 0; i < a->frame.n_columns(); ++i)
    EXPECT_THAT(numbers(b->frame, i), testing::Pointwise(NanSensitiveDoubleNear(0), numbers(a->frame, i)));
}

TEST_F(FeatureStoreTest, ManyThreadsGetTheSameObject) {
  ThreadPool pool(4);
  FeatureStore store = make();
  std::vector<std::shared_ptr<const FoldFeatures>> got(16);
  pool.for_each(16, 4,
                [&](std::size_t i) { got[i] = store.features("encoded_only", i % 2, context.with_seed(i)); });
  for (std::size_t i = 2; i < 16; ++i) EXPECT_TRUE(shares_cells(*got[i], *got[i % 2]));
}

TEST_F(FeatureStoreTest, AFoldDoesNotSeeTheTargetOfItsValidationRows) {
  MadeTarget other = target;
  for (const std::uint32_t row : splits[1].valid) other.values[row] = 1 - other.values[row];
  const data::TargetView other_y = other.view();
  FeatureStore store = make();
  FeatureStore flipped(base, other_y, splits, make_views(shape()), std::make_shared<FeatureCache>(1 << 24));
  for (const View& view : make_views(shape())) {
    SCOPED_TRACE(view.name);
    const auto a = store.features(view.name, 1, context);
    const auto b = flipped.features(view.name, 1, context);
    ASSERT_EQ(a->frame.names(), b->frame.names());
    for (std::size_t i = 0; i < a->frame.n_columns(); ++i) {
      if (a->frame.column(i).type() == data::ColumnType::kSparse) continue;
      EXPECT_THAT(numbers(b->frame, i), testing::Pointwise(NanSensitiveDoubleNear(0), numbers(a->frame, i)))
          << a->frame.name(i);
    }
  }
}

TEST_F(FeatureStoreTest, RefitUsesAllRows) {
  FeatureStore store = make();
  EXPECT_EQ(store.train_rows(FeatureStore::kAllRows).size(), kRows);
  EXPECT_TRUE(store.valid_rows(FeatureStore::kAllRows).empty());
  EXPECT_EQ(store.features("encoded", FeatureStore::kAllRows, context)->frame.n_rows(), kRows);
}

// A column with a level per row and a target of coin tosses: whoever predicts it out of fold has seen the
// answers.
TEST(FeatureStore, APlantedLeakIsNotLearned) {
  constexpr std::size_t kRows = 400;
  Rng rng(3);
  std::vector<std::string> level;
  std::vector<double> noise;
  MadeTarget target{Task::kBinary, {}, 2};
  for (std::size_t i = 0; i < kRows; ++i) {
    level.push_back(fmt::format("row {}", i));
    noise.push_back(rng.normal());
    target.values.push_back(static_cast<double>(rng.below(2)));
  }
  data::Frame base;
  base.add("id", category_column(level));
  base.add("noise", data::Column::from_float64(noise));
  const data::TargetView y = target.view();
  const auto splits = three_folds(kRows);
  FeatureStore store(base, y, splits, make_views(shape_of(base, y, 267, {})),
                     std::make_shared<FeatureCache>(1 << 24));
  for (const std::string view : {"encoded", "encoded_pairs", "encoded_only"}) {
    const Candidate candidate{
        "small", "lightgbm", {{"n_estimators", std::int64_t{30}}, {"num_leaves", std::int64_t{7}}}, view, 1};
    std::vector<double> out_of_fold(kRows);
    for (std::size_t fold = 0; fold < 3; ++fold) {
      const FoldResult result = run_fold(candidate, fold, store, y, Context());
      for (std::size_t i = 0; i < splits[fold].valid.size(); ++i)
        out_of_fold[splits[fold].valid[i]] = result.prediction[i];
    }
    // The standard deviation of the area under the curve of noise is 0.029 with 400 rows.
    EXPECT_NEAR(metric::metric_for("roc_auc", Task::kBinary).compute(y, out_of_fold), 0.5, 0.1) << view;
  }
}

TEST_F(FeatureStoreTest, TheErrorOfAStepReachesWhoWantsTheViewAndTheNextTriesAgain) {
  CancelToken cancel;
  cancel.cancel();
  Context stopped = context;
  stopped.cancel = &cancel;
  FeatureStore store = make();
  try {
    store.features("encoded_only", 0, stopped);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBudget);
  }
  EXPECT_EQ(store.features("encoded_only", 0, context)->frame.n_rows(), kRows);
}

}  // namespace
}  // namespace kolosal::automl
