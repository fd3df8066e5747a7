#include "kolosal/kernel/near_points.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class NearPoints : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(NearPoints);

TEST_P(NearPoints, AreThoseOfThePlainLoop) {
  for (const std::size_t n_pairs : {0U, 1U, 2U, 15U, 40U})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(testing::Message() << n_pairs << " pairs, seed " << seed);
      Rng rng(seed);
      // 80 products of 3276^2 and an offset stay below 2^31.
      const auto whole = [&](std::int64_t most) {
        return static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(2 * most + 1))) -
               static_cast<std::int32_t>(most);
      };
      std::vector<std::int16_t> queries(n_pairs * 2 * kNearQueries + 1),
          points(n_pairs * 2 * kNearPoints + 1);
      for (auto& cell : queries) cell = static_cast<std::int16_t>(whole(3276));
      for (auto& cell : points) cell = static_cast<std::int16_t>(whole(3276));
      std::vector<std::int32_t> offsets(kNearPoints + 1), limits(kNearQueries);
      for (auto& offset : offsets) offset = whole(1'000'000'000);
      for (auto& limit : limits) limit = whole(1'000'000'000);
      const auto sum = [&](std::size_t q, std::size_t p) {
        std::int64_t out = offsets[p + 1];
        for (std::size_t f = 0; f < 2 * n_pairs; ++f)
          out += std::int64_t{queries[1 + (f / 2 * kNearQueries + q) * 2 + f % 2]} *
                 points[1 + (f / 2 * kNearPoints + p) * 2 + f % 2];
        return out;
      };
      if (seed % 4 == 1) limits[2] = static_cast<std::int32_t>(sum(2, 17));  // just reached
      if (seed % 4 == 2) limits[1] = std::numeric_limits<std::int32_t>::min();
      if (seed % 4 == 3) limits.assign(kNearQueries, std::numeric_limits<std::int32_t>::max());
      std::vector<std::int32_t> query_offsets(kNearQueries), point_limits(kNearPoints + 1);
      for (auto& offset : query_offsets) offset = whole(1'000'000'000);
      for (auto& limit : point_limits) limit = whole(1'000'000'000);
      const bool is_mutual = seed % 3 != 0;
      if (seed % 6 == 1) point_limits[30] = static_cast<std::int32_t>(sum(3, 29)) + query_offsets[3] / 2;
      if (seed % 6 == 1) query_offsets[3] /= 2;  // just reached
      std::array<std::uint32_t, kNearQueries> want{};
      for (std::size_t q = 0; q < kNearQueries; ++q)
        for (std::size_t p = 0; p < kNearPoints; ++p)
          if (sum(q, p) >= limits[q] || (is_mutual && sum(q, p) + query_offsets[q] >= point_limits[p + 1]))
            want[q] |= std::uint32_t{1} << p;
      std::array<std::uint32_t, kNearQueries> got{};
      std::vector<std::int32_t> sums(kNearQueries * kNearPoints + 1);
      const bool any = find_near(queries.data() + 1, points.data() + 1, n_pairs, offsets.data() + 1,
                                 limits.data(), is_mutual ? query_offsets.data() : nullptr,
                                 is_mutual ? point_limits.data() + 1 : nullptr, got.data(),
                                 sums.data() + 1);  // not aligned
      EXPECT_EQ(got, want);
      for (std::size_t q = 0; q < kNearQueries; ++q)
        for (std::size_t p = 0; p < kNearPoints; ++p)
          if ((got[q] >> p & 1) != 0) {
            EXPECT_EQ(sums[1 + q * kNearPoints + p], sum(q, p));
          }
      EXPECT_EQ(any, std::ranges::any_of(want, [](std::uint32_t mask) { return mask != 0; }));
    }
}

}  // namespace
}  // namespace kolosal::kernel
