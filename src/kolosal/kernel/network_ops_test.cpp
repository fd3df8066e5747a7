#include "kolosal/kernel/network_ops.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/cpu.hpp"

namespace kolosal::kernel {
namespace {

std::vector<float> random_floats(std::size_t n, std::uint64_t seed, double scale = 1) {
  Rng rng(seed);
  std::vector<float> out(n);
  for (float& value : out) value = static_cast<float>(scale * rng.normal());
  return out;
}

TEST(NetworkOps, ExponentialIsAccurate) {
  std::vector<float> x = random_floats(2001, 1, 20), out(x.size());
  x[0] = 0;
  kernel::exp(x.data(), out.data(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = std::exp(std::min(87.0, std::max(-87.0, static_cast<double>(x[i]))));
    ASSERT_NEAR(static_cast<double>(out[i]), want, 2e-7 * want) << x[i];
  }
  const float ends[] = {-1e30F, 1e30F};
  kernel::exp(ends, out.data(), 2);
  EXPECT_GT(out[0], 0.0F);
  EXPECT_LT(out[0], 2e-38F);
  EXPECT_GT(out[1], 1e37F);
  EXPECT_TRUE(std::isfinite(out[1]));
}

TEST(NetworkOps, SinesAndCosinesAreAccurate) {
  const std::vector<float> turns = random_floats(2001, 2, 30);
  std::vector<float> sine(turns.size()), cosine(turns.size());
  sine_cosine(turns.data(), sine.data(), cosine.data(), turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(turns[i]);
    ASSERT_NEAR(static_cast<double>(sine[i]), std::sin(angle), 3e-7) << turns[i];
    ASSERT_NEAR(static_cast<double>(cosine[i]), std::cos(angle), 3e-7) << turns[i];
  }
}

TEST(NetworkOps, SiluAndItsDerivativeAreThoseOfTheFormula) {
  const std::size_t n = 7, width = 37;
  const auto x = random_floats(n * width, 3, 3), factor = random_floats(width, 4),
             shift = random_floats(width, 5);
  std::vector<float> out(n * width), same(n * width), derivative(n * width);
  silu_rows(x.data(), factor.data(), shift.data(), n, width, out.data());
  silu_rows(x.data(), factor.data(), shift.data(), Dropout{}, 0, n, width, same.data(), derivative.data());
  EXPECT_EQ(out, same);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double z = static_cast<double>(x[i] * factor[i % width] + shift[i % width]);
    const double s = 1 / (1 + std::exp(-z));
    ASSERT_NEAR(static_cast<double>(out[i]), z * s, 1e-6 * (1 + std::fabs(z)));
    ASSERT_NEAR(static_cast<double>(derivative[i]), s * (1 + z * (1 - s)), 2e-6);
  }
}

TEST(NetworkOps, DropoutDropsItsShareAndDoesNotDependOnTheBlocks) {
  const std::size_t n = 200, width = 100;
  const std::vector<float> x(n * width, 1.0F), factor(width, 1.0F), shift(width, 0.0F);
  const Dropout dropout{static_cast<std::uint32_t>(0.25 * 0x1p32), 12345, 1 / 0.75F};
  std::vector<float> out(n * width), derivative(n * width), in_blocks(n * width);
  silu_rows(x.data(), factor.data(), shift.data(), dropout, 0, n, width, out.data(), derivative.data());
  for (std::size_t row = 0; row < n; row += 40)
    silu_rows(x.data() + row * width, factor.data(), shift.data(), dropout, row, 40, width,
              in_blocks.data() + row * width, derivative.data() + row * width);
  EXPECT_EQ(out, in_blocks);
  std::size_t n_dropped = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    n_dropped += out[i] == 0 ? 1 : 0;
    ASSERT_EQ(out[i] == 0, derivative[i] == 0);
    const double want = out[i] == 0 ? 0 : 0.7310586 / 0.75;
    ASSERT_NEAR(static_cast<double>(out[i]), want, 1e-6);
  }
  EXPECT_NEAR(static_cast<double>(n_dropped) / 20000.0, 0.25, 0.01);  // three standard deviations
}

TEST(NetworkOps, AdamwIsTheFormula) {
  const std::size_t n = 53;
  std::vector<float> w = random_floats(n, 6), m(n), v(n);
  std::vector<double> dw(w.begin(), w.end()), dm(n), dv(n);
  for (int t = 1; t <= 5; ++t) {
    const auto g = random_floats(n, static_cast<std::uint64_t>(100 + t));
    const double rate = 0.01, decay = 0.1;
    const double first = 1 - std::pow(0.9, t), second = 1 - std::pow(0.999, t);
    adamw({static_cast<float>(rate / first), static_cast<float>(1 / std::sqrt(second)),
           static_cast<float>(1 - rate * decay)},
          g.data(), n, m.data(), v.data(), w.data());
    for (std::size_t i = 0; i < n; ++i) {
      const double gradient = static_cast<double>(g[i]);
      dm[i] = 0.9 * dm[i] + 0.1 * gradient;
      dv[i] = 0.999 * dv[i] + 0.001 * gradient * gradient;
      dw[i] -= rate * decay * dw[i] + rate * (dm[i] / first) / (std::sqrt(dv[i] / second) + 1e-8);
      ASSERT_NEAR(static_cast<double>(w[i]), dw[i], 1e-6);
    }
  }
}

struct Results {
  std::vector<float> sums, squares, products, scaled, inverse, rows, out, derivative, columns, back, exps;
  std::vector<float> sine, cosine, mean, square, parameters;
  bool operator==(const Results&) const = default;
};

Results run(std::size_t n, std::size_t width) {
  const auto x = random_floats(n * width, 7), y = random_floats(n * width, 8);
  const auto a = random_floats(width, 9), b = random_floats(width, 10), c = random_floats(width, 11);
  Results r;
  r.sums = r.squares = r.products = std::vector<float>(width);
  add_rows(x.data(), n, width, r.sums.data());
  add_squared_rows(x.data(), a.data(), n, width, r.squares.data());
  add_row_products(x.data(), y.data(), n, width, r.products.data());
  r.scaled = r.rows = x;
  shift_scale_rows(a.data(), b.data(), n, width, r.scaled.data());
  multiply(y.data(), n * width, r.scaled.data());
  r.inverse.resize(n);
  normalize_rows(1e-5F, n, width, r.rows.data(), r.inverse.data());
  r.out = r.derivative = r.exps = r.sine = r.cosine = std::vector<float>(n * width);
  silu_rows(x.data(), a.data(), b.data(), {1U << 30, 5, 1.3F}, 3, n, width, r.out.data(),
            r.derivative.data());
  r.columns = r.back = y;
  unnormalize_columns(x.data(), a.data(), b.data(), c.data(), n, width, r.columns.data());
  unnormalize_rows(x.data(), a.data(), r.inverse.data(), n, width, r.back.data());
  kernel::exp(x.data(), r.exps.data(), n * width);
  sine_cosine(x.data(), r.sine.data(), r.cosine.data(), n * width);
  r.mean = r.square = std::vector<float>(n * width);
  r.parameters = x;
  adamw({0.01F, 1.0F, 0.99F}, y.data(), n * width, r.mean.data(), r.square.data(), r.parameters.data());
  axpy(0.5F, y.data(), r.parameters.data(), n * width);
  return r;
}

TEST(NetworkOps, EveryBodyGivesTheSameBytes) {
  const CpuLevel before = cpu_level();
  for (const std::size_t width : {1U, 15U, 16U, 33U, 128U}) {
    SCOPED_TRACE(width);
    set_cpu_level(CpuLevel::kBaseline);
    const Results want = run(9, width);
    for (const CpuLevel level : kCpuLevels) {
      set_cpu_level(level);
      EXPECT_TRUE(run(9, width) == want);
    }
  }
  set_cpu_level(before);
}

TEST(NetworkOps, RowsAreNormalized) {
  const std::size_t n = 3, width = 50;
  std::vector<float> x = random_floats(n * width, 12, 4), inverse(n);
  normalize_rows(0, n, width, x.data(), inverse.data());
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0, squares = 0;
    for (std::size_t j = 0; j < width; ++j) {
      const auto value = static_cast<double>(x[i * width + j]);
      sum += value;
      squares += value * value;
    }
    EXPECT_NEAR(sum / 50, 0, 1e-6);
    EXPECT_NEAR(squares / 50, 1, 1e-5);
  }
}

}  // namespace
}  // namespace kolosal::kernel
