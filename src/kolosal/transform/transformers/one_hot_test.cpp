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

std::vector<std::vector<int>> hot(const Column& column) {
  const auto cells = column.sparse();
  std::vector<std::vector<int>> out;
  for (std::size_t row = 0; row < column.size(); ++row) {
    out.emplace_back();
    for (auto i = cells.offsets[row]; i < cells.offsets[row + 1]; ++i) out.back().push_back(cells.indices[i]);
  }
  return out;
}

TEST(OneHot, OneSparseColumnForAllColumns) {
  Frame x = one_column(categories({"a", "b"}, {0, 1, 1, data::kUnseenCode}), "first");
  x.add("second", categories({"u", "v"}, {1, data::kMissingCode, 0, 0}));
  const Frame out = fit_all("one_hot", {}, x);
  ASSERT_EQ(out.n_columns(), 1U);
  EXPECT_EQ(out.name(0), "one_hot");
  EXPECT_EQ(out.column(0).sparse().width, 5);
  using Row = std::vector<int>;
  EXPECT_THAT(hot(out.column(0)), ElementsAre(Row{0, 3}, Row{1, 4}, Row{1, 2}, Row{2}));
}

TEST(OneHot, EncodesFewIntegersAndLeavesMany) {
  std::vector<std::int64_t> few, many;
  for (int i = 0; i < 30; ++i) few.push_back(i % 3 - 1), many.push_back(i);
  Frame x({"few", "many"}, {Column::from_int64(few), Column::from_int64(many)});
  const auto step = make_transformer("one_hot", {{"keep_numbers", false}, {"dense", true}});
  const Frame out = step->fit_transform(x, all_rows(30), {}, {"few", "many"}, {});
  EXPECT_THAT(out.names(), ElementsAre("many", "few=-1", "few=0", "few=1"));
  EXPECT_EQ(numbers(out, "few=-1")[0], 1);
  EXPECT_EQ(numbers(out, "few=-1")[1], 0);
}

TEST(OneHot, RareLevelsShareAFeatureThatUnseenOnesUseToo) {
  const Frame x = one_column(categories({"a", "b", "c", "d"}, {0, 0, 0, 1, 2, data::kUnseenCode}));
  const Frame out = fit_all("one_hot", {{"min_frequency", std::int64_t{2}}, {"dense", true}}, x);
  EXPECT_THAT(out.names(), ElementsAre("x=a", "x=(infrequent)"));
  EXPECT_THAT(numbers(out, "x=(infrequent)"), ElementsAre(0, 0, 0, 1, 1, 1));
}

TEST(OneHot, LeavesOutTheFirstFeatureOfEachColumn) {
  Frame x = one_column(categories({"a", "b"}, {0, 1, 1, data::kUnseenCode}), "two");
  x.add("three", categories({"u", "v"}, {1, data::kMissingCode, 0, 0}));
  x.add("one", categories({"w"}, {0, 0, 0, 0}));
  EXPECT_THAT(fit_all("one_hot", {{"dense", true}, {"drop", "first"}}, x).names(),
              ElementsAre("two=b", "three=v", "three=(missing)"));
  const Frame out = fit_all("one_hot", {{"dense", true}, {"drop", "if_binary"}}, x);
  EXPECT_THAT(out.names(), ElementsAre("two=b", "three=u", "three=v", "three=(missing)", "one=w"));
  EXPECT_THAT(numbers(out, "two=b"), ElementsAre(0, 1, 1, 0));
}

}  // namespace
}  // namespace kolosal::transform
