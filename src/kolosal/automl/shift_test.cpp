#include "kolosal/automl/shift.hpp"

#include <gtest/gtest.h>

#include "kolosal/core/random.hpp"

namespace kolosal::automl {
namespace {

using data::Column;
using data::Frame;

Frame table(std::size_t n, double shift, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> same(n), moved(n);
  std::vector<std::int32_t> level(n);
  for (std::size_t i = 0; i < n; ++i) {
    same[i] = rng.normal(), moved[i] = rng.normal() + shift;
    level[i] = static_cast<std::int32_t>(rng.below(3));
  }
  static const auto levels =
      std::make_shared<const data::Dictionary>(std::vector<std::string>{"a", "b", "c"});
  Frame out;
  out.add("same", Column::from_float64(same));
  out.add("moved", Column::from_float64(moved));
  out.add("level", Column::from_category(level, levels));
  return out;
}

TEST(Shift, TablesOfOneSourceCanNotBeToldApart) {
  for (const std::size_t n : {30U, 500U, 12'000U})
    EXPECT_FALSE(measure_shift(table(n, 0, 1), table(n / 2, 0, 2), {}).is_notable()) << n;
}

TEST(Shift, AColumnThatMovedIsNamedFirst) {
  const Shift found = measure_shift(table(2000, 0, 1), table(700, 1.5, 2), {});
  EXPECT_TRUE(found.is_notable());
  EXPECT_NEAR(found.auc, 0.855, 0.03);  // of two normal distributions 1.5 deviations apart
  EXPECT_EQ(found.columns.front().first, "moved");
  EXPECT_GT(found.columns.front().second, 0.5);
}

}  // namespace
}  // namespace kolosal::automl
