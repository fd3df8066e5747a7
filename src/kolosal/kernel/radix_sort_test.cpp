#include "kolosal/kernel/radix_sort.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kolosal/core/random.hpp"

namespace kolosal::kernel {
namespace {

TEST(RadixSort, KeysSortAsTheirNumbers) {
  const std::vector<double> numbers = {-INFINITY, -1e308, -1, -5e-324, 0, 5e-324, 1, 1.5, 1e308, INFINITY};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    EXPECT_EQ(double_of_key(sort_key(numbers[i])), numbers[i]);
    if (i > 0) {
      EXPECT_LT(sort_key(numbers[i - 1]), sort_key(numbers[i]));
    }
  }
  EXPECT_EQ(sort_key(-0.0), sort_key(0.0));
  EXPECT_LT(sort_key(std::int64_t{-1}), sort_key(std::int64_t{0}));
  EXPECT_EQ(int_of_key(sort_key(std::numeric_limits<std::int64_t>::min())),
            std::numeric_limits<std::int64_t>::min());
}

struct Item {
  std::uint64_t key = 0;
  std::size_t position = 0;
  bool operator==(const Item&) const = default;
};

TEST(RadixSort, IsAStableSort) {
  Rng rng(3);
  // Spread over all bits, close together, all but a few close together, few values, one value.
  const std::vector<std::function<std::uint64_t(std::size_t)>> draws = {
      [&](std::size_t) { return rng(); },
      [&](std::size_t) { return (std::uint64_t{1} << 60) + rng.below(100'000); },
      [&](std::size_t i) { return i % 1000 == 0 ? rng() : rng.below(1 << 20); },
      [&](std::size_t) { return sort_key(static_cast<double>(rng.below(7)) / 3); },
      [](std::size_t) { return std::uint64_t{42}; },
      [&](std::size_t) { return sort_key(rng.normal()); }};
  for (std::size_t d = 0; d < draws.size(); ++d)
    for (const std::size_t n : {0UL, 1UL, 4095UL, 4096UL, 50'000UL}) {
      std::vector<Item> items(n);
      for (std::size_t i = 0; i < n; ++i) items[i] = {draws[d](i), i};
      std::vector<Item> want = items;
      std::ranges::stable_sort(want, {}, &Item::key);
      radix_sort(items, [](const Item& item) { return item.key; });
      EXPECT_TRUE(items == want) << "draw " << d << ", n " << n;
    }
}

}  // namespace
}  // namespace kolosal::kernel
