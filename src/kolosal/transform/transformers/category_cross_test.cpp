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

/// Three columns of six levels; the target is coin tosses, and of some rows whether a and b agree.
struct Agreement {
  explicit Agreement(double share_of_rule, std::size_t n = 3000) {
    Rng rng(12);
    std::vector<std::vector<std::int32_t>> codes(3);
    for (std::size_t i = 0; i < n; ++i) {
      for (auto& column : codes) column.push_back(static_cast<std::int32_t>(rng.below(6)));
      const bool agrees = codes[0].back() % 2 == codes[1].back() % 2;
      y.push_back(rng.uniform() < share_of_rule ? (agrees ? 1 : 0) : static_cast<double>(rng.below(2)));
    }
    const std::vector<std::string> levels = {"0", "1", "2", "3", "4", "5"};
    x = one_column(categories(levels, codes[0]), "a");
    x.add("b", categories(levels, codes[1]));
    x.add("c", categories(levels, codes[2]));
  }
  TargetView target() const { return {Task::kBinary, y, {}, 2}; }

  Frame x;
  std::vector<double> y;
};

double mean_gap(const Frame& x, std::string_view name, const std::vector<double>& y) {
  double sum[2] = {}, n[2] = {};
  for (std::size_t i = 0; i < y.size(); ++i) {
    sum[y[i] > 0] += x.column(name).number(i);
    n[y[i] > 0] += 1;
  }
  return sum[1] / n[1] - sum[0] / n[0];
}

const ParamMap kHeldOut = {{"choose", "held_out"}, {"encode", true}};

TEST(CategoryCross, HeldOutFindsPairsThatTellMoreThanBothAndNoneInNoise) {
  const Agreement rule(0.3);
  EXPECT_THAT(fit_all("category_cross", kHeldOut, rule.x, rule.target()).names(),
              ElementsAre("a", "b", "c", "a*b_target"));
  const Agreement noise(0);
  EXPECT_THAT(fit_all("category_cross", kHeldOut, noise.x, noise.target()).names(),
              ElementsAre("a", "b", "c"));
}

TEST(CategoryCross, HeldOutPassesOverPairsWhoseColumnsAddUp) {
  Agreement sum(0);
  for (std::size_t i = 0; i < sum.y.size(); ++i)
    sum.y[i] = sum.x.column("a").codes()[i] + 2.0 * sum.x.column("b").codes()[i];
  EXPECT_THAT(fit_all("category_cross", kHeldOut, sum.x, {Task::kRegression, sum.y, {}, 0}).names(),
              ElementsAre("a", "b", "c"));
}

TEST(CategoryCross, EncodedCrossesDoNotTellFittedRowsTheirOwnTarget) {
  // As many levels as rows, nearly: an encoding that saw the target of its row would repeat it.
  Rng rng(5);
  constexpr std::int32_t kLevels = 40;
  std::vector<std::string> levels;
  for (std::int32_t i = 0; i < kLevels; ++i) levels.push_back(fmt::format("l{}", i));
  std::vector<std::int32_t> a, b;
  std::vector<double> y;
  for (int i = 0; i < 2000; ++i) {
    a.push_back(static_cast<std::int32_t>(rng.below(kLevels)));
    b.push_back(static_cast<std::int32_t>(rng.below(kLevels)));
    y.push_back(static_cast<double>(rng.below(2)));
  }
  Frame x = one_column(categories(levels, a), "a");
  x.add("b", categories(levels, b));
  const auto step = make_transformer("category_cross", {{"encode", true}});
  const Frame train = step->fit_transform(x, all_rows(2000), {Task::kBinary, y, {}, 2}, {"a", "b"}, {});
  EXPECT_NEAR(mean_gap(train, "a*b_target", y), 0, 0.01);
  EXPECT_GT(mean_gap(step->transform(x, {}), "a*b_target", y), 0.03) << "what a leak would look like";
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
