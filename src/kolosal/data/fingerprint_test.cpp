#include "kolosal/data/fingerprint.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace kolosal::data {
namespace {

Frame table(double number = 2, const char* text = "b", const char* level = "y", float sparse = 1) {
  Frame out({"n"}, {Column::from_float64({1, number, std::nan("")})});
  out.add("i", Column::from_int64({1, 2, 3}));
  out.add("t", Column::from_texts({"a", text, std::nullopt}));
  out.add("c", Column::from_category({0, 1, -1}, std::make_shared<const Dictionary>(
                                                     std::vector<std::string>{"x", std::string(level)})));
  out.add("s", Column::from_sparse({0, 1, 1, 2}, {0, 3}, {1, sparse}, 5));
  return out;
}

TEST(Fingerprint, DependsOnEveryCellNameAndOrder) {
  std::set<std::uint64_t> seen{fingerprint(table())};
  const auto differs = [&](const Frame& frame) { return seen.insert(fingerprint(frame)).second; };
  EXPECT_TRUE(differs(table(3)));
  EXPECT_TRUE(differs(table(2, "c")));
  EXPECT_TRUE(differs(table(2, "b", "z")));
  EXPECT_TRUE(differs(table(2, "b", "y", 2)));
  EXPECT_TRUE(differs(table().slice(0, 2)));
  EXPECT_TRUE(differs(table().take(std::vector<std::uint32_t>{1, 0, 2})));
  EXPECT_TRUE(differs(table().select(std::vector<std::string>{"i", "n", "t", "c", "s"})));
  EXPECT_TRUE(seen.insert(fingerprint(table(), 1)).second);
  EXPECT_TRUE(differs(Frame({"x"}, {Column::from_int64({1, 2})})));
  EXPECT_TRUE(differs(Frame({"x"}, {Column::from_float64({1, 2})})));
  EXPECT_TRUE(differs(Frame({"x"}, {Column::from_texts({"", "a"})})));
  EXPECT_TRUE(differs(Frame({"x"}, {Column::from_texts({std::nullopt, "a"})})));
  EXPECT_FALSE(differs(table()));
}

TEST(Fingerprint, ASliceIsHashedAsTheSameRowsOfAnotherTable) {
  const std::vector<std::uint32_t> rows = {1, 2};
  EXPECT_EQ(fingerprint(table().slice(1, 2)), fingerprint(table().take(rows)));
}

}  // namespace
}  // namespace kolosal::data
