#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <span>

#include "kolosal/kernel/radix_sort.hpp"
#include "kolosal/profile/cell_keys_internal.hpp"
#include "kolosal/profile/rows_internal.hpp"

namespace kolosal::profile {
namespace {

constexpr std::size_t kBlock = 1 << 12;
constexpr std::size_t kMaxPatterns = 12, kMaxMissingColumns = 200;

using Bits = std::vector<std::uint64_t>;

struct RowKeys {
  std::uint64_t features = 0;
  std::uint64_t target = 0;
};

std::vector<RowKeys> row_keys(const data::Frame& table, std::size_t target, const Context& context) {
  std::vector<RowKeys> out(table.n_rows());
  context.parallel_blocks(table.n_rows(), kBlock, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint64_t> keys(end - begin), hashes(end - begin);
    for (std::size_t c = 0; c < table.n_columns(); ++c) {
      cell_keys(table.column(c), begin, keys);
      if (c == target) {
        for (std::size_t i = 0; i < keys.size(); ++i) out[begin + i].target = keys[i];
        continue;
      }
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const std::uint64_t h = (hashes[i] ^ keys[i]) * 0x9E3779B97F4A7C15ULL;
        hashes[i] = (h ^ (h >> 32)) + c + 1;
      }
    }
    for (std::size_t i = 0; i < keys.size(); ++i) out[begin + i].features = mixed(hashes[i]);
  });
  return out;
}

}  // namespace

RepeatedRows count_repeated_rows(const data::Frame& table, std::size_t target, const Context& context) {
  RepeatedRows out;
  if (table.n_columns() == 0) return out;
  std::vector<RowKeys> rows = row_keys(table, target, context);
  const bool only_target = table.n_columns() == 1 && target == 0;
  kernel::radix_sort(rows, [](const RowKeys& row) { return row.features; });
  for (auto begin = rows.begin(); begin != rows.end();) {
    auto end = begin + 1;
    while (end != rows.end() && end->features == begin->features) ++end;
    if (end - begin > 1) {
      std::ranges::sort(begin, end, {}, &RowKeys::target);
      std::size_t n_distinct = 1;
      for (auto row = begin + 1; row != end; ++row) n_distinct += row->target != (row - 1)->target;
      out.n_repeated += static_cast<std::size_t>(end - begin) - n_distinct;
      if (n_distinct > 1 && !only_target) out.n_contradicting += static_cast<std::size_t>(end - begin);
    }
    begin = end;
  }
  return out;
}

namespace {

/// Pearson's correlation of two columns of zeros and ones.
double bit_correlation(const Bits& a, const Bits& b, double n) {
  std::size_t n_a = 0, n_b = 0, n_both = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    n_a += static_cast<std::size_t>(std::popcount(a[i]));
    n_b += static_cast<std::size_t>(std::popcount(b[i]));
    n_both += static_cast<std::size_t>(std::popcount(a[i] & b[i]));
  }
  const double x = static_cast<double>(n_a), y = static_cast<double>(n_b);
  const double scale = std::sqrt(x * (n - x)) * std::sqrt(y * (n - y));
  return scale > 0 ? (n * static_cast<double>(n_both) - x * y) / scale : kNoNumber;
}

std::vector<MissingPair> missing_pairs(std::size_t n_rows, const std::vector<Bits>& missing,
                                       std::span<const std::size_t> columns, const Context& context) {
  std::vector<std::vector<MissingPair>> found(columns.size());
  context.parallel_blocks(columns.size(), 1, [&](std::size_t i, std::size_t) {
    for (std::size_t j = i + 1; j < columns.size(); ++j) {
      const double r = bit_correlation(missing[columns[i]], missing[columns[j]], static_cast<double>(n_rows));
      if (std::abs(r) >= 0.3) found[i].push_back({columns[i], columns[j], r});
    }
  });
  std::vector<MissingPair> out;
  for (const auto& pairs : found) out.insert(out.end(), pairs.begin(), pairs.end());
  std::ranges::stable_sort(out, std::greater<>(),
                           [](const MissingPair& p) { return std::abs(p.correlation); });
  return out;
}

/// Which columns are missing, as a sum of random numbers per column, and how many.
struct RowMissing {
  std::uint64_t pattern = 0;
  std::uint32_t count = 0;
  std::uint32_t row = 0;
};

std::vector<RowMissing> missing_of_rows(std::size_t n_rows, const std::vector<Bits>& missing,
                                        std::span<const std::size_t> columns, const Context& context) {
  std::vector<RowMissing> out(n_rows);
  context.parallel_blocks(n_rows, kBlock, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) out[i].row = static_cast<std::uint32_t>(i);
    for (const std::size_t c : columns)
      for (std::size_t word = begin / 64; word < (end + 63) / 64; ++word)
        for (std::uint64_t rest = missing[c][word]; rest != 0; rest &= rest - 1) {
          RowMissing& row = out[word * 64 + static_cast<std::size_t>(std::countr_zero(rest))];
          row.pattern += mixed(c + 1);
          ++row.count;
        }
  });
  return out;
}

}  // namespace

MissingSummary summarize_missing(std::size_t n_rows, const std::vector<Bits>& missing,
                                 std::size_t& n_mostly_missing_rows, const Context& context) {
  MissingSummary out;
  n_mostly_missing_rows = 0;
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < missing.size(); ++c)
    if (!missing[c].empty()) columns.push_back(c);
  out.n_complete_rows = n_rows;
  if (columns.empty()) {
    out.n_patterns = n_rows > 0 ? 1 : 0;
    if (n_rows > 0) out.patterns = {{{}, n_rows}};
    return out;
  }
  std::vector<RowMissing> rows = missing_of_rows(n_rows, missing, columns, context);
  for (const RowMissing& row : rows) {
    out.n_cells += row.count;
    out.n_complete_rows -= row.count > 0;
    n_mostly_missing_rows += missing.size() >= 4 && 2 * row.count > missing.size();
  }
  std::erase_if(rows, [](const RowMissing& row) { return row.count == 0; });
  kernel::radix_sort(rows, [](const RowMissing& row) { return row.pattern; });
  std::vector<std::pair<std::size_t, std::uint32_t>> patterns;  // count, first row
  if (out.n_complete_rows > 0) patterns.emplace_back(out.n_complete_rows, 0);
  const bool has_complete = !patterns.empty();
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin + 1;
    while (end < rows.size() && rows[end].pattern == rows[begin].pattern) ++end;
    patterns.emplace_back(end - begin, rows[begin].row);
    begin = end;
  }
  out.n_patterns = patterns.size();
  std::ranges::sort(patterns.begin() + has_complete, patterns.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  for (std::size_t i = 0; i < patterns.size() && i < kMaxPatterns; ++i) {
    MissingPattern pattern{{}, patterns[i].first};
    if (!has_complete || i > 0)
      for (const std::size_t c : columns)
        if (has_bit(missing[c], patterns[i].second)) pattern.columns.push_back(c);
    out.patterns.push_back(std::move(pattern));
  }
  std::ranges::stable_sort(out.patterns, std::greater<>(), &MissingPattern::n_rows);
  if (columns.size() > kMaxMissingColumns) columns.resize(kMaxMissingColumns);
  out.pairs = missing_pairs(n_rows, missing, columns, context);
  return out;
}

SerialCorrelation serial_correlation(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  if (values.size() < 4) return {};
  double mean = 0;
  for (const double value : values) mean += value / n;
  double s2 = 0, s4 = 0, r = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double d = values[i] - mean, next = values[i + 1 == values.size() ? 0 : i + 1] - mean;
    s2 += d * d;
    s4 += d * d * d * d;
    r += d * next;
  }
  if (!(s2 > 0) || !std::isfinite(s4)) return {};
  // Of values whose sum is 0: the sum of cubes then has no part in the variance.
  const double expected = -s2 / (n - 1);
  const double variance =
      (s2 * s2 - s4) / (n - 1) + (s2 * s2 - 2 * s4) / ((n - 1) * (n - 2)) - expected * expected;
  if (!(variance > 0)) return {r / s2, kNoNumber};
  return {r / s2, (r - expected) / std::sqrt(variance)};
}

}  // namespace kolosal::profile
