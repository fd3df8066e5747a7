#include "kolosal/automl/stage.hpp"

#include <algorithm>
#include <numeric>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::automl {
namespace {

using data::Task;
using ::testing::ElementsAre;

TEST(RungSizes, SmallTablesAndFoldsHaveOneRung) {
  EXPECT_THAT(rung_sizes(800, 10, true), ElementsAre(800U));
  EXPECT_THAT(rung_sizes(120'000, 10, true), ElementsAre(120'000U));  // 1.2 million cells
  EXPECT_THAT(rung_sizes(1'000'000, 50, false), ElementsAre(1'000'000U));
}

TEST(RungSizes, LargeTablesClimbByEight) {
  EXPECT_THAT(rung_sizes(1'000'000, 10, true), ElementsAre(20'000U, 160'000U, 1'000'000U));
  EXPECT_THAT(rung_sizes(160'000, 10, true),
              ElementsAre(20'000U, 160'000U));  // half of all would not be worth a rung
  EXPECT_THAT(rung_sizes(30'000, 500, true), ElementsAre(30'000U));
}

class StageTest : public testing::Test {
 protected:
  StageTest() {
    pipeline::Split split;
    for (std::uint32_t i = 0; i < 200; ++i) (i % 4 == 1 ? split.valid : split.train).push_back(i);
    splits = {split};
  }
  data::Frame table = made_table(Task::kBinary, 200);
  data::Frame base = table.without(std::vector<std::string>{"y"});
  MadeTarget target = target_of(table, Task::kBinary);
  data::TargetView y = target.view();
  std::vector<pipeline::Split> splits;
  std::shared_ptr<FeatureCache> cache = std::make_shared<FeatureCache>(1 << 20);
};

TEST_F(StageTest, ValidationRowsAreTheSameOnEveryRung) {
  const auto low = make_stage(0, 30, base, y, splits, cache, 5, {});
  const auto high = make_stage(1, 150, base, y, splits, cache, 5, {});
  EXPECT_EQ(low->splits.front().train.size(), 30U);
  EXPECT_EQ(high->splits.front().train.size(), 150U);
  EXPECT_EQ(low->valid->target, high->valid->target);
  ASSERT_EQ(low->valid->rows.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(low->base.column("a").number(low->valid->rows[i]),
              base.column("a").number(splits.front().valid[i]));
    EXPECT_EQ(high->valid->rows[i], splits.front().valid[i]);
  }
}

TEST_F(StageTest, ARungHoldsTrainingRowsOnlyAndTheirTargets) {
  const auto stage = make_stage(0, 30, base, y, splits, cache, 5, {});
  EXPECT_EQ(stage->base.n_rows(), 80U);
  for (const std::uint32_t row : stage->splits.front().train) {
    const double a = stage->base.column("a").number(row);
    std::size_t at = 0;
    while (base.column("a").number(at) != a) ++at;  // normal numbers: each occurs once
    EXPECT_NE(at % 4, 1U) << "a validation row in training";
    EXPECT_EQ(stage->target[row], target.values[at]);
  }
}

TEST_F(StageTest, RungsAreNestedAndDependOnTheSeed) {
  const auto values_of = [](const Stage& stage) {
    std::vector<double> out;
    for (const std::uint32_t row : stage.splits.front().train)
      out.push_back(stage.base.column("a").number(row));
    std::ranges::sort(out);
    return out;
  };
  const auto low = values_of(*make_stage(0, 30, base, y, splits, cache, 5, {}));
  const auto mid = values_of(*make_stage(1, 90, base, y, splits, cache, 5, {}));
  EXPECT_TRUE(std::ranges::includes(mid, low));
  EXPECT_EQ(values_of(*make_stage(0, 30, base, y, splits, cache, 5, {})), low);
  EXPECT_NE(values_of(*make_stage(0, 30, base, y, splits, cache, 6, {})), low);
}

TEST_F(StageTest, WeightsGoAlong) {
  std::vector<double> weights(200);
  std::iota(weights.begin(), weights.end(), 1.0);
  const data::TargetView weighted{y.task, y.values, weights, y.n_classes};
  const auto stage = make_stage(0, 30, base, weighted, splits, cache, 5, {});
  for (std::size_t row = 0; row < stage->base.n_rows(); ++row)
    EXPECT_EQ(stage->base.column("a").number(row),
              base.column("a").number(static_cast<std::size_t>(stage->weights[row]) - 1));
  EXPECT_EQ(stage->valid->weights.size(), 50U);
  EXPECT_EQ(stage->valid->weights[1], weights[5]);
}

}  // namespace
}  // namespace kolosal::automl
