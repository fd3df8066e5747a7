#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Case {
  const char* text;
  double first, second, ratio, count;
};

const Case kCases[] = {
    {"1,200 EUR", 1200, kNaN, kNaN, 1},
    {"3 of 5", 3, 5, 0.6, 2},
    {"Rated 4.5 out of 5 stars", 4.5, 5, 0.9, 2},
    {"7/8 done", 7, 8, 0.875, 2},
    {"3/5/2020", 3, 5, kNaN, 3},
    {"2020-01-05", 2020, 1, kNaN, 3},
    {"from -5 to 10 C", -5, 10, kNaN, 2},
    {"40 % off", 40, kNaN, 0.4, 1},
    {"12.5kg, 1.200,50 EUR", 12.5, 1200.5, kNaN, 2},
    {".5 or .25", 0.5, 0.25, kNaN, 2},
    {"1e3 and 2E-2", 1000, 0.02, kNaN, 2},
    {"5 of 0", 5, 0, kNaN, 2},
    {"none", kNaN, kNaN, kNaN, 0},
    {"", kNaN, kNaN, kNaN, 0},
};

TEST(TextNumbers, ReadsNumbersRatiosAndCounts) {
  std::vector<std::optional<std::string>> texts;
  std::vector<double> first, second, ratio, count;
  for (const Case& c : kCases) {
    texts.emplace_back(c.text);
    first.push_back(c.first), second.push_back(c.second), ratio.push_back(c.ratio), count.push_back(c.count);
  }
  texts.push_back(std::nullopt);
  for (auto* wanted : {&first, &second, &ratio, &count}) wanted->push_back(kNaN);
  const Frame out = fit_all("text_numbers", {}, one_column(Column::from_texts(texts)));
  EXPECT_THAT(out.names(), ElementsAre("x_number_1", "x_number_2", "x_ratio", "x_n_numbers"));
  EXPECT_THAT(numbers(out, "x_number_1"), Pointwise(NanSensitiveDoubleNear(1e-12), first));
  EXPECT_THAT(numbers(out, "x_number_2"), Pointwise(NanSensitiveDoubleNear(1e-12), second));
  EXPECT_THAT(numbers(out, "x_ratio"), Pointwise(NanSensitiveDoubleNear(1e-12), ratio));
  EXPECT_THAT(numbers(out, "x_n_numbers"), Pointwise(NanSensitiveDoubleNear(1e-12), count));
}

TEST(TextNumbers, CategoriesAreReadAsTheirTextAndMayStay) {
  const Frame out = fit_all(
      "text_numbers", {{"keep", true}, {"n_numbers", std::int64_t{1}}, {"ratio", false}, {"count", false}},
      one_column(Column::from_texts({"size 12"})));
  EXPECT_THAT(out.names(), ElementsAre("x", "x_number_1"));
  const auto step = make_transformer("text_numbers");
  const Frame x = one_column(categories({"size 12", "size 7"}, {1, data::kMissingCode, 0}));
  step->fit(x, {}, {}, {"x"}, {});
  EXPECT_THAT(numbers(step->transform(x, {}), "x_number_1"),
              Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{7, kNaN, 12}));
}

}  // namespace
}  // namespace kolosal::transform
