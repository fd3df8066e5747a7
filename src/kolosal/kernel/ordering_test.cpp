#include "kolosal/kernel/ordering.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class Ordering : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(Ordering);

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A table of the given cells, as its owner would make it.
struct Owned {
  std::vector<double> padded;
  std::vector<std::uint32_t> start;
  KnotTable table;

  Owned(std::vector<double> knots, KnotTable cells) : padded(std::move(knots)), table(cells) {
    start.resize(table.n_cells + 1);
    for (const double knot : padded) ++start[static_cast<std::size_t>(table.cell_of(knot)) + 1];
    table.width = std::bit_ceil(std::size_t{*std::ranges::max_element(start)} + 1);
    for (std::size_t cell = 0; cell < table.n_cells; ++cell) start[cell + 1] += start[cell];
    padded.resize(padded.size() + table.width, kInf);
    table.knots = padded.data();
    table.start = start.data();
  }
};

TEST_P(Ordering, CountsKnotsAsUpperBoundDoes) {
  for (const std::size_t n_knots : {0, 1, 2, 3, 4, 7, 8, 100, 1000})
    for (const KnotTable cells : {KnotTable{}, KnotTable{.low = -15, .per_unit = 0.7, .n_cells = 20},
                                  KnotTable{.low = 3, .per_unit = 1e9, .n_cells = 512}}) {
      Rng rng(n_knots);
      std::vector<double> knots(n_knots);
      for (double& knot : knots) knot = std::round(rng.normal() * 20);
      std::ranges::sort(knots);
      const Owned owned(knots, cells);
      for (const std::size_t n : {0, 1, 15, 16, 17, 100}) {
        std::vector<double> x(n);
        for (std::size_t i = 0; i < n; ++i)
          x[i] = i % 9 == 4 ? kNaN : i % 11 == 5 ? -kInf : std::round(rng.normal() * 20);
        std::vector<std::uint32_t> got(n);
        count_not_above(owned.table, x.data(), got.data(), n);
        for (std::size_t i = 0; i < n; ++i)
          EXPECT_EQ(got[i], std::isnan(x[i]) ? 0 : std::ranges::upper_bound(knots, x[i]) - knots.begin())
              << n_knots << " knots, x " << x[i];
      }
      const double infinity = kInf;
      std::uint32_t all = 0;
      count_not_above(owned.table, &infinity, &all, 1);
      EXPECT_GE(all, n_knots);  // with padding
    }
}

}  // namespace
}  // namespace kolosal::kernel
