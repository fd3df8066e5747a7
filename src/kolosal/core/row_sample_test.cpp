#include "kolosal/core/row_sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kolosal {
namespace {

TEST(DrawRows, GivesAscendingRowsOnceEach) {
  Rng rng(1);
  const auto rows = draw_rows(1000, 100, rng);
  ASSERT_EQ(rows.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(rows, std::less_equal()));
  EXPECT_LT(rows.back(), 1000U);
}

TEST(DrawRows, AllRowsWhenAsManyAreWanted) {
  Rng rng(1);
  EXPECT_EQ(draw_rows(3, 3, rng), (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(draw_rows(3, 9, rng).size(), 3U);
  EXPECT_TRUE(draw_rows(0, 5, rng).empty());
}

TEST(DrawRows, EachRowIsAsLikelyAsAnyOther) {
  std::vector<int> drawn(20);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    Rng rng(seed);
    for (const auto row : draw_rows(20, 5, rng)) ++drawn[row];
  }
  for (const int n : drawn) EXPECT_NEAR(n, 1000, 140);  // five standard deviations
}

}  // namespace
}  // namespace kolosal
