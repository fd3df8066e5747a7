#include "kolosal/kernel/whole_distances.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/testing/every_cpu.hpp"

namespace kolosal::kernel {
namespace {

class WholeDistances : public EveryCpu {};
KOLOSAL_ON_EVERY_CPU(WholeDistances);

struct Size {
  std::size_t numbers, codes;
};
const Size kSizes[] = {{0, 1}, {1, 0}, {2, 0}, {3, 2}, {14, 9}, {101, 33}};

TEST_P(WholeDistances, AreThoseOfThePlainLoop) {
  for (const Size& size : kSizes)
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      SCOPED_TRACE(testing::Message()
                   << size.numbers << " numbers, " << size.codes << " codes, seed " << seed);
      Rng rng(seed);
      const bool has_holes = seed % 3 != 0, query_has_holes = seed % 2 != 0, is_extreme = seed % 4 == 1;
      const std::size_t n_pairs = (size.numbers + 1) / 2;
      const auto number = [&] {
        if (is_extreme) return rng.below(2) ? 127 : -127;
        return static_cast<int>(rng.below(255)) - 127;
      };
      std::vector<std::int16_t> numbers(2 * n_pairs), has(2 * n_pairs), codes(size.codes),
          has_code(size.codes, -1);
      for (std::size_t f = 0; f < size.numbers; ++f) {
        has[f] = query_has_holes && rng.below(4) == 0 ? 0 : -1;
        numbers[f] = has[f] != 0 ? static_cast<std::int16_t>(number()) : std::int16_t{0};
      }
      for (std::size_t c = 0; c < size.codes; ++c) {
        codes[c] =
            rng.below(5) == 0 ? std::int16_t{3000} : static_cast<std::int16_t>(rng.below(4));  // of no point
        if (query_has_holes && rng.below(4) == 0) has_code[c] = 0;
      }
      std::vector<std::int8_t> points((2 * n_pairs + size.codes) * kWholePoints + 1);
      const auto place = [&](std::size_t f, std::size_t p) -> std::int8_t& {
        return points[1 + (f < size.numbers || f < 2 * n_pairs ? (f / 2 * kWholePoints + p) * 2 + f % 2
                                                               : f * kWholePoints + p)];
      };
      for (std::size_t p = 0; p < kWholePoints; ++p) {
        for (std::size_t f = 0; f < size.numbers; ++f)
          place(f, p) =
              static_cast<std::int8_t>(has_holes && rng.below(5) == 0 ? int{kWholeMissing} : number());
        for (std::size_t c = 0; c < size.codes; ++c)
          place(2 * n_pairs + c, p) = static_cast<std::int8_t>(
              has_holes && rng.below(5) == 0 ? int{kWholeMissing} : static_cast<int>(rng.below(4)));
        if (size.numbers % 2 == 1) place(size.numbers, p) = has_holes ? kWholeMissing : std::int8_t{0};
      }
      std::array<std::int32_t, kWholePoints> sums{}, counts{};
      const WholeQuery query{numbers.data(),  has.data(), n_pairs,          codes.data(),
                             has_code.data(), size.codes, !query_has_holes, size.numbers + size.codes};
      const std::int32_t least =
          whole_distances(query, points.data() + 1, !has_holes, 252, sums.data(), counts.data());
      EXPECT_EQ(least, *std::ranges::min_element(sums));
      for (std::size_t p = 0; p < kWholePoints; ++p) {
        std::int32_t sum = 0, count = 0;
        for (std::size_t f = 0; f < size.numbers; ++f)
          if (has[f] != 0 && place(f, p) != kWholeMissing) {
            const std::int32_t rest = numbers[f] - place(f, p);
            sum += rest * rest;
            ++count;
          }
        for (std::size_t c = 0; c < size.codes; ++c)
          if (has_code[c] != 0 && place(2 * n_pairs + c, p) != kWholeMissing) {
            sum += codes[c] != place(2 * n_pairs + c, p) ? 252 : 0;
            ++count;
          }
        EXPECT_EQ(sums[p], sum) << p;
        EXPECT_EQ(counts[p], count) << p;
      }
    }
}

}  // namespace
}  // namespace kolosal::kernel
