#include "kolosal/automl/made_features.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/automl/feature_store.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/automl/views.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::automl {
namespace {

using data::Task;
using ::testing::Contains;
using ::testing::Not;

/// A text, three categories and a number. The target follows whether the text has one of five words, and
/// whether two categories agree, or neither.
struct MadeTable {
  explicit MadeTable(bool telling, std::size_t n = 900) {
    Rng rng(21);
    std::vector<std::optional<std::string>> texts;
    std::vector<std::vector<std::string>> levels(3);
    std::vector<double> number;
    for (std::size_t i = 0; i < n; ++i) {
      std::string text;
      for (int w = 0; w < 10; ++w) text += fmt::format("w{} ", rng.below(300));
      const bool is_fine = rng.below(2) == 1;
      if (is_fine) text += fmt::format("fine{}", rng.below(5));
      texts.emplace_back(text);
      std::vector<std::uint64_t> codes;
      for (auto& column : levels) {
        codes.push_back(rng.below(5));
        column.push_back(fmt::format("v{}", codes.back()));
      }
      number.push_back(rng.normal());
      const bool agree = codes[0] % 2 == codes[1] % 2;
      const double z = telling ? (is_fine ? 1.5 : -1.5) + (agree ? 2.0 : -2.0) : 0.0;
      target.values.push_back(rng.uniform() < 1 / (1 + std::exp(-z)) ? 1 : 0);
    }
    base.add("text", data::Column::from_texts(texts));
    for (std::size_t c = 0; c < 3; ++c) base.add(fmt::format("c{}", c), category_column(levels[c]));
    base.add("x", data::Column::from_float64(number));
    y = target.view();
    splits.resize(3);
    for (std::uint32_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < 3; ++k) (i % 3 == k ? splits[k].valid : splits[k].train).push_back(i);
  }
  TableShape shape() const { return shape_of(base, y, splits[0].train.size(), {}); }
  MadeFeatures found(double thread_seconds = 60, const Context& context = {}) const {
    return find_made_features(shape(), base, y, splits, thread_seconds, context);
  }

  data::Frame base;
  MadeTarget target{Task::kBinary, {}, 2};
  data::TargetView y;
  std::vector<pipeline::Split> splits;
};

std::vector<std::string> names_of(const std::vector<View>& views) {
  std::vector<std::string> out;
  for (const View& view : views) out.push_back(view.name);
  return out;
}

TEST(MadeFeatures, AreFoundWhereTheyTell) {
  const MadeTable table(true);
  const MadeFeatures made = table.found();
  EXPECT_TRUE(made.text_scores());
  EXPECT_TRUE(made.category_pairs());
  TableShape shape = table.shape();
  EXPECT_THAT(names_of(make_views(shape)), Not(Contains("scored")));
  shape.made = made;
  EXPECT_THAT(names_of(make_views(shape)),
              testing::IsSupersetOf({"scored", "ranked_scored", "crossed_pairs"}));
  EXPECT_THAT(interchangeable_views(make_views(shape)), Contains("crossed"));
}

TEST(MadeFeatures, NoneAreFoundInNoise) {
  const MadeFeatures made = MadeTable(false).found();
  EXPECT_FALSE(made.text_scores());
  EXPECT_FALSE(made.category_pairs());
}

TEST(MadeFeatures, CostAShareOfTheTimeOnly) {
  const MadeTable table(true);
  EXPECT_FALSE(table.found(0.01).text_scores());
  EXPECT_FALSE(table.found(1e-5).category_pairs());
  EXPECT_LE(table.found(1).score_rows, table.found(60).score_rows);
}

TEST(MadeFeatures, DoNotDependOnValidationRowsOrThreads) {
  const MadeTable table(true);
  MadeTable other(true);
  for (const std::uint32_t row : other.splits[0].valid)
    other.target.values[row] = 1 - other.target.values[row];
  other.y = other.target.view();
  ThreadPool pool(4);
  Context context;
  context.pool = &pool;
  context.n_threads = 4;
  const MadeFeatures a = table.found(), b = other.found(60, context);
  EXPECT_EQ(a.score_rows, b.score_rows);
  EXPECT_EQ(a.category_pair_rows, b.category_pair_rows);
}

std::vector<double> out_of_fold(const MadeTable& table, const std::string& view, const MadeFeatures& made) {
  TableShape shape = table.shape();
  shape.made = made;
  FeatureStore store(table.base, table.y, table.splits, make_views(shape),
                     std::make_shared<FeatureCache>(1 << 26));
  const Candidate candidate{"small",
                            "random_forest",
                            {{"n_estimators", std::int64_t{40}}, {"min_samples_leaf", std::int64_t{3}}},
                            view,
                            1};
  std::vector<double> out(table.base.n_rows());
  for (std::size_t fold = 0; fold < table.splits.size(); ++fold) {
    const FoldResult result = run_fold(candidate, fold, store, table.y, Context());
    const auto& valid = table.splits[fold].valid;
    for (std::size_t i = 0; i < valid.size(); ++i) out[valid[i]] = result.prediction[i];
  }
  return out;
}

double auc(const MadeTable& table, const std::string& view, const MadeFeatures& made) {
  return metric::metric_for("roc_auc", Task::kBinary).compute(table.y, out_of_fold(table, view, made));
}

TEST(MadeFeatures, ForcedOnNoiseTheyLeakNothing) {
  const MadeTable table(false);
  const MadeFeatures made{100'000, 10'000};
  // The deviation of the area under the curve of noise is 0.019 with 900 rows.
  for (const std::string view : {"scored", "ranked_scored", "encoded_pairs", "crossed", "crossed_pairs"})
    EXPECT_NEAR(auc(table, view, made), 0.5, 0.07) << view;
}

TEST(MadeFeatures, MakeTreesBetterWhereTheyTell) {
  const MadeTable table(true);
  EXPECT_GT(auc(table, "crossed", table.found()), auc(table, "native", {}) + 0.01);
}

TEST(MadeFeatures, AFoldDoesNotSeeTheTargetOfItsValidationRows) {
  const MadeTable table(true);
  MadeTable flipped(true);
  for (const std::uint32_t row : flipped.splits[1].valid)
    flipped.target.values[row] = 1 - flipped.target.values[row];
  flipped.y = flipped.target.view();
  TableShape shape = table.shape();
  shape.made = table.found();
  const auto views = make_views(shape);
  FeatureStore a(table.base, table.y, table.splits, views, std::make_shared<FeatureCache>(1 << 26));
  FeatureStore b(flipped.base, flipped.y, flipped.splits, views, std::make_shared<FeatureCache>(1 << 26));
  for (const std::string view : {"scored", "ranked_scored", "crossed_pairs"}) {
    const auto of_a = a.features(view, 1, {}), of_b = b.features(view, 1, {});
    ASSERT_EQ(of_a->frame.names(), of_b->frame.names());
    for (std::size_t c = 0; c < of_a->frame.n_columns(); ++c)
      for (std::size_t i = 0; i < of_a->frame.n_rows(); ++i) {
        const double one = of_a->frame.column(c).number(i), two = of_b->frame.column(c).number(i);
        ASSERT_TRUE(one == two || (one != one && two != two)) << of_a->frame.name(c) << " row " << i;
      }
  }
}

}  // namespace
}  // namespace kolosal::automl
