#include "kolosal/data/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Frame example() {
  return {{"age", "name"}, {Column::from_int64({30, 40, 50}), Column::from_texts({"a", std::nullopt, "c"})}};
}

TEST(Frame, SelectsByNameWithoutCopying) {
  const Frame frame = example();
  const std::string wanted[] = {"name", "age"};
  const Frame selected = frame.select(wanted);
  EXPECT_THAT(selected.names(), ElementsAre("name", "age"));
  EXPECT_EQ(selected.column("age").int64s().data(), frame.column("age").int64s().data());
  const std::string dropped[] = {"age", "absent"};
  EXPECT_THAT(frame.without(dropped).names(), ElementsAre("name"));
}

TEST(Frame, SuggestsTheNearestName) {
  EXPECT_ERROR(example().column("aeg"), kData, AllOf(HasSubstr("'aeg'"), HasSubstr("'age'")));
}

TEST(Frame, RefusesUnequalColumns) {
  EXPECT_ERROR(Frame({"a", "b"}, {Column::from_int64({1}), Column::from_int64({1, 2})}), kInternal,
               HasSubstr("'b'"));
  EXPECT_ERROR(Frame({"a", "a"}, {Column::from_int64({1}), Column::from_int64({2})}), kInternal,
               HasSubstr("'a'"));
  Frame frame = example();
  EXPECT_ERROR(frame.add("more", Column::from_int64({1})), kInternal, HasSubstr("'more'"));
  EXPECT_ERROR(frame.add("age", Column::from_int64({1, 2, 3})), kInternal, HasSubstr("'age'"));
}

TEST(Frame, SlicesTakesAndConcatenatesAllColumns) {
  const Frame frame = example();
  const std::uint32_t rows[] = {2, 0};
  const Frame parts[] = {frame.slice(1, 1), frame.take(rows)};
  const Frame joined = concatenate(parts);
  ASSERT_EQ(joined.n_rows(), 3U);
  EXPECT_THAT(joined.column("age").int64s(), ElementsAre(40, 50, 30));
  EXPECT_TRUE(joined.column("name").is_missing(0));
  EXPECT_EQ(joined.column("name").text(1), "c");
}

TEST(Frame, KeepsItsRowsWithoutColumns) {
  const Frame frame = example();
  EXPECT_EQ(frame.without(frame.names()).n_rows(), 3U);
  EXPECT_EQ(frame.select({}).slice(1, 2).n_rows(), 2U);
}

}  // namespace
}  // namespace kolosal::data
