#include "kolosal/automl/round_losses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace kolosal::automl {
namespace {

using nlohmann::json;

FoldResult fold(std::vector<double> losses, std::size_t n_kept) {
  FoldResult out;
  out.round_losses = std::move(losses);
  out.n_rounds = n_kept;
  return out;
}

template <typename... Folds>
json losses_of(Folds... folds) {
  std::vector<FoldResult> all;
  (all.push_back(std::move(folds)), ...);
  return round_losses_json(all);
}

TEST(RoundLosses, FewRoundsAreAllThere) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const json out = losses_of(fold({0.5, 0.4, 1.0 / 3}, 3), fold({0.6, nan}, 1));
  EXPECT_EQ(out, json::parse(R"({"round": [1, 2, 3], "folds": [[0.5, 0.4, 0.333333], [0.6, null, null]],
                                 "kept_round": [3, 1], "kept_loss": [0.333333, 0.6]})"));
}

TEST(RoundLosses, ManyAreThinnedFromTheFirstToTheLast) {
  std::vector<double> losses(1000);
  for (std::size_t i = 0; i < losses.size(); ++i) losses[i] = 1 / static_cast<double>(i + 1);
  const json out = losses_of(fold(losses, 501));
  EXPECT_LE(out["round"].size(), 61U);
  EXPECT_GE(out["round"].size(), 50U);
  EXPECT_EQ(out["round"].front(), 1);
  EXPECT_EQ(out["round"].back(), 1000);
  EXPECT_EQ(out["folds"][0].back(), 0.001);
  EXPECT_EQ(out["kept_loss"][0], 0.00199601);
}

TEST(RoundLosses, ALearnerWithoutRoundsHasNone) {
  EXPECT_TRUE(losses_of(fold({}, 100), fold({}, 100)).is_null());
  EXPECT_TRUE(round_losses_json({}).is_null());
}

}  // namespace
}  // namespace kolosal::automl
