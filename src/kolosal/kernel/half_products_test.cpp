#include "kolosal/kernel/half_products.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "kolosal/core/half_floats.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/kernel/cpu.hpp"
#include "kolosal/kernel/float_products.hpp"

namespace kolosal::kernel {
namespace {

std::vector<float> random_floats(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> out(n);
  for (float& value : out) value = static_cast<float>(rng.normal());
  return out;
}

TEST(HalfProducts, AreTheNumbersOfFloat32PanelsOnEveryCpu) {
  const CpuLevel before = cpu_level();
  for (const std::size_t depth : {0UL, 1UL, 9UL, 100UL})
    for (const std::size_t columns : {1UL, 15UL, 16UL, 17UL, 64UL, 75UL, 128UL, 259UL})
      for (const CpuLevel level : kCpuLevels) {
        SCOPED_TRACE(testing::Message() << depth << " x " << columns);
        set_cpu_level(level);
        const auto a = random_floats(depth, 1);
        auto b = random_floats(depth * columns, 2);
        for (std::size_t i = 0; i < b.size(); ++i) {
          if (i % 5 == 0) b[i] *= 1e-6F;  // a subnormal float16
          b[i] = from_float16(to_float16(b[i]));
        }
        std::vector<float> panels(panels_size(depth, columns));
        pack_panels(b.data(), columns, 1, depth, columns, panels.data());
        ASSERT_TRUE(are_float16s(panels.data(), panels.size()));
        std::vector<std::uint16_t> halves(panels.size());
        to_float16s(panels.data(), panels.size(), halves.data());
        std::vector<float> want = random_floats(columns, 3), got = want;
        add_products_of_row(a.data(), panels.data(), depth, columns, want.data());
        add_products_of_row(a.data(), halves.data(), depth, columns, got.data());
        EXPECT_EQ(got, want);
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
