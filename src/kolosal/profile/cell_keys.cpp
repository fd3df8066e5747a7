#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/hash.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/profile/cell_keys_internal.hpp"

namespace kolosal::profile {
namespace {

using data::Column;
using data::ColumnType;

std::uint64_t float_key(double value) {
  return std::isnan(value) ? kMissingKey : std::bit_cast<std::uint64_t>(value + 0.0);
}

void sparse_keys(const Column& column, std::size_t begin, std::span<std::uint64_t> out) {
  const data::SparseView view = column.sparse();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto from = static_cast<std::size_t>(view.offsets[begin + i]);
    const auto n = static_cast<std::size_t>(view.offsets[begin + i + 1]) - from;
    out[i] = hash_bytes(view.values + from, n * sizeof(float),
                        hash_bytes(view.indices + from, n * sizeof(std::int32_t), 0));
  }
}

}  // namespace

void cell_keys(const Column& column, std::size_t begin, std::span<std::uint64_t> out) {
  const std::size_t n = out.size();
  switch (column.type()) {
    case ColumnType::kFloat64:
      std::ranges::transform(column.float64s().subspan(begin, n), out.begin(), float_key);
      return;
    case ColumnType::kFloat32:
      std::ranges::transform(column.float32s().subspan(begin, n), out.begin(),
                             [](float value) { return float_key(double{value}); });
      return;
    case ColumnType::kCategory:
      std::ranges::transform(column.codes().subspan(begin, n), out.begin(), [](std::int32_t code) {
        return code < 0 ? kMissingKey : static_cast<std::uint64_t>(code);
      });
      return;
    case ColumnType::kBool:
      std::ranges::copy(column.bools().subspan(begin, n), out.begin());
      break;
    case ColumnType::kInt64:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      std::ranges::transform(column.int64s().subspan(begin, n), out.begin(),
                             [](std::int64_t value) { return static_cast<std::uint64_t>(value); });
      break;
    case ColumnType::kText:
      for (std::size_t i = 0; i < n; ++i) {
        const std::string_view text = column.text(begin + i);
        out[i] = hash_bytes(text.data(), text.size(), 0);
      }
      break;
    case ColumnType::kSparse:
      sparse_keys(column, begin, out);
      return;
  }
  if (!column.valid_bits()) return;
  for (std::size_t i = 0; i < n; ++i)
    if (!data::test_bit(column.valid_bits(), begin + i + column.valid_bit_offset())) out[i] = kMissingKey;
}

std::vector<std::uint64_t> missing_bits(const Column& column) {
  if (column.type() == ColumnType::kSparse || column.n_missing() == 0) return {};
  std::vector<std::uint64_t> out((column.size() + 63) / 64);
  const auto fill = [&](auto is_missing) {
    for (std::size_t i = 0; i < column.size(); ++i)
      out[i / 64] |= static_cast<std::uint64_t>(is_missing(i)) << (i % 64);
  };
  if (column.type() == ColumnType::kFloat64)
    fill([cells = column.float64s()](std::size_t i) { return std::isnan(cells[i]); });
  else if (column.type() == ColumnType::kCategory)
    fill([cells = column.codes()](std::size_t i) { return cells[i] < 0; });
  else
    fill([&](std::size_t i) { return column.is_missing(i); });
  return out;
}

std::vector<std::uint32_t> draw_rows(std::size_t n, std::size_t m, std::uint64_t seed) {
  std::vector<std::uint32_t> out(std::min(n, m));
  if (n <= m) {
    std::iota(out.begin(), out.end(), 0U);
    return out;
  }
  Rng rng(seed);
  for (std::size_t i = 0; i < m; ++i) {
    const std::size_t begin = i * n / m, end = (i + 1) * n / m;
    out[i] = static_cast<std::uint32_t>(begin + rng.below(end - begin));
  }
  return out;
}

}  // namespace kolosal::profile
