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

}  // namespace
}  // namespace kolosal::transform
