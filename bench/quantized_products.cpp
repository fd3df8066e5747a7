// Products of a layer in float32 and in whole numbers of 8 and 4 bits, and distances of nearest neighbours in
// double and in whole numbers; see README.md. The conversion of the inputs and the steps are counted.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/integer_products.hpp"
#include "kolosal/kernel/masked_distances.hpp"
#include "kolosal/kernel/whole_distances.hpp"
#include "kolosal/model/mlp_quantized.hpp"

using namespace kolosal;

namespace {

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Nanoseconds of a call, the best of several rounds.
double best_ns(const std::function<void()>& call) {
  double best = 1e300;
  for (int round = 0; round < 7; ++round) {
    std::size_t n = 0;
    const double start = cpu_s();
    double seconds = 0;
    do {
      for (int i = 0; i < 8; ++i) call();
      n += 8;
      seconds = cpu_s() - start;
    } while (seconds < 0.02);
    best = std::min(best, 1e9 * seconds / static_cast<double>(n));
  }
  return best;
}

std::vector<float> random_floats(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> out(n);
  for (float& value : out) value = static_cast<float>(rng.normal());
  return out;
}

void race_layer(std::size_t n_rows, std::size_t depth, std::size_t n_columns) {
  const auto x = random_floats(n_rows * depth, 1), weights = random_floats(depth * n_columns, 2);
  std::vector<float> out(n_rows * n_columns), panels(kernel::panels_size(depth, n_columns));
  kernel::pack_panels(weights.data(), n_columns, 1, depth, n_columns, panels.data());
  std::vector<std::uint32_t> at(depth);
  for (std::size_t k = 0; k < depth; ++k) at[k] = static_cast<std::uint32_t>(k);
  const double plain = best_ns([&] {
    std::fill(out.begin(), out.end(), 0.0F);
    if (n_rows == 1)
      kernel::add_row_products(x.data(), at.data(), depth, panels.data(), depth, n_columns, out.data());
    else
      kernel::add_products({x.data(), depth, 1}, n_rows, panels.data(), depth, n_columns, out.data(),
                           n_columns);
  });
  double whole[2];
  for (const int bits : {8, 4}) {
    const model::QuantizedLayer layer(model::QuantizedWeights::of(weights, depth, n_columns, bits), 0);
    model::QuantizedScratch scratch;
    whole[bits == 4] = best_ns([&] {
      std::fill(out.begin(), out.end(), 0.0F);
      layer.add(x.data(), n_rows, out.data(), scratch);
    });
  }
  std::printf("%5zu rows %5zu x %4zu: float32 %10.0f ns, int8 %10.0f ns (%.2fx), int4 %10.0f ns (%.2fx)\n",
              n_rows, depth, n_columns, plain, whole[0], plain / whole[0], whole[1], plain / whole[1]);
}

void race_distances(std::size_t n_features, std::size_t n_points) {
  Rng rng(3);
  const std::size_t n_groups = n_points / kernel::kMaskedPoints, size = n_features * kernel::kMaskedPoints;
  std::vector<double> query(n_features), values(n_groups * size), present(n_groups * size, 1.0);
  std::vector<std::uint32_t> features(n_features);
  std::vector<std::int16_t> whole_query(n_features), has(n_features, -1);
  std::vector<std::int8_t> points(n_groups * size);
  for (std::size_t f = 0; f < n_features; ++f) {
    features[f] = static_cast<std::uint32_t>(f);
    query[f] = rng.normal();
    whole_query[f] = static_cast<std::int16_t>(20 * query[f]);
  }
  for (double& value : values) value = rng.normal();
  for (auto& point : points) point = static_cast<std::int8_t>(20 * rng.normal());
  double distances[kernel::kMaskedPoints];
  const double plain = best_ns([&] {
    for (std::size_t g = 0; g < n_groups; ++g)
      kernel::mixed_distances(query.data(), features.data(), n_features, n_features, values.data() + g * size,
                              present.data() + g * size, distances);
  });
  const kernel::WholeQuery whole{whole_query.data(), has.data(), n_features / 2, nullptr, nullptr, 0, true,
                                 n_features};
  std::int32_t sums[kernel::kWholePoints], counts[kernel::kWholePoints];
  const double integers = best_ns([&] {
    for (std::size_t g = 0; g < n_groups; ++g)
      kernel::whole_distances(whole, points.data() + g * size, true, 252, sums, counts);
  });
  std::printf("%5zu points of %3zu numbers: double %10.0f ns, int8 %10.0f ns (%.2fx)\n", n_points, n_features,
              plain, integers, plain / integers);
}

}  // namespace

int main() {
  std::printf("integer dot products (VNNI): %s\n", kernel::has_integer_dot_products() ? "yes" : "no");
  for (const std::size_t n_rows : {std::size_t{1}, std::size_t{192}})
    for (const auto& [depth, n_columns] : {std::pair<std::size_t, std::size_t>{8, 128},
                                           {16, 16},
                                           {16, 64},
                                           {32, 32},
                                           {64, 64},
                                           {128, 128},
                                           {256, 256},
                                           {512, 256},
                                           {1024, 1024},
                                           {256, 1}})
      race_layer(n_rows, depth, n_columns);
  for (const std::size_t n_features : {std::size_t{8}, std::size_t{14}, std::size_t{50}})
    race_distances(n_features, 32'000);
}
