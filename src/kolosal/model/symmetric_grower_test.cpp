#include "kolosal/model/symmetric_grower.hpp"

#include <gtest/gtest.h>

#include "kolosal/core/random.hpp"

namespace kolosal::model {
namespace {

SymmetricTable random_table(std::size_t n_rows, std::size_t n_features, Rng& rng) {
  std::vector<SymmetricFeature> features(n_features);
  for (SymmetricFeature& feature : features) {
    for (int b = 0; b < 20; ++b) feature.borders.push_back(b);
    std::vector<std::uint8_t> bins(n_rows);
    for (auto& bin : bins) bin = static_cast<std::uint8_t>(rng.below(21));
    feature.bins.push_back(std::move(bins));
  }
  return {std::move(features), n_rows};
}

TEST(SymmetricGrower, HistogramsThatAreNotKeptGiveTheSameTrees) {
  constexpr std::size_t kRows = 700, kFeatures = 6, kOutputs = 3, kDepth = 5;
  Rng rng(3);
  const SymmetricTable table = random_table(kRows, kFeatures, rng);
  std::vector<float> gradient(kRows * kOutputs), weight(kRows);
  for (float& value : gradient) value = static_cast<float>(rng.normal());
  for (float& value : weight) value = static_cast<float>(rng.below(3));  // some rows are left out
  const std::vector<std::uint8_t> is_used(kFeatures, 1);
  SymmetricTask task{.gradient = gradient, .weight = weight, .is_used = is_used, .noise = 0.1, .seed = 4};
  SymmetricGrower keeping(table, kOutputs, kDepth, 1), summing(table, kOutputs, kDepth, 1, 0);
  ASSERT_GT(SymmetricGrower::n_bytes(table, kOutputs, kDepth), 0U);
  for (task.seed = 0; task.seed < 5; ++task.seed) {
    const auto a = keeping.grow(task, {}), b = summing.grow(task, {});
    ASSERT_EQ(a.size(), kDepth);
    ASSERT_EQ(b.size(), kDepth);
    for (std::size_t level = 0; level < kDepth; ++level) {
      EXPECT_EQ(a[level].feature, b[level].feature);
      EXPECT_EQ(a[level].border, b[level].border);
      EXPECT_EQ(a[level].gain, b[level].gain);
    }
    EXPECT_TRUE(std::ranges::equal(keeping.leaves(), summing.leaves()));
  }
}

}  // namespace
}  // namespace kolosal::model
