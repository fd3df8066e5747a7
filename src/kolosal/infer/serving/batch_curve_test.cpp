#include "kolosal/infer/serving/batch_curve.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kolosal::infer {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

TEST(BatchCurve, KeepsTheLeastSecondsOfARowBySize) {
  BatchCurve curve;
  EXPECT_EQ(curve.seconds_per_row(1), 0);
  EXPECT_TRUE(std::isnan(curve.most_gain_s()));
  curve.note(1, 8e-6);
  curve.note(1, 9e-6);  // other work on the machine
  EXPECT_NEAR(curve.seconds_per_row(1), 8.16e-6, 1e-9);
  EXPECT_NEAR(curve.most_gain_s(), 8.16e-6, 1e-9);
  curve.note(6, 12e-6);
  EXPECT_DOUBLE_EQ(curve.seconds_per_row(7), 2e-6);
  EXPECT_EQ(curve.seconds_per_row(8), 0);
  curve.note(0, 1);
  curve.note(1, 0);  // too short for the clock
  EXPECT_NEAR(curve.most_gain_s(), 6.16e-6, 1e-9);
}

TEST(BatchCurve, NoticesThatTheMachineBecameSlower) {
  BatchCurve curve;
  curve.note(1, 1e-6);
  for (int i = 0; i < 100; ++i) curve.note(1, 5e-6);
  EXPECT_DOUBLE_EQ(curve.seconds_per_row(1), 5e-6);
}

TEST(BatchCurve, TriesTwiceWhatWasMeasuredUntilItDoesNotPay) {
  BatchCurve curve;
  EXPECT_EQ(curve.best_rows(1'000, kForever), 64U);
  EXPECT_EQ(curve.best_rows(10, kForever), 10U);
  curve.note(64, 64e-6);
  EXPECT_EQ(curve.best_rows(10'000, kForever), 255U);
  curve.note(255, 255 * 0.8e-6);
  EXPECT_EQ(curve.best_rows(10'000, kForever), 511U);
  curve.note(511, 511 * 2e-6);  // out of the cache
  EXPECT_EQ(curve.best_rows(10'000, kForever), 255U);
}

TEST(BatchCurve, TriesALargerSizeAgainThatWasSlowOnce) {
  BatchCurve curve;
  curve.note(63, 63e-6);
  curve.note(127, 1);  // something else was done meanwhile
  EXPECT_EQ(curve.best_rows(10'000, kForever), 63U);
  for (int i = 0; i < 300; ++i) curve.note(63, 63e-6);
  EXPECT_EQ(curve.best_rows(10'000, kForever), 127U);
  curve.note(127, 127e-6);
  EXPECT_EQ(curve.best_rows(10'000, kForever), 255U);
}

TEST(BatchCurve, ABatchIsNotLongerThanTheTimeAllows) {
  BatchCurve curve;
  curve.note(1, 10e-6);
  curve.note(100, 100 * 10e-6);
  EXPECT_EQ(curve.best_rows(10'000, 1e-3), 100U);
  EXPECT_EQ(curve.best_rows(10'000, 1e-9), 4U);  // but four times as long as a row alone is
  BatchCurve unknown;
  unknown.note(64, 1);
  EXPECT_EQ(unknown.best_rows(10'000, 1e-9), 1U);  // there is a row in it
}

TEST(BatchCurve, WhereABatchCostsLittleMoreThanARowItGrowsAboveTheLimitOfTime) {
  BatchCurve curve;
  curve.note(1, 8e-3);
  std::size_t rows = 1;
  for (int i = 0; i < 10; ++i) {
    rows = curve.best_rows(1'000, 5e-3);
    curve.note(rows, 8e-3 + 1e-5 * static_cast<double>(rows));
  }
  EXPECT_EQ(rows, 1'000U);
}

}  // namespace
}  // namespace kolosal::infer
