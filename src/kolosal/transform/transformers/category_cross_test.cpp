#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::int32_t> codes_of(const Frame& x, std::string_view name) {
  const auto codes = x.column(name).codes();
  return {codes.begin(), codes.end()};
}

TEST(CategoryCross, HasALevelForEachPairThatIsFrequentEnough) {
  Frame x = one_column(categories({"u", "v"}, {0, 0, 1, 1, 1, 0, -1, 0}), "a");
  x.add("b", categories({"p", "q"}, {1, 1, 0, 0, 0, 0, 1, data::kUnseenCode}));
  const Frame out = fit_all("category_cross", {}, x);
  EXPECT_THAT(out.names(), ElementsAre("a", "b", "a*b"));
  EXPECT_THAT(out.column("a*b").dictionary()->levels(), ElementsAre("u*q", "v*p"));
  EXPECT_THAT(codes_of(out, "a*b"), ElementsAre(0, 0, 1, 1, 1, -2, -1, -2));
  const Frame few = fit_all("category_cross", {{"max_levels", std::int64_t{1}}}, x);
  EXPECT_THAT(few.column("a*b").dictionary()->levels(), ElementsAre("v*p"));
}

TEST(CategoryCross, PairsOfOneNameStayApart) {
  Frame x = one_column(categories({"a", "a*b"}, {0, 1, 0, 1}), "l");
  x.add("r", categories({"b*c", "c"}, {0, 1, 0, 1}));
  const Frame out = fit_all("category_cross", {}, x);
  EXPECT_THAT(out.column("l*r").dictionary()->levels(), ElementsAre("a*b*c", "a*b*c_"));
  EXPECT_THAT(codes_of(out, "l*r"), ElementsAre(0, 1, 0, 1));
}

TEST(CategoryCross, GainFindsThePairThatTellsTheTarget) {
  // The target is whether the levels of b and d agree; one column alone tells nothing. c has a level per row.
  Rng rng(9);
  std::vector<std::vector<std::int32_t>> codes(4);
  std::vector<double> y;
  std::vector<std::string> many;
  for (int i = 0; i < 2000; ++i) {
    codes[0].push_back(static_cast<std::int32_t>(rng.below(3)));
    codes[1].push_back(static_cast<std::int32_t>(rng.below(2)));
    codes[2].push_back(i);
    codes[3].push_back(static_cast<std::int32_t>(rng.below(2)));
    y.push_back(codes[1].back() == codes[3].back() ? 1 : 0);
    many.push_back("id" + std::to_string(i));
  }
  Frame x = one_column(categories({"0", "1", "2"}, codes[0]), "a");
  x.add("b", categories({"0", "1"}, codes[1]));
  x.add("c", categories(many, codes[2]));
  x.add("d", categories({"0", "1"}, codes[3]));
  const Frame out = fit_all("category_cross", {{"choose", "gain"}, {"n_crosses", std::int64_t{1}}}, x,
                            {Task::kBinary, y, {}, 2});
  EXPECT_THAT(out.names(), ElementsAre("a", "b", "c", "d", "b*d"));
}

TEST(CategoryCross, RefusesTooManyPairs) {
  Frame x = one_column(categories({"u"}, {0}), "a");
  x.add("b", categories({"u"}, {0}));
  x.add("c", categories({"u"}, {0}));
  EXPECT_ERROR(fit_all("category_cross", {{"n_crosses", std::int64_t{2}}}, x), kInvalidParameter,
               HasSubstr("3 crosses, more than n_crosses = 2"));
}

}  // namespace
}  // namespace kolosal::transform
