#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/cpu.hpp"
#include "kolosal/kernel/forest_bins.hpp"
#include "kolosal/kernel/forest_rows.hpp"
#include "kolosal/kernel/forest_trees.hpp"
#include "kolosal/kernel/forest_walk.hpp"

namespace kolosal::kernel {
namespace {

/// Runs a test by the body of each CPU that this one can stand for.
template <typename Body>
void on_every_cpu(Body&& body) {
  const CpuLevel before = cpu_level();
  for (const CpuLevel level : kCpuLevels) {
    set_cpu_level(level);
    SCOPED_TRACE(cpu_level_name(cpu_level()));
    body();
  }
  set_cpu_level(before);
}

template <typename T>
void expect_bins(MissingRule rule, std::size_t n_cuts) {
  constexpr T kNaN = std::numeric_limits<T>::quiet_NaN(), kInf = std::numeric_limits<T>::infinity();
  Rng rng(n_cuts);
  std::vector<T> cuts = {kNaN, -kInf};
  while (cuts.size() < n_cuts) cuts.push_back(static_cast<T>(20 * rng.uniform() - 10));
  std::sort(cuts.begin() + 1, cuts.end());
  CutTable<T> table;
  table.rule = rule;
  table.n_steps = static_cast<unsigned>(std::bit_width(cuts.size()));
  const std::size_t n = cuts.size();
  cuts.insert(cuts.end(), std::size_t{1} << table.n_steps, kInf);
  const std::uint16_t first = 0;
  table.cuts = cuts.data();
  table.first = &first;
  std::vector<T> values = {kNaN, kInf, -kInf, 0, T{-0.0}, static_cast<T>(1e-36), static_cast<T>(-1e-35),
                           1,    -1};
  for (std::size_t i = 1; i < n; ++i) {
    values.push_back(cuts[i]);
    values.push_back(std::nextafter(cuts[i], kInf));
    values.push_back(std::nextafter(cuts[i], -kInf));
  }
  values.resize(std::min<std::size_t>(values.size(), 120));
  std::vector<std::uint16_t> want, got(values.size());
  for (T value : values) {
    if (rule == MissingRule::kNanIsZero && std::isnan(value)) value = 0;
    if (rule == MissingRule::kNanOrZero &&
        std::abs(static_cast<double>(value)) <= static_cast<double>(1e-35F))
      value = kNaN;
    std::uint16_t bin = 0;
    for (std::size_t i = 0; i < n; ++i) bin = static_cast<std::uint16_t>(bin + !(value <= cuts[i]));
    want.push_back(std::isnan(value) ? kMissingBin : bin);
  }
  on_every_cpu([&] {
    find_bins(table, values.data(), values.size(), got.data());
    EXPECT_EQ(got, want);
    for (std::uint32_t i = 0; i < values.size(); ++i) {
      std::uint16_t bin = 1;
      find_row_bins(&table, &i, 1, values.data(), &bin);
      EXPECT_EQ(bin, want[i]) << values[i];
    }
  });
}

TEST(ForestKernels, BinsCountTheCutsBelow) {
  for (const MissingRule rule : {MissingRule::kNan, MissingRule::kNanOrZero, MissingRule::kNanIsZero})
    for (const std::size_t n_cuts : {2, 3, 7, 16, 40}) {
      SCOPED_TRACE(n_cuts);
      expect_bins<float>(rule, n_cuts);
      expect_bins<double>(rule, n_cuts);
    }
}

TEST(ForestKernels, ColumnsAreCopiedOutOfRows) {
  std::vector<float> rows(7 * 10);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
  const std::uint32_t columns[kCopiedColumns] = {9, 0, 1, 2, 3, 3, 5, 8};
  std::vector<float> out(kCopiedColumns * kMostBinned);
  copy_columns(rows.data(), 10, 7, columns, out.data());
  for (std::size_t k = 0; k < kCopiedColumns; ++k)
    for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(out[k * kMostBinned + i], rows[i * 10 + columns[k]]);
}

TEST(ForestKernels, NarrowBinsAreThoseOfARangeOfCuts) {
  const std::vector<std::uint16_t> bins = {0, 1, 99, 100, 101, 354, 355, 356, 60000, kMissingBin};
  std::vector<std::int8_t> got(bins.size());
  on_every_cpu([&] {
    narrow_bins(bins.data(), bins.size(), 100, true, got.data());
    EXPECT_THAT(got, testing::ElementsAre(-128, -128, -128, -128, -127, 126, 127, 127, 127, -128));
    narrow_bins(bins.data(), bins.size(), 100, false, got.data());
    EXPECT_EQ(got.back(), 127);
  });
}

std::vector<std::int8_t> random_bytes(Rng& rng, std::size_t n) {
  std::vector<std::int8_t> out(n);
  for (std::int8_t& byte : out) byte = static_cast<std::int8_t>(rng() & 255);
  return out;
}

/// Any nodes do: the moves are defined for all of them.
std::vector<SpanNode> random_nodes(Rng& rng, std::size_t n, std::size_t n_columns) {
  std::vector<SpanNode> out(n);
  for (SpanNode& node : out) {
    node.bins = static_cast<std::uint32_t>(rng() % n_columns * kBlockRows);
    node.limit = static_cast<std::int8_t>(rng() & 255);
    node.first = static_cast<std::uint8_t>(rng() % 4);
    node.right = static_cast<std::uint8_t>(rng() % 256);
  }
  return out;
}

TEST(ForestKernels, LeavesOfABlockAreThoseOfOneRowAfterTheOther) {
  Rng rng(3);
  const auto block = random_bytes(rng, 5 * kBlockRows);
  const auto nodes = random_nodes(rng, 60, 5);
  std::vector<std::uint8_t> want(kBlockRows, 0);
  for (std::size_t r = 0; r < kBlockRows; ++r)
    for (const SpanNode& node : nodes)
      if (want[r] == node.first && block[node.bins + r] >= node.limit) want[r] = node.right;
  on_every_cpu([&] {
    for (const std::size_t n : {1, 15, 32, 33, 100, 224, 256}) {
      std::vector<std::uint8_t> got(kBlockRows, 77);
      find_leaves(nodes.data(), nodes.size(), block.data(), n, got.data());
      for (std::size_t r = 0; r < n; ++r) ASSERT_EQ(got[r], want[r]) << "row " << r << " of " << n;
    }
  });
}

template <typename Node>
class LaneNodesOf : public testing::Test {};
using LaneNodeTypes = testing::Types<LaneNodes, SmallLaneNodes>;
TYPED_TEST_SUITE(LaneNodesOf, LaneNodeTypes);

void set_ends(LaneNodes& node, std::size_t lane, unsigned first, unsigned right) {
  node.first[lane] = static_cast<std::uint8_t>(first);
  node.right[lane] = static_cast<std::uint8_t>(right);
}
void set_ends(SmallLaneNodes& node, std::size_t lane, unsigned first, unsigned right) {
  node.ends[lane] = static_cast<std::uint8_t>(first % 16 + right % 16 * 16);
}
unsigned first_of(const LaneNodes& node, std::size_t lane) { return node.first[lane]; }
unsigned right_of(const LaneNodes& node, std::size_t lane) { return node.right[lane]; }
unsigned first_of(const SmallLaneNodes& node, std::size_t lane) { return node.ends[lane] % 16U; }
unsigned right_of(const SmallLaneNodes& node, std::size_t lane) { return node.ends[lane] / 16U; }

TYPED_TEST(LaneNodesOf, LeavesOfAGroupAreThoseOfOneTreeAfterTheOther) {
  Rng rng(4);
  for (const std::size_t n_columns : {3, 16, 17, 32, 33, 64, 65, 128, 129, 256}) {
    constexpr std::size_t n_nodes = 20, kGroups = 2;
    std::vector<TypeParam> nodes(kGroups * n_nodes);
    std::vector<std::uint64_t> outside(nodes.size() + 1);
    for (std::uint64_t& bits : outside) bits = rng() & rng();
    for (TypeParam& node : nodes)
      for (std::size_t lane = 0; lane < kLaneTrees; ++lane) {
        node.column[lane] = static_cast<std::uint8_t>(rng() % n_columns);
        node.cut[lane] = static_cast<std::int8_t>(rng() & 255);
        const auto first = static_cast<unsigned>(rng() % 4);
        set_ends(node, lane, first, static_cast<unsigned>(rng() % 256));
      }
    const auto row = random_bytes(rng, kMostLaneColumns);
    const auto leaves_of = [&](bool with_sets) {
      std::vector<std::uint8_t> out(kGroups * kLaneTrees, 0);
      for (std::size_t k = 0; k < nodes.size(); ++k)
        for (std::size_t lane = 0; lane < kLaneTrees; ++lane) {
          const TypeParam& node = nodes[k];
          std::uint8_t& at = out[k / n_nodes * kLaneTrees + lane];
          const bool is_outside = with_sets && ((outside[k] >> lane) & 1U);
          if (at == first_of(node, lane) && (is_outside || row[node.column[lane]] > node.cut[lane]))
            at = static_cast<std::uint8_t>(right_of(node, lane));
        }
      return out;
    };
    std::vector<std::uint8_t> got(kGroups * kLaneTrees);
    on_every_cpu([&] {
      find_lane_leaves(nodes.data(), n_nodes, kGroups, row.data(), n_columns, nullptr, got.data());
      EXPECT_EQ(got, leaves_of(false)) << n_columns << " columns";
      find_lane_leaves(nodes.data(), n_nodes, kGroups, row.data(), n_columns, outside.data(), got.data());
      EXPECT_EQ(got, leaves_of(true)) << n_columns << " columns, and sets";
    });
  }
}

TEST(ForestKernels, BlocksOfLeafValuesAreRunningSums) {
  Rng rng(8);
  std::vector<double> doubles(3000);
  for (double& value : doubles) value = rng.normal();
  const std::vector<float> floats(doubles.begin(), doubles.end());
  for (const std::size_t n : {0, 1, 64}) {
    std::vector<std::uint32_t> first(n * kLeafBlocks);
    std::vector<std::uint8_t> leaves(n * kLeafBlocks);
    for (std::uint32_t& place : first) place = static_cast<std::uint32_t>(rng() % 2744);
    for (std::uint8_t& leaf : leaves) leaf = static_cast<std::uint8_t>(rng() % 256);
    const auto expect = [&](const auto& values) {
      std::vector<double> want(kLeafBlocks), got(kLeafBlocks, 5.0);
      for (std::size_t i = 0; i < first.size(); ++i)
        want[i % kLeafBlocks] += static_cast<double>(values[first[i] + leaves[i]]);
      sum_leaf_blocks(values.data(), first.data(), leaves.data(), n, got.data());
      EXPECT_EQ(got, want) << n;
    };
    on_every_cpu([&] {
      expect(doubles);
      expect(floats);
    });
  }
}

TEST(ForestKernels, LeavesOfSymmetricTreesAreTheBitsOfTheirLevels) {
  Rng rng(6);
  for (const std::size_t n_columns : {5, 16, 17, 32, 33, 64, 65, 256}) {
    std::vector<LaneLevel> levels(8);
    for (LaneLevel& level : levels)
      for (std::size_t lane = 0; lane < kLaneTrees; ++lane) {
        level.column[lane] = static_cast<std::uint8_t>(rng() % n_columns);
        level.cut[lane] = static_cast<std::int8_t>(rng() & 255);
      }
    const auto row = random_bytes(rng, kMostLaneColumns);
    for (const std::size_t n_levels : {0, 3, 8}) {
      std::vector<std::uint8_t> want(kLaneTrees, 0), got(kLaneTrees);
      for (std::size_t lane = 0; lane < kLaneTrees; ++lane)
        for (std::size_t l = 0; l < n_levels; ++l)
          if (row[levels[l].column[lane]] > levels[l].cut[lane])
            want[lane] = static_cast<std::uint8_t>(want[lane] | (1U << l));
      on_every_cpu([&] {
        find_symmetric_leaves(levels.data(), n_levels, row.data(), n_columns, got.data());
        EXPECT_EQ(got, want) << n_columns << " columns, " << n_levels << " levels";
      });
    }
  }
}

TEST(ForestKernels, MarksAreOfTheCategoriesOutsideTheSet) {
  Rng rng(5);
  std::vector<std::int8_t> categories(kBlockRows), got(kBlockRows);
  for (int i = 0; i < 256; ++i) categories[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(i - 128);
  std::uint8_t set[32];
  for (std::uint8_t& byte : set) byte = static_cast<std::uint8_t>(rng());
  on_every_cpu([&] {
    mark_outside(categories.data(), set, kBlockRows, got.data());
    for (unsigned i = 0; i < 256; ++i)
      EXPECT_EQ(got[i], (set[i / 8] >> (i % 8)) & 1U ? -128 : 127) << "category " << i;
  });
}

TEST(ForestKernels, LeafValuesAreAddedRowByRow) {
  Rng rng(7);
  for (const std::size_t n_values : {1, 3, 8, 31, 63, 64, 65, 100, 128, 129, 256}) {
    std::vector<double> values(n_values);
    for (double& value : values) value = rng.normal() * std::exp(20 * rng.normal());
    values[n_values / 2] = std::numeric_limits<double>::infinity();
    for (const std::size_t n : {0, 1, 5, 31, 32, 63, 64, 65, 200, 256}) {
      std::vector<std::uint8_t> leaves(n);
      for (std::uint8_t& leaf : leaves) leaf = static_cast<std::uint8_t>(rng() % n_values);
      std::vector<double> before(n), want(n);
      for (std::size_t i = 0; i < n; ++i) {
        before[i] = rng.normal();
        want[i] = before[i] + values[leaves[i]];
      }
      on_every_cpu([&] {
        std::vector<double> sums = before;
        add_leaves(values.data(), n_values, leaves.data(), n, sums.data());
        EXPECT_EQ(sums, want) << n_values << " values, " << n << " rows";
      });
    }
  }
}

TEST(ForestKernels, PartsPassTheirRowsOn) {
  const std::vector<std::uint8_t> leaves = {3, 4, 3};
  on_every_cpu([&] {
    std::vector<std::uint8_t> parts = {0, 0, 1}, local = {9, 9, 9};
    take_leaves(0, leaves.data(), 3, parts.data(), local.data());
    EXPECT_THAT(local, testing::ElementsAre(3, 4, 9));
    enter_part(0, 4, 2, local.data(), 3, parts.data());
    EXPECT_THAT(parts, testing::ElementsAre(0, 2, 1));
  });
}

TEST(ForestKernels, WalksEndAtTheLeafOfTheRow) {
  // Node 0: column 0 above 5 goes to 2, else to 1; node 2: column 1 above 7 goes to 4, else to 3.
  const std::vector<WalkNode> nodes = {{5, 0, 1}, {65535, 0, 1}, {7, 1, 3}, {65535, 0, 3}, {65535, 0, 4}};
  std::vector<std::uint16_t> first, second;
  std::vector<std::uint32_t> want;
  for (const std::uint16_t a : std::initializer_list<std::uint16_t>{0, 5, 6, 65535})
    for (const std::uint16_t b : std::initializer_list<std::uint16_t>{0, 7, 8, 65535}) {
      first.push_back(a);
      second.push_back(b);
      want.push_back(a <= 5 ? 1 : b <= 7 ? 3 : 4);
    }
  constexpr std::size_t kWidth = 2;
  on_every_cpu([&] {
    for (const std::size_t n : {1, 3, 7, 8, 16}) {
      std::vector<std::uint16_t> rows(16 * kWidth);
      spread_bins(first.data(), n, false, rows.data(), kWidth);
      spread_bins(second.data(), n, false, rows.data() + kWalkGroup, kWidth);
      for (const std::uint32_t n_levels : {2, 3, 9}) {
        std::vector<std::uint32_t> ends(16);
        walk_rows(nodes.data(), 0, n_levels, rows.data(), kWidth, n, ends.data());
        EXPECT_TRUE(std::equal(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(n), ends.begin()));
      }
    }
    std::vector<std::uint16_t> rows(16 * kWidth);
    spread_bins(first.data(), 16, false, rows.data(), kWidth);
    spread_bins(second.data(), 16, false, rows.data() + kWalkGroup, kWidth);
    std::vector<std::uint32_t> roots = {0, 2, 0, 2, 0, 2, 0, 2, 0, 2, 1};
    std::vector<std::uint32_t> ends(roots.size());
    walk_trees(nodes.data(), roots.data(), roots.size(), 2, rows.data() + walk_place(10, kWidth),
               ends.data());
    EXPECT_THAT(ends, testing::ElementsAre(4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1));
  });
}

TEST(ForestKernels, WovenRowsHaveMissingBelowOrAboveAllCuts) {
  const std::vector<std::uint16_t> bins = {3, kMissingBin, 0, 9, kMissingBin};
  for (const bool is_low : {false, true}) {
    std::vector<std::uint16_t> rows(8 * 3, 77);
    spread_bins(bins.data(), bins.size(), is_low, rows.data() + 2 * kWalkGroup, 3);
    const std::uint16_t missing = is_low ? 0 : kMissingBin;
    for (std::size_t r = 0; r < bins.size(); ++r)
      EXPECT_EQ(rows[walk_place(r, 3) + 2 * kWalkGroup], bins[r] == kMissingBin ? missing : bins[r]) << r;
    EXPECT_EQ(std::ranges::count(rows, 77), 8 * 3 - 5);
  }
}

}  // namespace
}  // namespace kolosal::kernel
