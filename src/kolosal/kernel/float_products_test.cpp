#include "kolosal/kernel/float_products.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/kernel/cpu.hpp"
#include "kolosal/kernel/testing/random_floats.hpp"

namespace kolosal::kernel {
namespace {

/// NaN of any kind is NaN.
void expect_same(const std::vector<float>& got, const std::vector<float>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i])))
        << i << ": " << got[i] << " instead of " << want[i];
}

struct Size {
  std::size_t rows, depth, columns;
};
const Size kSizes[] = {{0, 3, 4},   {1, 0, 5},   {1, 1, 1},   {5, 7, 15},
                       {6, 16, 16}, {7, 33, 17}, {13, 2, 40}, {64, 100, 48}};

/// The running sums of the plain loop; transposed: a is kept depth by depth.
std::vector<float> plain(const Size& s, const std::vector<float>& a, bool transposed,
                         const std::vector<float>& b, std::vector<float> out, std::size_t stride) {
  for (std::size_t i = 0; i < s.rows; ++i)
    for (std::size_t j = 0; j < s.columns; ++j)
      for (std::size_t k = 0; k < s.depth; ++k)
        out[i * stride + j] += a[transposed ? k * s.rows + i : i * s.depth + k] * b[k * s.columns + j];
  return out;
}

TEST(FloatProducts, AreTheRunningSumsOfThePlainLoopOnEveryCpu) {
  const CpuLevel before = cpu_level();
  for (const Size& s : kSizes)
    for (const bool transposed : {false, true})
      for (const CpuLevel level : kCpuLevels) {
        SCOPED_TRACE(testing::Message() << s.rows << " x " << s.depth << " x " << s.columns);
        set_cpu_level(level);
        const auto a = random_floats(s.rows * s.depth, 1), b = random_floats(s.depth * s.columns, 2);
        const std::size_t stride = s.columns + 3;
        std::vector<float> got = random_floats(s.rows * stride, 3);
        const std::vector<float> want = plain(s, a, transposed, b, got, stride);
        std::vector<float> panels(panels_size(s.depth, s.columns), 99.0F);
        pack_panels(b.data(), s.columns, 1, s.depth, s.columns, panels.data());
        const LeftFactor left =
            transposed ? LeftFactor{a.data(), 1, s.rows} : LeftFactor{a.data(), s.depth, 1};
        add_products(left, s.rows, panels.data(), s.depth, s.columns, got.data(), stride);
        EXPECT_EQ(got, want);
      }
  set_cpu_level(before);
}

TEST(FloatProducts, OfOneRowAreTheSameNumbersOnEveryCpu) {
  const CpuLevel before = cpu_level();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::size_t depth : {0UL, 1UL, 9UL, 100UL})
    for (const std::size_t columns : {1UL, 15UL, 16UL, 17UL, 64UL, 75UL, 128UL, 259UL})
      for (const bool is_wild : {false, true})
        for (const CpuLevel level : kCpuLevels) {
          SCOPED_TRACE(testing::Message() << depth << " x " << columns);
          set_cpu_level(level);
          auto a = random_floats(depth, 1), b = random_floats(depth * columns, 2);
          for (std::size_t k = 0; k < depth; k += 3) a[k] = 0;
          if (is_wild)
            for (std::size_t i = 0; i < b.size(); i += 7) b[i] = i % 2 ? infinity : std::nanf("");
          const auto before_sums = random_floats(columns, 3);
          std::vector<float> panels(panels_size(depth, columns)), want = before_sums, got = before_sums;
          pack_panels(b.data(), columns, 1, depth, columns, panels.data());
          add_products({a.data(), depth, 1}, 1, panels.data(), depth, columns, want.data(), columns);
          add_products_of_row(a.data(), panels.data(), depth, columns, got.data());
          expect_same(got, want);

          std::vector<const float*> rows;
          for (std::size_t k = 0; k < depth; ++k) rows.push_back(b.data() + k * columns);
          got = before_sums;
          add_scaled_rows(rows.data(), a.data(), depth, columns, got.data());
          expect_same(got, want);
        }
  set_cpu_level(before);
}

TEST(FloatProducts, PacksTheTransposedMatrixToo) {
  const std::size_t depth = 5, columns = 19;
  const auto b = random_floats(depth * columns, 4);
  std::vector<float> turned(b.size());
  for (std::size_t k = 0; k < depth; ++k)
    for (std::size_t j = 0; j < columns; ++j) turned[j * depth + k] = b[k * columns + j];
  std::vector<float> got(panels_size(depth, columns)), want = got;
  pack_panels(b.data(), columns, 1, depth, columns, want.data());
  pack_panels(turned.data(), 1, depth, depth, columns, got.data());
  EXPECT_EQ(got, want);
}

}  // namespace
}  // namespace kolosal::kernel
