#include <fmt/format.h>
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
using data::Task;
using ::testing::ElementsAre;

TEST(TextTokens, TakesFrequentWordsButNotThoseOfEveryRow) {
  std::vector<std::optional<std::string>> texts;
  for (int i = 0; i < 100; ++i)
    texts.emplace_back("always" + std::string(i < 50 ? " Half half" : "") + (i < 5 ? " five" : "") +
                       (i < 4 ? " four" : ""));
  texts[99] = "always odd";
  const Frame out = fit_all("text_tokens", {}, one_column(Column::from_texts(texts)));
  EXPECT_THAT(out.names(), ElementsAre("x:half", "x:five"));
  EXPECT_EQ(numbers(out, "x:half")[49], 1);
  EXPECT_EQ(numbers(out, "x:half")[50], 0);
}

TEST(TextTokens, TheTargetFindsTheTellingWord) {
  std::vector<std::optional<std::string>> texts;
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) {
    texts.emplace_back(std::string(i % 2 ? "noise" : "hum") + (i % 10 == 0 ? " win" : ""));
    values.push_back(i % 10 == 0 ? 1 : 0);
  }
  const Frame out = fit_all("text_tokens", {{"score", "target"}, {"max_tokens", std::int64_t{1}}},
                            one_column(Column::from_texts(texts)), {Task::kBinary, values, {}, 2});
  EXPECT_THAT(out.names(), ElementsAre("x:win"));
}

TEST(TextTokens, ForgetsRareWordsOfAStreamThatExceedTheMemory) {
  Context context;
  context.memory_limit_bytes = 1 << 20;
  const auto step = make_transformer("text_tokens", {{"min_share", 0.1}});
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<std::optional<std::string>> texts;
    for (int i = 0; i < 1000; ++i)
      texts.emplace_back(
          fmt::format("id{}{}{}", batch * 1000 + i, i % 3 == 0 ? " red" : "", i % 5 == 0 ? " blue" : ""));
    step->partial_fit(one_column(Column::from_texts(texts)), {}, {"x"}, context);
  }
  step->finish_fit(context);
  const Frame out = step->transform(one_column(Column::from_texts({"red"})), context);
  EXPECT_THAT(out.names(), ElementsAre("x:red", "x:blue"));
}

}  // namespace
}  // namespace kolosal::transform
