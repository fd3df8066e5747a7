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

}  // namespace
}  // namespace kolosal::transform
