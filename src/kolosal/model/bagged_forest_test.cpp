#include "kolosal/model/bagged_forest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/model/category_rank.hpp"

namespace kolosal::model {
namespace {

using data::Column;
using data::Frame;
using data::Task;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::uint32_t> first_rows(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::vector<double> predict(const Estimator& learner, const Frame& x) {
  std::vector<double> out(x.n_rows() * learner.n_outputs());
  learner.predict(x, out, {});
  return out;
}

/// Numbers with holes, a category with rare levels, and a target that both make.
struct Mixed {
  Frame x;
  std::vector<double> y;
  Mixed(std::size_t n, std::size_t n_classes) {
    Rng rng(11);
    std::vector<double> a(n), b(n);
    std::vector<std::int32_t> kind(n);
    for (std::size_t i = 0; i < n; ++i) {
      a[i] = rng.normal();
      b[i] = rng.uniform() < 0.1 ? kNaN : std::exp(3 * rng.normal());
      kind[i] = static_cast<std::int32_t>(rng.below(40)) - 1;
      const double signal = a[i] + (std::isnan(b[i]) ? 2 : std::log(b[i]) / 3) + (kind[i] % 3);
      y.push_back(n_classes == 0 ? signal
                                 : std::clamp(std::floor(signal + static_cast<double>(n_classes) / 2), 0.0,
                                              static_cast<double>(n_classes - 1)));
    }
    std::vector<std::string> levels;
    for (int i = 0; i < 40; ++i) levels.push_back(std::to_string(i));
    x.add("a", Column::from_float64(a));
    x.add("b", Column::from_float64(b));
    x.add("kind", Column::from_category(kind, std::make_shared<data::Dictionary>(levels)));
  }
};

data::TargetView target(const Mixed& mixed, std::size_t n_classes) {
  return {n_classes == 0   ? Task::kRegression
          : n_classes == 2 ? Task::kBinary
                           : Task::kMulticlass,
          mixed.y,
          {},
          n_classes};
}

// 200 rows: each number has a bin of its own, so a full tree on all rows tells all rows apart. Predicting
// goes through the thresholds and category sets, growing went through bins: equal targets mean that both
// route every row alike.
TEST(BaggedForest, AFullTreeRemembersItsRows) {
  const auto rows = first_rows(200);
  for (const char* name : {"random_forest", "extra_trees"})
    for (std::size_t n_classes : {0UL, 2UL, 5UL})
      for (const char* criterion : {"gini", "entropy"}) {
        SCOPED_TRACE(fmt::format("{}, {} classes, {}", name, n_classes, criterion));
        const Mixed mixed(200, n_classes);
        const auto forest = make_estimator(
            name, {{"bootstrap", false}, {"n_estimators", std::int64_t{3}}, {"criterion", criterion}});
        forest->fit({&mixed.x, target(mixed, n_classes)}, nullptr, {rows, {}}, {});
        const auto p = predict(*forest, mixed.x);
        for (std::size_t i = 0; i < 200; ++i) {
          if (n_classes == 5)
            ASSERT_EQ(p[i * 5 + static_cast<std::size_t>(mixed.y[i])], 1) << i;
          else
            ASSERT_NEAR(p[i], mixed.y[i], 1e-12) << i;
        }
      }
}

TEST(BaggedForest, LearnsBetterThanTheMeanOnNewRows) {
  const auto rows = first_rows(4000);
  const std::span<const std::uint32_t> all(rows);
  const Mixed mixed(4000, 0);
  double variance = 0;
  for (double v : mixed.y) variance += v * v / 4000;
  for (const char* name : {"random_forest", "extra_trees"}) {
    const auto forest = make_estimator(name, {{"n_estimators", std::int64_t{30}}});
    const auto report =
        forest->fit({&mixed.x, target(mixed, 0)}, nullptr, {all.first(3000), all.subspan(3000)}, {});
    double error = 0;
    for (std::size_t i = 0; i < 1000; ++i)
      error += std::pow(report.valid_prediction[i] - mixed.y[3000 + i], 2) / 1000;
    EXPECT_LT(error, 0.05 * variance) << name;
  }
}

TEST(BaggedForest, KeepsTheSmallestLeafAndTheDepth) {
  const auto rows = first_rows(1000);
  const Mixed mixed(1000, 2);
  for (const char* name : {"random_forest", "extra_trees"}) {
    const auto forest = make_estimator(name, {{"bootstrap", false},
                                              {"n_estimators", std::int64_t{1}},
                                              {"min_samples_leaf", std::int64_t{50}},
                                              {"max_features", "1.0"}});
    forest->fit({&mixed.x, target(mixed, 2)}, nullptr, {rows, {}}, {});
    std::map<double, int> rows_with;  // rows of a leaf share their prediction
    for (double p : predict(*forest, mixed.x)) ++rows_with[p];
    EXPECT_GT(rows_with.size(), 2U);
    for (const auto& [p, n] : rows_with) EXPECT_GE(n, 50) << name << " " << p;

    const auto flat =
        make_estimator(name, {{"n_estimators", std::int64_t{1}}, {"max_depth", std::int64_t{1}}});
    flat->fit({&mixed.x, target(mixed, 2)}, nullptr, {rows, {}}, {});
    EXPECT_EQ(dynamic_cast<const BaggedForest&>(*flat).forest().feature.size(), 1U);
  }
}

TEST(BaggedForest, SameBytesForAnyNumberOfThreads) {
  const auto rows = first_rows(2000);
  ThreadPool pool(3);
  Context parallel;
  parallel.pool = &pool;
  parallel.n_threads = 3;
  for (const char* name : {"random_forest", "extra_trees"}) {
    const Mixed mixed(2000, 5);
    const auto one = make_estimator(name, {{"n_estimators", std::int64_t{7}}}),
               three = make_estimator(name, {{"n_estimators", std::int64_t{7}}});
    one->fit({&mixed.x, target(mixed, 5)}, nullptr, {rows, {}}, {});
    three->fit({&mixed.x, target(mixed, 5)}, nullptr, {rows, {}}, parallel);
    const auto &a = dynamic_cast<const BaggedForest&>(*one).forest(),
               &b = dynamic_cast<const BaggedForest&>(*three).forest();
    EXPECT_EQ(a.threshold, b.threshold);
    EXPECT_EQ(a.leaf_value, b.leaf_value);
    EXPECT_EQ(a.category_bits, b.category_bits);
  }
}

TEST(BaggedForest, TwiceTheWeightIsTwiceTheRow) {
  Mixed mixed(300, 2);
  std::vector<double> weights(300);
  std::vector<std::uint32_t> twice;
  for (std::uint32_t i = 0; i < 300; ++i) {
    weights[i] = i % 3 == 0 ? 2 : 1;
    twice.push_back(i);
    if (i % 3 == 0) twice.push_back(i);
  }
  const Frame doubled = mixed.x.take(twice);
  std::vector<double> y;
  for (std::uint32_t i : twice) y.push_back(mixed.y[i]);
  const ParamMap params{{"bootstrap", false},
                        {"n_estimators", std::int64_t{2}},
                        {"max_features", "1.0"},
                        {"max_depth", std::int64_t{4}}};
  const auto a = make_estimator("random_forest", params), b = make_estimator("random_forest", params);
  const auto rows = first_rows(300), rows_twice = first_rows(twice.size());
  a->fit({&mixed.x, {Task::kBinary, mixed.y, weights, 2}}, nullptr, {rows, {}}, {});
  b->fit({&doubled, {Task::kBinary, y, {}, 2}}, nullptr, {rows_twice, {}}, {});
  const auto p = predict(*a, mixed.x), q = predict(*b, mixed.x);
  for (std::size_t i = 0; i < 300; ++i) ASSERT_NEAR(p[i], q[i], 1e-12);
}

TEST(BaggedForest, BalancedClassesCountEqually) {
  Frame x;
  x.add("same", Column::from_float64(std::vector<double>(100, 1.0)));
  std::vector<double> y(100, 0.0);
  for (std::size_t i = 0; i < 10; ++i) y[i] = 1;
  const auto rows = first_rows(100);
  const auto forest =
      make_estimator("extra_trees", {{"class_weight", "balanced"}, {"n_estimators", std::int64_t{1}}});
  forest->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {rows, {}}, {});
  EXPECT_NEAR(predict(*forest, x)[0], 0.5, 1e-12);
}

class StepClock final : public Clock {
 public:
  double now_s() const override { return now_ += 1; }

 private:
  mutable double now_ = 0;
};

TEST(BaggedForest, TheDeadlineKeepsTheTreesThatAreReady) {
  const Mixed mixed(500, 2);
  const auto rows = first_rows(500);
  StepClock clock;
  Context context;
  context.deadline = Deadline(clock, 10.5);
  const auto forest = make_estimator("random_forest", {{"n_estimators", std::int64_t{100}}});
  const auto report = forest->fit({&mixed.x, target(mixed, 2)}, nullptr, {rows, {}}, context);
  EXPECT_TRUE(report.stopped_by_deadline);
  EXPECT_EQ(report.n_rounds, 10U);
  EXPECT_THAT(predict(*forest, mixed.x),
              ::testing::Each(::testing::AllOf(::testing::Ge(0), ::testing::Le(1))));
  context.deadline = Deadline(clock, 0);
  try {
    forest->fit({&mixed.x, target(mixed, 2)}, nullptr, {rows, {}}, context);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBudget);
  }
}

TEST(BinnedTable, FewValuesHaveABinEachAndManyShareEvenly) {
  Frame x;
  std::vector<double> few, many;
  for (int i = 0; i < 10'000; ++i) {
    few.push_back(i % 7 == 0 ? kNaN : i % 7 == 1 ? -kInfinity : i % 7);
    many.push_back(i < 3000 ? 5.0 : i);
  }
  x.add("few", Column::from_float64(few));
  x.add("many", Column::from_float64(many));
  const auto table = BinnedTable::of(x, {});
  const BinnedColumn &a = table->columns[0], &b = table->columns[1];
  EXPECT_EQ(a.n_bins, 6);
  EXPECT_EQ(a.bin[0], 0);
  EXPECT_EQ(a.bin[1], 1);
  EXPECT_EQ(a.threshold(1, 2), -kInfinity);  // no middle between -inf and 2
  EXPECT_EQ(a.threshold(2, 4), 3);           // values 2 and 4
  EXPECT_GT(b.n_bins, 200);
  EXPECT_EQ(b.high[1], 5.0);  // the frequent value stands alone
  for (std::size_t i = 0; i < b.bin.size(); ++i) {
    ASSERT_GE(many[i], b.low[b.bin[i]]);
    ASSERT_LE(many[i], b.high[b.bin[i]]);
  }
  for (std::size_t i = 1; i + 1U <= b.n_bins; ++i) ASSERT_LT(b.high[i], b.low[i + 1]);
}

TEST(CategoryRank, OrdersByTheShrunkMean) {
  // bin 1: mean 1 of 100 rows, bin 2: mean 0 of 100 rows, bin 3: one row of target 9, bin 4: nothing.
  std::vector<std::uint8_t> bin(201);
  std::vector<double> y(201, 0.0);
  for (std::size_t i = 0; i < 201; ++i) bin[i] = i < 100 ? 1 : i < 200 ? 2 : 3;
  for (std::size_t i = 0; i < 100; ++i) y[i] = 1;
  y[200] = 3;
  const auto rank = rank_bins(bin, 4, y, {}, 0);
  EXPECT_THAT(rank, ::testing::ElementsAre(0, 4, 1, 3, 2));
}

}  // namespace
}  // namespace kolosal::model
