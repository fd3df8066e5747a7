#include "kolosal/kernel/masked_distances.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class MaskedDistances : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(MaskedDistances);

TEST_P(MaskedDistances, AreThePlainLoop) {
  for (const std::size_t n_features : {1, 2, 7, 20}) {
    Rng rng(n_features);
    std::vector<double> query(n_features), values(n_features * kMaskedPoints), present(values.size());
    for (double& x : query) x = rng.normal();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (rng.below(3) > 0) present[i] = 1, values[i] = rng.normal();
    std::vector<std::uint32_t> features;
    for (std::uint32_t f = 0; f < n_features; ++f)
      if (f == 0 || rng.below(4) > 0) features.push_back(f);
    std::vector<double> got(kMaskedPoints), want(kMaskedPoints);
    const double least = masked_distances(query.data(), features.data(), features.size(), values.data(),
                                          present.data(), got.data());
    for (std::size_t p = 0; p < kMaskedPoints; ++p) {
      double sum = 0, count = 0;
      for (const std::uint32_t f : features) {
        const std::size_t at = f * kMaskedPoints + p;
        if (present[at] == 0) continue;
        sum += (query[f] - values[at]) * (query[f] - values[at]);
        count += 1;
      }
      want[p] = count == 0 ? std::numeric_limits<double>::infinity() : sum / count;
    }
    EXPECT_EQ(got, want) << n_features << " features";  // to the last bit: the order of the sum is the same
    EXPECT_EQ(least, *std::ranges::min_element(want));
  }
}

TEST_P(MaskedDistances, CodesThatDifferCountOne) {
  const std::vector<double> query = {0.5, 3, 7};
  const std::vector<std::uint32_t> features = {0, 1, 2};  // a number and two codes
  std::vector<double> values(3 * kMaskedPoints), present(values.size()), got(kMaskedPoints);
  const auto set = [&](std::size_t point, std::size_t feature, double value) {
    values[feature * kMaskedPoints + point] = value;
    present[feature * kMaskedPoints + point] = 1;
  };
  set(0, 0, 2.5), set(0, 1, 3), set(0, 2, 1);  // (4 + 0 + 1) / 3
  set(1, 0, 0.5), set(1, 1, 0);                // (0 + 1) / 2
  set(31, 2, 7);                               // 0 / 1
  EXPECT_EQ(mixed_distances(query.data(), features.data(), 1, 3, values.data(), present.data(), got.data()),
            0);
  EXPECT_EQ(got[0], 5.0 / 3);
  EXPECT_EQ(got[1], 0.5);
  EXPECT_EQ(got[31], 0);
  EXPECT_EQ(got[2], std::numeric_limits<double>::infinity());
}

TEST_P(MaskedDistances, OverflowIsNoDistance) {
  std::vector<double> values(kMaskedPoints, -1.7e308), present(kMaskedPoints, 1), got(kMaskedPoints);
  const double query = 1.7e308;
  const std::uint32_t feature = 0;
  EXPECT_EQ(masked_distances(&query, &feature, 1, values.data(), present.data(), got.data()),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(masked_distances(&query, &feature, 0, values.data(), present.data(), got.data()),
            std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace kolosal::kernel
