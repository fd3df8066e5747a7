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
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(TextStats, CountsCharactersWordsDigitsAndCapitals) {
  const Frame out =
      fit_all("text_stats", {}, one_column(Column::from_texts({"\xc3\x84 bC 12", "", std::nullopt})));
  EXPECT_THAT(numbers(out, "x_length"),
              Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{7, 0, kNaN}));
  EXPECT_THAT(numbers(out, "x_words"), Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{3, 0, kNaN}));
  EXPECT_THAT(numbers(out, "x_digit_share"),
              Pointwise(NanSensitiveDoubleNear(1e-6), std::vector<double>{2.0 / 7, 0, kNaN}));
  EXPECT_THAT(numbers(out, "x_upper_share"),
              Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{0.5, 0, kNaN}));
}

TEST(TextStats, FindsTheFirstNumber) {
  const std::vector<std::pair<const char*, double>> cases = {{"1,200 EUR", 1200},
                                                             {"1,234,567.5", 1234567.5},
                                                             {"1.200,50 EUR", 1200.5},
                                                             {"1.200", 1.2},
                                                             {"1,5", 1.5},
                                                             {"about -3.5 C", -3.5},
                                                             {"C85", 85},
                                                             {"A-17", 17},
                                                             {".5 l", 0.5},
                                                             {"-.25", -0.25},
                                                             {"2019-03-01", 2019},
                                                             {"1e3", 1000},
                                                             {"3e-2x", 3},
                                                             {"12e", 12},
                                                             {"none", kNaN},
                                                             {"1,2,3", 1.2},
                                                             {"1,200,3", 1200},
                                                             {"10,000", 10000},
                                                             {"2e+2", 200},
                                                             {"1.", 1},
                                                             {"99999999999999999999", 1e20},
                                                             {"2019,123", 2019.123}};
  std::vector<std::optional<std::string>> texts;
  std::vector<double> want;
  for (const auto& [text, number] : cases) texts.emplace_back(text), want.push_back(number);
  const auto got = numbers(fit_all("text_stats", {}, one_column(Column::from_texts(texts))), "x_number");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].first);
    EXPECT_THAT(std::vector{got[i]}, Pointwise(NanSensitiveDoubleNear(1e-15), std::vector{want[i]}));
  }
}

}  // namespace
}  // namespace kolosal::transform
