#include "kolosal/kernel/half_products.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/core/half_floats.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/kernel/cpu.hpp"
#include "kolosal/kernel/testing/random_floats.hpp"

namespace kolosal::kernel {
namespace {

/// A dot product as 32 running sums.
float lane_sum(const float* a, const float* b, std::size_t depth, std::size_t b_stride) {
  float sums[32] = {}, rest[32] = {};
  for (std::size_t k = 0; k < depth; ++k) {
    float& sum = k < depth / 32 * 32 ? sums[k % 32] : rest[k % 32];
    sum = std::fma(a[k], b[k * b_stride], sum);
  }
  for (std::size_t lane = 0; lane < 32; ++lane) sums[lane] += rest[lane];
  for (std::size_t half = 16; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

TEST(HalfProducts, AreFusedRunningSumsOnEveryCpu) {
  const CpuLevel before = cpu_level();
  for (const std::size_t rows : {0UL, 1UL, 5UL, 6UL, 13UL})
    for (const std::size_t depth : {0UL, 1UL, 9UL, 100UL})
      for (const std::size_t columns : {1UL, 3UL, 8UL, 15UL, 16UL, 17UL, 32UL, 64UL, 75UL, 128UL, 259UL}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << depth << " x " << columns);
        const auto a = random_floats(rows * depth, 1);
        auto b = random_floats(depth * columns, 2);
        for (std::size_t i = 0; i < b.size(); ++i) {
          if (i % 5 == 0) b[i] *= 1e-6F;  // a subnormal float16
          b[i] = from_float16(to_float16(b[i]));
        }
        ASSERT_TRUE(are_float16s(b.data(), b.size()));
        std::vector<std::uint16_t> panels(half_panels_size(depth, columns), 77);
        pack_half_panels(b.data(), depth, columns, panels.data());
        const std::vector<float> start = random_floats(rows * columns, 3);
        std::vector<float> want = start;
        for (std::size_t i = 0; i < rows; ++i)
          for (std::size_t j = 0; j < columns; ++j) {
            float& sum = want[i * columns + j];
            if (columns < 8) {
              sum += lane_sum(a.data() + i * depth, b.data() + j, depth, columns);
              continue;
            }
            for (std::size_t k = 0; k < depth; ++k) sum = std::fma(a[i * depth + k], b[k * columns + j], sum);
          }
        for (const CpuLevel level : kCpuLevels) {
          set_cpu_level(level);
          std::vector<float> got = start;
          add_half_products(a.data(), rows, panels.data(), depth, columns, got.data());
          EXPECT_EQ(got, want) << cpu_level_name(level);
        }
      }
  set_cpu_level(before);
}

// Sums at which rounding twice is wrong, sums without digits left, overflow and what is no number.
TEST(HalfProducts, RoundOnceOnEveryCpu) {
  const CpuLevel before = cpu_level();
  const float infinity = std::numeric_limits<float>::infinity();
  Rng rng(4);
  std::vector<float> factors = {0.0F,   -0.0F,  1.0F,   -1.0F,    1 + 0x1p-23F, 3e38F,
                                -3e38F, 1e-38F, 1e-45F, infinity, -infinity,    std::nanf("")};
  for (int i = 0; i < 300; ++i)
    factors.push_back(std::ldexp(static_cast<float>(rng.normal()), static_cast<int>(rng() % 40) - 20));
  std::vector<float> weights = {1.0F, -1.0F, 1 + 0x1p-10F, 0x1p-24F, -0x1p-24F, 65504.0F, 0.0F};
  for (int i = 0; i < 30; ++i) weights.push_back(from_float16(to_float16(static_cast<float>(rng.normal()))));
  const std::size_t n = weights.size();
  std::vector<std::uint16_t> panels(half_panels_size(1, n));
  pack_half_panels(weights.data(), 1, n, panels.data());
  for (const CpuLevel level : kCpuLevels) {
    set_cpu_level(level);
    for (const float factor : factors)
      for (const float part : {0.0F, 1.0F, -1.0F, 0x1p-24F, -0x1p-25F, 0x1.8p-23F, 1e-45F, -3e38F}) {
        std::vector<float> start(n), got;
        // As large as the product, or by about as much larger as float has digits.
        for (std::size_t j = 0; j < n; ++j)
          start[j] = j % 2 ? part : -factor * weights[j] * (1 + std::ldexp(part, static_cast<int>(j) - 10));
        got = start;
        add_half_products(&factor, 1, panels.data(), 1, n, got.data());
        for (std::size_t j = 0; j < n; ++j) {
          const float want = std::fma(factor, weights[j], start[j]);
          EXPECT_TRUE(got[j] == want || (std::isnan(got[j]) && std::isnan(want)))
              << factor << " * " << weights[j] << " + " << start[j] << ": " << got[j] << ", not " << want
              << ", " << cpu_level_name(level);
        }
      }
  }
  set_cpu_level(before);
}

TEST(HalfProducts, KnowWhatFloat16Holds) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {0.0F, -0.0F, 1.5F, 65504.0F, 0x1p-24F, -0x1.ffcp-1F})
    EXPECT_TRUE(are_float16s(&value, 1)) << value;
  for (const float value : {0.1F, 65536.0F, 0x1p-25F, 1.0F + 0x1p-11F, infinity, std::nanf("")})
    EXPECT_FALSE(are_float16s(&value, 1)) << value;
}

}  // namespace
}  // namespace kolosal::kernel
