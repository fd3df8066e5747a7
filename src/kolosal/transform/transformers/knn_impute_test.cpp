#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Frame two_columns(std::vector<double> a, std::vector<double> b) {
  return {{"a", "b"}, {Column::from_float64(std::move(a)), Column::from_float64(std::move(b))}};
}

// What scikit-learn gives is in golden_test.cpp.

TEST(KnnImpute, FillsByTheMeanOfTheNearest) {
  const Frame x = two_columns({0, 1, 2, 10, 1.2}, {5, 7, 9, 100, kNaN});
  EXPECT_THAT(numbers(fit_all("knn_impute", {{"n_neighbors", std::int64_t{2}}}, x), "b"),
              ElementsAre(5, 7, 9, 100, 8));
  // Distances 0.2 and 0.8: weights 4 to 1.
  EXPECT_NEAR(
      numbers(fit_all("knn_impute", {{"n_neighbors", std::int64_t{2}}, {"weights", "distance"}}, x), "b")[4],
      (4 * 7.0 + 9) / 5, 1e-12);
}

TEST(KnnImpute, RowsInTheSamePlaceAloneCountByDistance) {
  const Frame x = two_columns({1, 1, 2, 1}, {4, 6, 100, kNaN});
  EXPECT_EQ(numbers(fit_all("knn_impute", {{"weights", "distance"}}, x), "b")[3], 5);
}

TEST(KnnImpute, OfEquallyNearRowsTheFirstCounts) {
  const Frame x = two_columns({2, 0, 1}, {20, 40, kNaN});
  EXPECT_EQ(numbers(fit_all("knn_impute", {{"n_neighbors", std::int64_t{1}}}, x), "b")[2], 20);
}

TEST(KnnImpute, InfinitiesAreTreatedAsAsked) {
  const Frame x = two_columns({1, 2, 3}, {kInf, 6, -kInf});
  const auto filled = [&](const char* how) {
    return numbers(fit_all("knn_impute", {{"infinities", how}}, x), "b");
  };
  EXPECT_THAT(filled("missing"), ElementsAre(6, 6, 6));
  EXPECT_THAT(filled("keep"), ElementsAre(kInf, 6, -kInf));
  EXPECT_THAT(filled("clip"), ElementsAre(6, 6, 6));
  EXPECT_ERROR(filled("error"), kData, HasSubstr("column \"b\" has an infinite cell in row 0"));
}

TEST(KnnImpute, IsThePlainLoopOverManyGroups) {
  Rng rng(5);
  constexpr std::size_t kRows = 400, kColumns = 4;
  std::vector<std::vector<double>> cells(kColumns, std::vector<double>(kRows));
  Frame x;
  for (std::size_t c = 0; c < kColumns; ++c) {
    for (double& cell : cells[c]) cell = rng.below(5) == 0 ? kNaN : rng.normal();
    x.add(fmt::format("x{}", c), Column::from_float64(cells[c]));
  }
  const Frame out = fit_all("knn_impute", {{"n_neighbors", std::int64_t{3}}}, x);
  for (std::size_t row = 0; row < kRows; ++row)
    for (std::size_t c = 0; c < kColumns; ++c) {
      if (!std::isnan(cells[c][row])) continue;
      std::vector<std::pair<double, double>> donors;  // squared distance and value
      for (std::size_t other = 0; other < kRows; ++other) {
        double sum = 0, n = 0;
        for (std::size_t k = 0; k < kColumns; ++k)
          if (!std::isnan(cells[k][row]) && !std::isnan(cells[k][other]))
            sum += std::pow(cells[k][row] - cells[k][other], 2), n += 1;
        if (n > 0 && !std::isnan(cells[c][other])) donors.emplace_back(sum / n, cells[c][other]);
      }
      if (donors.empty()) continue;
      std::ranges::stable_sort(donors, {}, &std::pair<double, double>::first);
      double mean = 0;
      for (std::size_t i = 0; i < 3; ++i) mean += donors[i].second / 3;
      EXPECT_NEAR(numbers(out, fmt::format("x{}", c))[row], mean, 1e-12) << row << ", " << c;
    }
}

}  // namespace
}  // namespace kolosal::transform
