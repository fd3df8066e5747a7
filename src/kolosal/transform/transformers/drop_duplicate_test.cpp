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

// a = b = c in the first rows, a = c in all of them, d = e in the later rows only.
TEST(DropDuplicate, ComparesTheBatchesOfAStream) {
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  const std::vector<Column> columns = {
      Column::from_float64({1, 2, 3, kNaN}), Column::from_int64({1, 2, 4, 5}),
      Column::from_float32({1, 2, 3, static_cast<float>(kNaN)}), Column::from_texts({"u", "v", "w", "w"}),
      Column::from_texts({"u", "x", "w", "w"})};
  const Frame x(names, columns);
  const auto fitted = [&](const std::vector<std::size_t>& ends) {
    auto step = make_transformer("drop_duplicate");
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      step->partial_fit(x.slice(begin, end - begin), {}, names, {});
      begin = end;
    }
    return step;
  };
  const auto all = fitted({0, 1, 2, 4});
  all->finish_fit({});
  EXPECT_THAT(all->transform(x, {}).names(), ElementsAre("a", "b", "d", "e"));
  const auto front = fitted({2}), back = make_transformer("drop_duplicate"), none = fitted({0});
  back->partial_fit(x.slice(2, 2), {}, names, {});
  front->merge(*back);
  front->merge(*none);
  front->finish_fit({});
  EXPECT_THAT(front->transform(x, {}).names(), ElementsAre("a", "b", "d", "e"));
  none->finish_fit({});
  EXPECT_EQ(none->transform(x, {}).n_columns(), 5U) << "without rows nothing is dropped";
}

}  // namespace
}  // namespace kolosal::transform
