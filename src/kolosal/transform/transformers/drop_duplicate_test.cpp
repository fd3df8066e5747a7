#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(DropDuplicate, KeepsTheFirstOfEqualColumns) {
  Frame x({"a", "b", "c", "d", "e"},
          {Column::from_float64({1, kNaN, -0.0}),
           Column::from_float32({1, std::numeric_limits<float>::quiet_NaN(), 0}),
           Column::from_float64({1, kNaN, 1}), Column::from_texts({"u", "v", std::nullopt}),
           Column::from_float64({1, 5, 0})});
  x.add("f", categories({"v", "u"}, {1, 0, data::kMissingCode}));
  EXPECT_THAT(fit_all("drop_duplicate", {}, x).names(), ElementsAre("a", "c", "d", "e"));
}

TEST(DropDuplicate, TellsLargeIntegersApart) {
  const Frame x({"a", "b"}, {Column::from_int64({(1LL << 53) + 1, 2}), Column::from_int64({1LL << 53, 2})});
  EXPECT_EQ(fit_all("drop_duplicate", {}, x).n_columns(), 2U);
}

}  // namespace
}  // namespace kolosal::transform
