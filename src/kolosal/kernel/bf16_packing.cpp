#include <algorithm>
#include <bit>
#include <cstring>

#include "kolosal/core/half_floats.hpp"
#include "kolosal/kernel/bf16_products.hpp"
#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

// Loops of a length that the compiler knows become vectors.
constexpr std::size_t kTogether = 16;

/// to_bfloat16() in the upper half.
KOLOSAL_KERNEL_INLINE std::uint32_t rounded(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t nearest = bits + 0x7FFFU + ((bits >> 16) & 1U), quiet = bits | 0x400000U;
  return static_cast<std::int32_t>(bits & 0x7FFFFFFFU) > 0x7F800000 ? quiet : nearest;
}

/// out[i]: first[i] in the lower half, second[i] in the upper one.
KOLOSAL_KERNEL(void, round_pairs,
               (const float* first, const float* second, std::size_t n, std::uint32_t* out),
               (first, second, n, out)) {
  std::size_t i = 0;
  for (; i + kTogether <= n; i += kTogether)
    for (std::size_t t = 0; t < kTogether; ++t)
      out[i + t] = rounded(first[i + t]) >> 16 | (rounded(second[i + t]) & 0xFFFF0000U);
  for (; i < n; ++i) out[i] = rounded(first[i]) >> 16 | (rounded(second[i]) & 0xFFFF0000U);
}

KOLOSAL_KERNEL(void, round_row, (const float* x, std::size_t n, std::uint16_t* out), (x, n, out)) {
  std::size_t i = 0;
  for (; i + kTogether <= n; i += kTogether)
    for (std::size_t t = 0; t < kTogether; ++t)
      out[i + t] = static_cast<std::uint16_t>(rounded(x[i + t]) >> 16);
  for (; i < n; ++i) out[i] = static_cast<std::uint16_t>(rounded(x[i]) >> 16);
}

/// 16 columns of two depths, of which the second may be absent.
void pack_pair(const float* first, const float* second, std::size_t column_stride, std::size_t n,
               std::uint16_t* out) {
  float rows[2][kBf16Columns] = {};
  for (std::size_t c = 0; c < n; ++c) {
    rows[0][c] = first[c * column_stride];
    if (second != nullptr) rows[1][c] = second[c * column_stride];
  }
  std::uint32_t pairs[kBf16Columns];
  round_pairs(rows[0], rows[1], kBf16Columns, pairs);
  std::memcpy(out, pairs, sizeof(pairs));
}

/// A matrix whose depths stand together, column by column.
void pack_columns(const float* b, std::size_t column_stride, std::size_t depth, std::size_t n,
                  std::uint16_t* out) {
  constexpr std::size_t kChunk = 256;
  std::uint16_t column[kChunk];
  const std::size_t padded = bf16_depth(depth);
  if (n < kBf16Columns) std::fill_n(out, padded * kBf16Columns, std::uint16_t{0});
  for (std::size_t c = 0; c < n; ++c)
    for (std::size_t first = 0; first < padded; first += kChunk) {
      const std::size_t given = std::min(kChunk, depth - first), size = std::min(kChunk, padded - first);
      round_row(b + c * column_stride + first, given, column);
      std::fill(column + given, column + size, std::uint16_t{0});
      for (std::size_t k = 0; k < size; k += 2)
        std::memcpy(out + (first + k) * kBf16Columns + 2 * c, column + k, 2 * sizeof(std::uint16_t));
    }
}

}  // namespace

void pack_bf16_panels(const float* b, std::size_t depth_stride, std::size_t column_stride, std::size_t depth,
                      std::size_t n_columns, std::uint16_t* out) {
  for (std::size_t first = 0; first < n_columns; first += kBf16Columns) {
    const std::size_t n = std::min(kBf16Columns, n_columns - first);
    const float* const from = b + first * column_stride;
    std::uint16_t* const panel = out + first * bf16_depth(depth);
    if (depth_stride == 1 && depth > 0) {
      pack_columns(from, column_stride, depth, n, panel);
      continue;
    }
    for (std::size_t k = 0; k < depth; k += 2) {
      const float* const row = from + k * depth_stride;
      if (column_stride == 1 && n == kBf16Columns && k + 1 < depth) {
        std::uint32_t pairs[kBf16Columns];
        round_pairs(row, row + depth_stride, kBf16Columns, pairs);
        std::memcpy(panel + k * kBf16Columns, pairs, sizeof(pairs));
      } else {
        pack_pair(row, k + 1 < depth ? row + depth_stride : nullptr, column_stride, n,
                  panel + k * kBf16Columns);
      }
    }
  }
}

void pack_bf16_rows(LeftFactor a, std::size_t n_rows, std::size_t depth, std::uint16_t* out) {
  const std::size_t padded = bf16_depth(depth);
  if (depth % 2 == 1)
    for (std::size_t i = 0; i < n_rows; ++i) out[i * padded + depth] = 0;
  if (a.depth_stride == 1 || a.row_stride != 1) {
    for (std::size_t i = 0; i < n_rows; ++i) {
      if (a.depth_stride == 1) {
        round_row(a.values + i * a.row_stride, depth, out + i * padded);
        continue;
      }
      for (std::size_t k = 0; k < depth; ++k)
        out[i * padded + k] = to_bfloat16(a.values[i * a.row_stride + k * a.depth_stride]);
    }
    return;
  }
  // Rows that stand side by side at each depth: two depths at a time.
  constexpr std::size_t kRows = 64;
  std::uint32_t pairs[kRows];
  for (std::size_t i = 0; i < n_rows; i += kRows) {
    const std::size_t n = std::min(kRows, n_rows - i);
    for (std::size_t k = 0; k + 1 < depth; k += 2) {
      const float* const first = a.values + i + k * a.depth_stride;
      round_pairs(first, first + a.depth_stride, n, pairs);
      for (std::size_t r = 0; r < n; ++r)
        std::memcpy(out + (i + r) * padded + k, pairs + r, sizeof(pairs[r]));
    }
    if (depth % 2 == 0) continue;
    for (std::size_t r = 0; r < n; ++r)
      out[(i + r) * padded + depth - 1] = to_bfloat16(a.values[i + r + (depth - 1) * a.depth_stride]);
  }
}

}  // namespace kolosal::kernel
