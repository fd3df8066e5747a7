#include "kolosal/kernel/bf16_products.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/core/half_floats.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class Bf16Products : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(Bf16Products);

std::vector<float> random_floats(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> out(n);
  for (float& value : out) value = static_cast<float>(rng.normal());
  return out;
}

float rounded(float x) { return from_bfloat16(to_bfloat16(x)); }

struct Size {
  std::size_t rows, depth, columns;
};
const Size kSizes[] = {{0, 3, 4},   {1, 0, 5},   {1, 1, 1},     {5, 7, 15},  {6, 16, 16},
                       {7, 33, 17}, {13, 2, 40}, {64, 100, 48}, {27, 51, 32}};

TEST_P(Bf16Products, AreSumsOfRoundedNumbers) {
  for (const Size& s : kSizes)
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(testing::Message() << s.rows << " x " << s.depth << " x " << s.columns);
      const auto a = random_floats(s.rows * s.depth, 1), b = random_floats(s.depth * s.columns, 2);
      const std::size_t stride = s.columns + 3;
      std::vector<float> got = random_floats(s.rows * stride, 3), want = got;
      std::vector<double> size(got.size(), 0);
      for (std::size_t i = 0; i < s.rows; ++i)
        for (std::size_t j = 0; j < s.columns; ++j) {
          float sum[2] = {0, 0};
          for (std::size_t k = 0; k < s.depth; ++k) {
            const float product =
                rounded(a[transposed ? k * s.rows + i : i * s.depth + k]) * rounded(b[k * s.columns + j]);
            sum[k % 2] += product;
            size[i * stride + j] += std::fabs(static_cast<double>(product));
          }
          want[i * stride + j] += sum[0] + sum[1];
        }
      std::vector<std::uint16_t> panels(bf16_panels_size(s.depth, s.columns), 9),
          rows(s.rows * bf16_depth(s.depth), 9);
      pack_bf16_panels(b.data(), s.columns, 1, s.depth, s.columns, panels.data());
      pack_bf16_rows(transposed ? LeftFactor{a.data(), 1, s.rows} : LeftFactor{a.data(), s.depth, 1}, s.rows,
                     s.depth, rows.data());
      add_bf16_products(rows.data(), s.rows, panels.data(), s.depth, s.columns, got.data(), stride);
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (has_bf16_dot_products())
          ASSERT_NEAR(got[i], want[i], 1e-5 * (size[i] + 1)) << i;
        else
          ASSERT_EQ(got[i], want[i]) << i;
      }
    }
}

TEST_P(Bf16Products, ArePackedInEveryOrderOfTheMatrix) {
  for (const Size& s : kSizes) {
    SCOPED_TRACE(testing::Message() << s.depth << " x " << s.columns);
    auto b = random_floats(s.depth * s.columns, 5);
    if (b.size() > 20) {
      b[3] = std::numeric_limits<float>::quiet_NaN();
      b[17] = std::numeric_limits<float>::max();  // rounds to infinity
      b[18] = 1 + 0x1p-8F;                        // between two: to the even one
    }
    std::vector<float> turned(b.size());
    for (std::size_t k = 0; k < s.depth; ++k)
      for (std::size_t j = 0; j < s.columns; ++j) turned[j * s.depth + k] = b[k * s.columns + j];
    std::vector<std::uint16_t> by_rows(bf16_panels_size(s.depth, s.columns), 9), by_columns = by_rows,
                                                                                 want = by_rows;
    std::fill(want.begin(), want.end(), std::uint16_t{0});
    for (std::size_t k = 0; k < s.depth; ++k)
      for (std::size_t j = 0; j < s.columns; ++j)
        want[j / 16 * 16 * bf16_depth(s.depth) + k / 2 * 32 + j % 16 * 2 + k % 2] =
            to_bfloat16(b[k * s.columns + j]);
    pack_bf16_panels(b.data(), s.columns, 1, s.depth, s.columns, by_rows.data());
    pack_bf16_panels(turned.data(), 1, s.depth, s.depth, s.columns, by_columns.data());
    EXPECT_EQ(by_rows, want);
    EXPECT_EQ(by_columns, want);
    std::vector<std::uint16_t> rows(s.columns * bf16_depth(s.depth), 9), turned_rows = rows;
    pack_bf16_rows({turned.data(), s.depth, 1}, s.columns, s.depth, rows.data());
    pack_bf16_rows({b.data(), 1, s.columns}, s.columns, s.depth, turned_rows.data());
    EXPECT_EQ(turned_rows, rows);
    for (std::size_t j = 0; j < s.columns; ++j)
      for (std::size_t k = 0; k < s.depth; ++k)
        EXPECT_EQ(rows[j * bf16_depth(s.depth) + k], to_bfloat16(b[k * s.columns + j]));
  }
}

TEST_P(Bf16Products, ARowsNumbersDoNotDependOnTheRowsAroundIt) {
  const Size s{50, 65, 33};
  const auto a = random_floats(s.rows * s.depth, 1), b = random_floats(s.depth * s.columns, 2);
  std::vector<std::uint16_t> panels(bf16_panels_size(s.depth, s.columns)), rows(s.rows * bf16_depth(s.depth));
  pack_bf16_panels(b.data(), s.columns, 1, s.depth, s.columns, panels.data());
  pack_bf16_rows({a.data(), s.depth, 1}, s.rows, s.depth, rows.data());
  std::vector<float> all(s.rows * s.columns), alone(s.rows * s.columns);
  add_bf16_products(rows.data(), s.rows, panels.data(), s.depth, s.columns, all.data(), s.columns);
  for (std::size_t i = 0; i < s.rows; ++i)
    add_bf16_products(rows.data() + i * bf16_depth(s.depth), 1, panels.data(), s.depth, s.columns,
                      alone.data() + i * s.columns, s.columns);
  EXPECT_EQ(alone, all);
}

}  // namespace
}  // namespace kolosal::kernel
