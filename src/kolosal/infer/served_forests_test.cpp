#include "kolosal/infer/served_forests.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "kolosal/core/random.hpp"

namespace kolosal::infer {
namespace {

constexpr std::size_t kFeatures = 5;

/// Complete trees of numbers and categories.
model::Forest made_forest(std::size_t n_trees, std::size_t depth) {
  Rng rng(3);
  model::Forest out;
  out.n_features = kFeatures;
  out.average = true;
  out.base_score = {0.25};
  out.category_bits = {0b1010'0110};
  const auto n_nodes = static_cast<std::int32_t>((std::size_t{1} << depth) - 1);
  for (std::size_t tree = 0; tree < n_trees; ++tree) {
    const auto first = static_cast<std::int32_t>(out.feature.size());
    const auto first_leaf = static_cast<std::int32_t>(out.leaf_value.size());
    out.tree_root.push_back(first);
    out.tree_output.push_back(0);
    for (std::int32_t i = 0; i < n_nodes; ++i) {
      const auto child = [&](std::int32_t c) {
        return c < n_nodes ? first + c : ~(first_leaf + c - n_nodes);
      };
      const bool is_category = rng.below(4) == 0;
      out.feature.push_back(is_category ? 4 : static_cast<std::int32_t>(rng.below(4)));
      out.threshold.push_back(std::floor(10 * rng.uniform()) / 10);
      out.left.push_back(child(2 * i + 1));
      out.right.push_back(child(2 * i + 2));
      out.flags.push_back(static_cast<std::uint8_t>((is_category ? model::kCategorical : 0) |
                                                    (rng.below(2) ? model::kDefaultLeft : 0)));
      out.category_offset.push_back(0);
      out.category_words.push_back(is_category ? 1 : 0);
    }
    for (std::int32_t i = 0; i <= n_nodes; ++i) out.leaf_value.push_back(rng.uniform());
  }
  return out;
}

std::vector<double> made_row(Rng& rng) {
  std::vector<double> out;
  for (std::size_t f = 0; f < 4; ++f)
    out.push_back(rng.below(8) == 0 ? std::nan("") : std::floor(20 * rng.uniform()) / 20);
  out.push_back(rng.below(8) == 0 ? -1 : static_cast<double>(rng.below(10)));
  return out;
}

data::Frame as_frame(const std::vector<double>& row) {
  data::Frame out;
  for (std::size_t f = 0; f < row.size(); ++f)
    out.add(std::to_string(f), data::Column::from_float64({row[f]}));
  return out;
}

TEST(ServedForest, ALargeForestPredictsTheSameBeforeItIsPackedAndAfter) {
  const model::Forest forest = made_forest(25, 10);
  const ServedForest served(forest, std::nullopt);
  EXPECT_EQ(served.packed_for(0), nullptr);
  Rng rng(5);
  ForestScratch scratch;
  std::size_t n_rows = 0;
  for (; served.packed_for(0) == nullptr; ++n_rows) {
    ASSERT_LT(n_rows, 10'000U);
    const auto row = made_row(rng);
    double found = 0, wanted = 0;
    served.predict_row(row.data(), {&found, 1}, scratch);
    if (n_rows % 50 == 0) {
      forest.predict(as_frame(row), {&wanted, 1}, Context());
      ASSERT_EQ(found, wanted) << n_rows;
    }
  }
  EXPECT_GT(n_rows, 1000U);
  for (int i = 0; i < 50; ++i) {
    const auto row = made_row(rng);
    double found = 0, wanted = 0;
    served.predict_row(row.data(), {&found, 1}, scratch);
    forest.predict(as_frame(row), {&wanted, 1}, Context());
    ASSERT_EQ(found, wanted);
  }
}

TEST(ServedForest, TheSumsOfManyTreesAreTheSameBeforeAndAfter) {
  const model::Forest forest = made_forest(200, 7);
  const ServedForest served(forest, std::nullopt);
  ASSERT_EQ(served.packed_for(0), nullptr);
  Rng rng(6);
  ForestScratch scratch;
  std::vector<std::vector<double>> rows;
  std::vector<double> before(20);
  for (double& found : before) {
    rows.push_back(made_row(rng));
    served.predict_row(rows.back().data(), {&found, 1}, scratch);
  }
  ASSERT_EQ(served.packed_for(0), nullptr);
  served.pack();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double found = 0, wanted = 0;
    served.predict_row(rows[i].data(), {&found, 1}, scratch);
    forest.predict(as_frame(rows[i]), {&wanted, 1}, Context());
    EXPECT_EQ(found, before[i]);
    EXPECT_EQ(found, wanted);
  }
}

TEST(ServedForest, ManyRowsPackAtOnceAndSoDoesASmallForest) {
  const model::Forest large = made_forest(25, 10), small = made_forest(10, 5);
  EXPECT_NE(ServedForest(large, std::nullopt).packed_for(100'000), nullptr);
  EXPECT_NE(ServedForest(large, ForestKernel::kWalkRows).packed_for(0), nullptr);
  EXPECT_NE(ServedForest(small, std::nullopt).packed_for(0), nullptr);
  const ServedForest asked(large, std::nullopt);
  asked.pack();
  EXPECT_NE(asked.packed_for(0), nullptr);
}

TEST(ServedForest, ThreadsPredictWhileOneOfThemPacks) {
  const model::Forest forest = made_forest(25, 10);
  const ServedForest served(forest, std::nullopt);
  Rng rng(9);
  std::vector<std::vector<double>> rows;
  std::vector<double> wanted(40);
  for (double& out : wanted) {
    rows.push_back(made_row(rng));
    forest.predict(as_frame(rows.back()), {&out, 1}, Context());
  }
  std::vector<std::thread> threads;
  std::atomic<int> n_wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      ForestScratch scratch;
      for (std::size_t i = 0; i < 2000; ++i) {
        double found = 0;
        served.predict_row(rows[i % rows.size()].data(), {&found, 1}, scratch);
        n_wrong += found != wanted[i % rows.size()];
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_wrong, 0);
  EXPECT_NE(served.packed_for(0), nullptr);
}

}  // namespace
}  // namespace kolosal::infer
