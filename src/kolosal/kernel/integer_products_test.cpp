#include "kolosal/kernel/integer_products.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class IntegerProducts : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(IntegerProducts);

struct Size {
  std::size_t rows, depth, columns;
};
const Size kSizes[] = {{0, 3, 4},    {1, 0, 5},    {1, 1, 1},    {1, 4, 16},   {3, 7, 15},
                       {4, 16, 16},  {5, 33, 17},  {9, 2, 40},   {1, 513, 33}, {7, 515, 31},
                       {6, 1030, 3}, {13, 64, 48}, {1, 1024, 16}};

enum class Content { kRandom, kExtremes, kLowest, kMostlyZero };

/// From -2^(bits - 1) on.
std::vector<std::int8_t> numbers(std::size_t n, int bits, Content content, std::uint64_t seed) {
  Rng rng(seed);
  const int low = -(1 << (bits - 1)), high = -low - 1;
  std::vector<std::int8_t> out(n);
  for (auto& x : out) {
    const int any = low + static_cast<int>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
    x = static_cast<std::int8_t>(content == Content::kLowest     ? low
                                 : content == Content::kExtremes ? (rng.below(2) ? low : high)
                                 : content == Content::kRandom   ? any
                                 : rng.below(10) == 0            ? any
                                                                 : 0);
  }
  return out;
}

TEST_P(IntegerProducts, AreTheSumsOfThePlainLoop) {
  for (const int bits : {8, 4})
    for (const Size& s : kSizes)
      for (const Content content :
           {Content::kRandom, Content::kExtremes, Content::kLowest, Content::kMostlyZero}) {
        SCOPED_TRACE(testing::Message() << bits << " bits, " << s.rows << " x " << s.depth << " x "
                                        << s.columns << ", content " << static_cast<int>(content));
        const std::size_t stride = padded_depth(s.depth) + 3, width = padded_columns(s.columns);
        const auto given = numbers(s.rows * s.depth, 8, content, 1);
        const auto b = numbers(s.depth * s.columns, bits,
                               content == Content::kMostlyZero ? Content::kRandom : content, 2);
        std::vector<std::int8_t> a(s.rows * stride + 1);  // not aligned
        for (std::size_t i = 0; i < s.rows; ++i)
          std::copy_n(given.begin() + static_cast<std::ptrdiff_t>(i * s.depth), s.depth,
                      a.begin() + static_cast<std::ptrdiff_t>(1 + i * stride));
        std::vector<std::int32_t> got(s.rows * width, 99);
        if (bits == 8) {
          std::vector<std::int8_t> panels(int8_panels_size(s.depth, s.columns), 99);
          pack_int8_panels(b.data(), s.depth, s.columns, panels.data());
          int8_products(a.data() + 1, stride, s.rows, panels.data(), s.depth, s.columns, got.data());
        } else {
          std::vector<std::uint8_t> panels(int4_panels_size(s.depth, s.columns), 99);
          pack_int4_panels(b.data(), s.depth, s.columns, panels.data());
          int4_products(a.data() + 1, stride, s.rows, panels.data(), s.depth, s.columns, got.data());
        }
        for (std::size_t i = 0; i < s.rows; ++i)
          for (std::size_t j = 0; j < width; ++j) {
            std::int32_t want = 0;
            for (std::size_t k = 0; k < s.depth && j < s.columns; ++k)
              want += given[i * s.depth + k] * b[k * s.columns + j];
            ASSERT_EQ(got[i * width + j], want) << i << ", " << j;
          }
      }
}

TEST_P(IntegerProducts, RowsAreRoundedToTheNearestAndCut) {
  for (const std::size_t n : {0U, 1U, 7U, 8U, 9U, 16U, 100U}) {
    Rng rng(n);
    std::vector<float> x(n + 1);
    for (float& v : x) v = static_cast<float>(100 * rng.normal());
    if (n > 6) {
      x[1] = 0.5F;  // halves to the even number
      x[2] = 1.5F;
      x[3] = -2.5F;
      x[4] = std::numeric_limits<float>::max();
      x[5] = -std::numeric_limits<float>::infinity();
      x[6] = std::numeric_limits<float>::quiet_NaN();
    }
    if (n > 8) x[n] = x[6];  // among the last ones too
    std::vector<std::int8_t> got(n, 99);
    quantize_row(x.data() + 1, n, 1.0F, got.data());
    for (std::size_t i = 0; i < n; ++i) {
      const float v = x[i + 1];
      const float want = std::isnan(v) ? -127 : std::nearbyint(std::clamp(v, -127.0F, 127.0F));
      EXPECT_EQ(got[i], static_cast<int>(want)) << v;
    }
  }
}

TEST_P(IntegerProducts, TheLargestMagnitudeLeavesOutNaN) {
  std::vector<float> x(37, 0.25F);
  EXPECT_EQ(largest_magnitude(x.data(), 0), 0);
  for (const std::size_t at : {0U, 7U, 20U, 36U}) {
    std::vector<float> y = x;
    y[at] = -3;
    y[(at + 5) % 37] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(largest_magnitude(y.data(), y.size()), 3) << at;
  }
}

TEST_P(IntegerProducts, SumsAreScaledInOneOrder) {
  for (const std::size_t n : {1U, 4U, 8U, 19U}) {
    Rng rng(n);
    std::vector<std::int32_t> sums(n);
    std::vector<float> step(n), got(n), want;
    for (std::size_t j = 0; j < n; ++j) {
      sums[j] =
          static_cast<std::int32_t>(rng.below(std::uint64_t{1} << 31)) - (1 << 30);  // not all are floats
      step[j] = static_cast<float>(rng.normal());
      got[j] = static_cast<float>(rng.normal());
    }
    want = got;
    for (std::size_t j = 0; j < n; ++j) want[j] += static_cast<float>(sums[j]) * (0.37F * step[j]);
    add_scaled_sums(sums.data(), 0.37F, step.data(), n, got.data());
    EXPECT_EQ(got, want);
  }
}

}  // namespace
}  // namespace kolosal::kernel
