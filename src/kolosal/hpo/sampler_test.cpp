#include "kolosal/hpo/sampler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "kolosal/core/error.hpp"

namespace kolosal::hpo {
namespace {

constexpr auto kLog = ParamRange::Scale::kLog;

SearchSpace example() {
  SearchSpace space;
  space.add_categorical("kind", {std::string("a"), std::string("b")})
      .add_float("x", 1e-3, 1e3, kLog)
      .add_integer("n", 1, 3)
      .only_if("kind", {std::string("a")});
  return space;
}

/// What every sampler keeps.
TEST(Sampler, EverySamplerStaysInTheSpaceAndRepeatsItself) {
  ASSERT_GE(samplers().size(), 2U);
  const SearchSpace space = example();
  for (const SamplerInfo& info : samplers()) {
    SCOPED_TRACE(info.name);
    EXPECT_TRUE(info.summary.ends_with('.'));
    const auto a = make_sampler(info.name, 7), b = make_sampler(info.name, 7);
    for (const std::size_t number : {3UL, 0UL, 19UL, 3UL}) {
      const auto point = a->sample(space, number, {});
      ASSERT_TRUE(point);
      EXPECT_NO_THROW(space.check(*point));
      EXPECT_EQ(point, b->sample(space, number, {}));
    }
  }
}

TEST(RandomSampler, IsUniformOnTheScale) {
  const auto sampler = make_sampler("random", 1);
  double sum = 0, n_a = 0;
  std::set<double> seen;
  for (std::size_t k = 0; k < 4000; ++k) {
    const auto point = *sampler->sample(example(), k, {});
    const double x = std::get<double>(point.at("x"));
    seen.insert(x);
    sum += std::log10(x);
    n_a += std::get<std::string>(point.at("kind")) == "a" ? 1 : 0;
  }
  EXPECT_EQ(seen.size(), 4000U);
  EXPECT_NEAR(sum / 4000, 0, 0.1);  // four standard errors of a uniform on [-3, 3]
  EXPECT_NEAR(n_a / 4000, 0.5, 0.032);
}

TEST(RandomSampler, AnotherDimensionDoesNotMoveThePoint) {
  SearchSpace one, two;
  one.add_float("x", 0, 1);
  two.add_float("w", 0, 1).add_float("x", 0, 1);
  const auto sampler = make_sampler("random", 5);
  EXPECT_EQ(sampler->sample(one, 9, {})->at("x"), sampler->sample(two, 9, {})->at("x"));
  EXPECT_NE(sampler->sample(one, 9, {})->at("x"), make_sampler("random", 6)->sample(one, 9, {})->at("x"));
}

TEST(GridSampler, TriesEveryCombinationOnce) {
  const auto sampler = make_sampler("grid", 0);
  std::set<std::string> seen;
  std::size_t number = 0;
  while (const auto point = sampler->sample(example(), number, {})) {
    std::string text;
    for (const auto& [name, value] : *point) text += name + "=" + to_string(value) + " ";
    EXPECT_TRUE(seen.insert(text).second) << text;
    ++number;
  }
  EXPECT_EQ(number, 5U * 3 + 5U);  // a: 5 x 3; b: 5, without n
  EXPECT_TRUE(seen.contains("kind=b x=0.001 ")) << "the low end of the range";
}

TEST(Sampler, UnknownNameSuggestsTheNearest) {
  try {
    make_sampler("randm", 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "unknown sampler \"randm\"; did you mean \"random\"?");
  }
}

}  // namespace
}  // namespace kolosal::hpo
