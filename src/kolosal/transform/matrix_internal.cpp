#include "kolosal/transform/matrix_internal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/kernel/column_ops.hpp"
#include "kolosal/kernel/matrix_tiles.hpp"

namespace kolosal::transform {
namespace {

using kernel::kTileColumns;
using kernel::kTileRows;

constexpr std::size_t kBlockRows = 1024;  // packed: 16 KB per panel of columns, 1.6 MB for 200 columns
constexpr std::size_t kChunkRows = 64;    // of two panels take half of the first cache

std::size_t divided_up(std::size_t n, std::size_t by) { return (n + by - 1) / by; }

// Rows [begin, end) of 16 columns side by side: out[row * 16 + column]. Columns beyond the last are 0.
void pack_panel(const ColumnMatrix& x, std::size_t panel, std::size_t begin, std::size_t end, double* out) {
  double cells[kBlockRows];
  for (std::size_t j = 0; j < kTileColumns; ++j) {
    const std::size_t c = panel * kTileColumns + j;
    if (c < x.n_columns)
      x.fill(c, begin, end, cells);
    else
      std::fill_n(cells, end - begin, 0.0);
    for (std::size_t i = 0; i < end - begin; ++i) out[i * kTileColumns + j] = cells[i];
  }
}

}  // namespace

std::vector<double> gram_of(const ColumnMatrix& x, const Context& context) {
  const std::size_t n_panels = divided_up(x.n_columns, kTileColumns), width = n_panels * kTileColumns;
  std::vector<double> padded(width * width), packed(width * kBlockRows);
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t a = 0; a < n_panels; ++a)
    for (std::size_t b = 0; b <= a; ++b) pairs.emplace_back(a, b);
  for (std::size_t begin = 0; begin < x.n_rows; begin += kBlockRows) {
    const std::size_t n = std::min(kBlockRows, x.n_rows - begin);
    context.parallel_blocks(n_panels, 1, [&](std::size_t p, std::size_t) {
      pack_panel(x, p, begin, begin + n, packed.data() + p * kTileColumns * kBlockRows);
    });
    // All pairs of a chunk before the next one: the chunks of all panels fit the second cache.
    context.parallel_blocks(
        pairs.size(), divided_up(pairs.size(), 8), [&](std::size_t first, std::size_t last) {
          for (std::size_t r = 0; r < n; r += kChunkRows)
            for (std::size_t i = first; i < last; ++i) {
              const auto [a, b] = pairs[i];
              const double* left = packed.data() + (a * kBlockRows + r) * kTileColumns;
              const double* right = packed.data() + (b * kBlockRows + r) * kTileColumns;
              double* out = padded.data() + a * kTileColumns * width + b * kTileColumns;
              for (std::size_t t = 0; t < kTileColumns; t += kTileRows)
                kernel::add_tile_products(left + t, kTileColumns, right, std::min(kChunkRows, n - r),
                                          out + t * width, width);
            }
        });
  }
  std::vector<double> out(x.n_columns * x.n_columns);
  for (std::size_t i = 0; i < x.n_columns; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      out[i * x.n_columns + j] = out[j * x.n_columns + i] = padded[i * width + j];
  return out;
}

std::vector<std::vector<double>> product_of(const ColumnMatrix& x, std::span<const double> w, std::size_t k,
                                            const Context& context) {
  const std::size_t n_groups = divided_up(k, kTileRows);
  std::vector<double> weights(n_groups * kTileRows * x.n_columns);  // by group, column and output
  for (std::size_t c = 0; c < x.n_columns; ++c)
    for (std::size_t j = 0; j < k; ++j)
      weights[(j / kTileRows * x.n_columns + c) * kTileRows + j % kTileRows] = w[c * k + j];
  std::vector<std::vector<double>> out(k, std::vector<double>(x.n_rows));
  constexpr std::size_t kRows = 256;
  context.parallel_blocks(x.n_rows, kRows, [&](std::size_t begin, std::size_t end) {
    std::vector<double> packed(kRows * x.n_columns);  // by 16 rows, column and row
    double cells[kRows] = {};
    for (std::size_t c = 0; c < x.n_columns; ++c) {
      x.fill(c, begin, end, cells);
      for (std::size_t i = 0; i < kRows; i += kTileColumns)
        std::copy_n(cells + i, kTileColumns, packed.data() + (i * x.n_columns + c * kTileColumns));
    }
    for (std::size_t i = 0; i < end - begin; i += kTileColumns)
      for (std::size_t g = 0; g < n_groups; ++g) {
        double tile[kTileRows * kTileColumns] = {};
        kernel::add_tile_products(weights.data() + g * kTileRows * x.n_columns, kTileRows,
                                  packed.data() + i * x.n_columns, x.n_columns, tile, kTileColumns);
        for (std::size_t j = 0; j < kTileRows && g * kTileRows + j < k; ++j)
          std::copy_n(tile + j * kTileColumns, std::min(kTileColumns, end - begin - i),
                      out[g * kTileRows + j].data() + begin + i);
      }
  });
  return out;
}

std::vector<std::vector<double>> transposed_product_of(const ColumnMatrix& x,
                                                       const std::vector<std::vector<double>>& y,
                                                       const Context& context) {
  const std::size_t k = y.size(), n_groups = divided_up(k, kTileRows);
  std::vector<double> packed(n_groups * x.n_rows * kTileRows);  // by group, row and output
  context.parallel_blocks(k, 1, [&](std::size_t j, std::size_t) {
    double* to = packed.data() + j / kTileRows * x.n_rows * kTileRows + j % kTileRows;
    for (std::size_t i = 0; i < x.n_rows; ++i) to[i * kTileRows] = y[j][i];
  });
  std::vector<std::vector<double>> out(k, std::vector<double>(x.n_columns));
  context.parallel_blocks(divided_up(x.n_columns, kTileColumns), 1, [&](std::size_t panel, std::size_t) {
    std::vector<double> block(kBlockRows * kTileColumns), sums(n_groups * kTileRows * kTileColumns);
    for (std::size_t begin = 0; begin < x.n_rows; begin += kBlockRows) {
      const std::size_t n = std::min(kBlockRows, x.n_rows - begin);
      pack_panel(x, panel, begin, begin + n, block.data());
      for (std::size_t g = 0; g < n_groups; ++g)
        kernel::add_tile_products(packed.data() + (g * x.n_rows + begin) * kTileRows, kTileRows, block.data(),
                                  n, sums.data() + g * kTileRows * kTileColumns, kTileColumns);
    }
    const std::size_t first = panel * kTileColumns, n = std::min(kTileColumns, x.n_columns - first);
    for (std::size_t j = 0; j < k; ++j) std::copy_n(sums.data() + j * kTileColumns, n, out[j].data() + first);
  });
  return out;
}

CentredColumns::CentredColumns(const data::Frame& x, std::vector<double> mean, std::vector<double> scale)
    : mean_(std::move(mean)), scale_(std::move(scale)) {
  for (std::size_t c = 0; c < x.n_columns(); ++c) columns_.emplace_back(x.column(c));
}

CentredColumns::CentredColumns(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const Context& context)
    : CentredColumns(x, std::vector<double>(x.n_columns()), std::vector<double>(x.n_columns(), 1.0)) {
  context.parallel_blocks(n_columns(), 1, [&](std::size_t c, std::size_t) {
    // Blocks of rows keep the rounding small; their sums are added in order.
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t begin = 0; begin < rows.size(); begin += kRowGrain) {
      double part = 0;
      for (const std::uint32_t row : rows.subspan(begin, std::min(kRowGrain, rows.size() - begin))) {
        const double value = columns_[c][row];
        if (!std::isfinite(value)) continue;
        part += std::clamp(value, -kLargestToSquare, kLargestToSquare);
        ++count;
      }
      sum += part;
    }
    mean_[c] = count == 0 ? 0 : sum / static_cast<double>(count);
  });
}

void CentredColumns::standardize(std::span<const std::uint32_t> rows, const Context& context) {
  context.parallel_blocks(n_columns(), 1, [&](std::size_t c, std::size_t) {
    double sum = 0;
    for (const std::uint32_t row : rows) {
      const double value = cell(c, row) - mean_[c];
      sum += value * value;
    }
    const double deviation = rows.empty() ? 0 : std::sqrt(sum / static_cast<double>(rows.size()));
    // What rounding of the mean alone can leave is no variation.
    const bool varies = deviation > kLeastVariation * std::abs(mean_[c]);
    scale_[c] = varies ? deviation : 1;
  });
}

double CentredColumns::cell(std::size_t c, std::size_t row) const {
  const double value = columns_[c][row];
  return std::isfinite(value) ? std::clamp(value, -kLargestToSquare, kLargestToSquare) : mean_[c];
}

void CentredColumns::fill(std::size_t c, std::size_t first_row, std::size_t n, double* out) const {
  kernel::fill_not_finite(columns_[c].values().data() + first_row, mean_[c], out, n);
  kernel::clip(kLargestToSquare, out, n);
  kernel::centre_divide(out, mean_[c], scale_[c], out, n);
}

ColumnMatrix CentredColumns::of_rows(std::span<const std::uint32_t> rows) const {
  return {rows.size(), n_columns(),
          [this, rows](std::size_t c, std::size_t begin, std::size_t end, double* out) {
            if (begin == end) return;
            const bool in_a_row = rows[end - 1] - rows[begin] == end - 1 - begin;  // they ascend
            if (in_a_row) return fill(c, rows[begin], end - begin, out);
            for (std::size_t i = begin; i < end; ++i)
              out[i - begin] = (cell(c, rows[i]) - mean_[c]) / scale_[c];
          }};
}

ColumnMatrix CentredColumns::all(std::size_t n_rows) const {
  return {n_rows, n_columns(), [this](std::size_t c, std::size_t begin, std::size_t end, double* out) {
            fill(c, begin, end - begin, out);
          }};
}

}  // namespace kolosal::transform
