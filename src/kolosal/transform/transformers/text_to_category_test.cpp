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
using ::testing::ElementsAre;

TEST(TextToCategory, FrequentTextsBecomeLevelsInOrder) {
  const Frame out = fit_all("text_to_category", {},
                            one_column(Column::from_texts({"b", "a", "b", "a", "once", std::nullopt, "b"})));
  EXPECT_THAT(out.column("x").dictionary()->levels(), ElementsAre("a", "b"));
  EXPECT_THAT(out.column("x").codes(), ElementsAre(1, 0, 1, 0, data::kUnseenCode, data::kMissingCode, 1));
  const Frame one = fit_all("text_to_category", {{"max_levels", std::int64_t{1}}},
                            one_column(Column::from_texts({"b", "a", "b", "a", "b"})));
  EXPECT_THAT(one.column("x").dictionary()->levels(), ElementsAre("b"));
}

TEST(TextToCategory, RefusesAStreamOfMoreTextsThanTheMemoryHolds) {
  Context context;
  context.memory_limit_bytes = 1 << 20;
  std::vector<std::optional<std::string>> texts;
  for (int i = 0; i < 10'000; ++i) texts.emplace_back(fmt::format("a text that comes only once, {}", i));
  const auto step = make_transformer("text_to_category");
  EXPECT_ERROR(step->partial_fit(one_column(Column::from_texts(texts)), {}, {"x"}, context), kMemory,
               ::testing::HasSubstr("\"x\""));
}

}  // namespace
}  // namespace kolosal::transform
