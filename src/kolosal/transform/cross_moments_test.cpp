#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/cross_moments_internal.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Frame;
using ::testing::Each;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Columns that depend on each other, have holes and are far from zero; the last one is empty.
Frame table(std::size_t n_rows) {
  Rng rng(11);
  std::vector<std::vector<double>> cells(5, std::vector<double>(n_rows));
  for (std::size_t row = 0; row < n_rows; ++row) {
    const double shared = rng.normal();
    // In rising order, so that the means of batches are far apart.
    cells[0][row] = 1e6 + static_cast<double>(row) + rng.normal();
    cells[1][row] = rng.below(3) == 0 ? kNaN : shared - 40;
    cells[2][row] = rng.below(4) == 0 ? std::numeric_limits<double>::infinity() : 2 * shared + rng.normal();
    cells[3][row] = row < 50 ? kNaN : cells[0][row] / 7;
    cells[4][row] = kNaN;
  }
  Frame out;
  for (std::size_t c = 0; c < cells.size(); ++c)
    out.add("x" + std::to_string(c), data::Column::from_float64(cells[c]));
  return out;
}

ColumnMatrix matrix_of(const std::vector<Numbers>& columns, std::size_t begin, std::size_t end) {
  return {end - begin, columns.size(),
          [&columns, begin](std::size_t c, std::size_t first, std::size_t last, double* out) {
            std::ranges::copy(columns[c].values().subspan(begin + first, last - first), out);
          }};
}

// Relative to the sizes of the two columns.
void expect_gram(const std::vector<double>& got, const std::vector<double>& want) {
  const auto n = static_cast<std::size_t>(std::sqrt(static_cast<double>(want.size())));
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      EXPECT_NEAR(got[i * n + j], want[i * n + j],
                  1e-12 * std::sqrt(want[i * n + i] * want[j * n + j]) + 1e-300)
          << i << " " << j;
}

TEST(CrossMoments, AreThoseOfTheWholeTableWhateverTheBatches) {
  constexpr std::size_t kRows = 1200;
  const Frame x = table(kRows);
  const auto rows = all_rows(kRows);
  const CentredColumns whole(x, rows, {});
  const auto want = gram_of(whole.of_rows(rows), {});
  const auto columns = numbers_of(x);
  for (const std::size_t size : {1UL, 7UL, 100UL, 1200UL}) {
    SCOPED_TRACE(size);
    CrossMoments forward(5), backward(5);
    for (std::size_t begin = 0; begin < kRows; begin += size)
      forward.add(matrix_of(columns, begin, std::min(begin + size, kRows)), {});
    for (std::size_t end = kRows; end > 0; end -= std::min(size, end)) {
      CrossMoments part(5);
      part.add(matrix_of(columns, end - std::min(size, end), end), {});
      backward.merge(part);
    }
    for (const CrossMoments& moments : {forward, backward}) {
      EXPECT_EQ(moments.n_rows(), kRows);
      EXPECT_THAT(moments.mean(), Pointwise(NanSensitiveDoubleNear(1e-12 * 1e6), whole.mean()));
      expect_gram(moments.gram(), want);
    }
  }
}

TEST(CrossMoments, NothingGivesZeros) {
  CrossMoments none(2);
  none.merge(CrossMoments(2));
  EXPECT_THAT(none.gram(), Each(0.0));
  EXPECT_THAT(none.mean(), Each(0.0));
}

}  // namespace
}  // namespace kolosal::transform
