#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/sorted_cells_internal.hpp"

namespace kolosal::transform {
namespace {

TEST(SortedCells, QuantilesOfManyCellsAreThoseOfTheSortedOnes) {
  for (const int kind : {0, 1, 2, 3}) {
    Rng rng(static_cast<std::uint64_t>(kind));
    std::vector<double> cells(50'001);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = rng.normal();
      if (kind == 1) cells[i] = std::round(cells[i]);                    // few different ones
      if (kind == 2) cells[i] = static_cast<double>(i);                  // in order
      if (kind == 3) cells[i] = i % 100 ? 5 : std::exp(cells[i] * 300);  // nearly constant, and huge ones
    }
    auto sorted = cells;
    std::ranges::sort(sorted);
    for (const std::size_t n : {1, 2, 3, 1000, 3000}) {
      const auto got = even_quantiles(cells, n);
      ASSERT_EQ(got.size(), n);
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(got[i], quantile_of_sorted(
                              sorted, n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1)))
            << "kind " << kind << ", " << i << " of " << n;
    }
  }
}

TEST(Knots, CountsAsUpperBoundDoes) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const int kind : {0, 1, 2, 3, 4})
    for (const std::size_t n : {0, 1, 31, 32, 1000}) {
      Rng rng(n);
      std::vector<double> knots(n);
      for (double& knot : knots) {
        knot = rng.normal();
        if (kind == 1) knot = std::exp(20 * knot);
        if (kind == 2) knot = std::copysign(1.7e308, knot);  // their difference overflows
        if (kind == 3) knot = 7;
        if (kind == 4) knot = std::round(knot);
      }
      std::ranges::sort(knots);
      const Knots made(knots);
      const Knots copy = made;
      std::vector<double> x = knots;
      for (int i = 0; i < 500; ++i) x.push_back(rng.normal() * (i % 2 ? 3 : 1e5));
      x.insert(x.end(), {kInf, -kInf, 1.7e308, -1.7e308, 0, std::numeric_limits<double>::quiet_NaN()});
      std::vector<std::uint32_t> got(x.size());
      copy.count_not_above(x, got.data());
      for (std::size_t i = 0; i < x.size(); ++i)
        ASSERT_EQ(got[i], std::isnan(x[i]) ? 0 : std::ranges::upper_bound(knots, x[i]) - knots.begin())
            << "kind " << kind << ", " << n << " knots, x " << x[i];
    }
}

}  // namespace
}  // namespace kolosal::transform
