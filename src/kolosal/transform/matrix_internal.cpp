#include "kolosal/transform/matrix_internal.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "kolosal/kernel/column_ops.hpp"
#include "kolosal/kernel/matrix_tiles.hpp"

namespace kolosal::transform {
namespace {

using kernel::kTileColumns;
using kernel::kTileRows;

constexpr std::size_t kBlockRows = 64;  // packed: 8 KB per panel of columns; two take half of the first cache
constexpr std::size_t kBandPanels = 16;  // packed: 128 KB per band of panels; two fit the second cache
constexpr std::size_t kMostTasks = 16;   // of one product of columns
constexpr std::size_t kLeastBlocks = 8;  // of rows, for a task to be worth its sums

std::size_t divided_up(std::size_t n, std::size_t by) { return (n + by - 1) / by; }

// For rows that ascend, as those of a fit do.
bool are_in_a_row(std::span<const std::uint32_t> rows) {
  return rows.back() - rows.front() == rows.size() - 1;
}

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

// The products of panels i and j <= i lie side by side, so that those of a band stay in the second cache.
std::size_t tile_at(std::size_t i, std::size_t j) {
  return (i * (i + 1) / 2 + j) * kTileColumns * kTileColumns;
}

// Adds the products of the columns of bands a and b <= a over rows [first_row, last_row) to sums.
void add_band_products(const ColumnMatrix& x, std::size_t a, std::size_t b, std::size_t first_row,
                       std::size_t last_row, double* sums) {
  const std::size_t n_panels = divided_up(x.n_columns, kTileColumns);
  const auto band = [&](std::size_t i) {
    return std::pair(i * kBandPanels, std::min(n_panels, (i + 1) * kBandPanels));
  };
  const auto [a_begin, a_end] = band(a);
  const auto [b_begin, b_end] = band(b);
  constexpr std::size_t kPanelCells = kBlockRows * kTileColumns;
  std::vector<double> a_packed((a_end - a_begin) * kPanelCells),
      b_packed(a == b ? 0 : (b_end - b_begin) * kPanelCells);
  for (std::size_t begin = first_row; begin < last_row; begin += kBlockRows) {
    const std::size_t end = std::min(last_row, begin + kBlockRows);
    for (std::size_t i = a_begin; i < a_end; ++i)
      pack_panel(x, i, begin, end, a_packed.data() + (i - a_begin) * kPanelCells);
    if (a != b)
      for (std::size_t j = b_begin; j < b_end; ++j)
        pack_panel(x, j, begin, end, b_packed.data() + (j - b_begin) * kPanelCells);
    for (std::size_t i = a_begin; i < a_end; ++i)
      for (std::size_t j = b_begin; j < (a == b ? i + 1 : b_end); ++j)
        for (std::size_t t = 0; t < kTileColumns; t += kTileRows)
          kernel::add_tile_products(a_packed.data() + (i - a_begin) * kPanelCells + t, kTileColumns,
                                    (a == b ? a_packed : b_packed).data() + (j - b_begin) * kPanelCells,
                                    end - begin, sums + tile_at(i, j) + t * kTileColumns, kTileColumns);
  }
}

}  // namespace

std::vector<double> gram_of(const ColumnMatrix& x, const Context& context) {
  const std::size_t n_panels = divided_up(x.n_columns, kTileColumns);
  const std::size_t n_bands = divided_up(n_panels, kBandPanels);
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t a = 0; a < n_bands; ++a)
    for (std::size_t b = 0; b <= a; ++b) pairs.emplace_back(a, b);
  // Few columns are split by rows, many by bands. How does not depend on the number of threads.
  const std::size_t n_blocks = divided_up(x.n_rows, kBlockRows);
  const std::size_t per_slice = std::max(
      divided_up(n_blocks, std::max<std::size_t>(1, kMostTasks / std::max<std::size_t>(1, pairs.size()))),
      kLeastBlocks);
  const std::size_t n_slices = divided_up(n_blocks, per_slice);
  std::vector<std::vector<double>> sums(n_slices, std::vector<double>(tile_at(n_panels, 0)));
  context.parallel_blocks(n_slices * pairs.size(), 1, [&](std::size_t task, std::size_t) {
    const auto [a, b] = pairs[task % pairs.size()];
    const std::size_t slice = task / pairs.size();
    const std::size_t begin = slice * per_slice * kBlockRows;
    add_band_products(x, a, b, begin, std::min(x.n_rows, begin + per_slice * kBlockRows), sums[slice].data());
  });
  std::vector<double> out(x.n_columns * x.n_columns);
  for (std::size_t i = 0; i < x.n_columns; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const std::size_t at =
          tile_at(i / kTileColumns, j / kTileColumns) + i % kTileColumns * kTileColumns + j % kTileColumns;
      double sum = 0;
      for (const auto& part : sums) sum += part[at];
      out[i * x.n_columns + j] = out[j * x.n_columns + i] = sum;
    }
  return out;
}

std::vector<std::vector<double>> product_of(const ColumnMatrix& x, std::span<const double> w, std::size_t k,
                                            const Context& context) {
  const std::size_t n_groups = divided_up(k, kTileRows);
  std::vector<double> weights(n_groups * kTileRows * x.n_columns);  // by group, column and output
  for (std::size_t c = 0; c < x.n_columns; ++c)
    for (std::size_t j = 0; j < k; ++j)
      weights[(j / kTileRows * x.n_columns + c) * kTileRows + j % kTileRows] = w[c * k + j];
  std::vector<std::vector<double>> out(k);
  context.parallel_blocks(k, 1, [&](std::size_t j, std::size_t) { out[j].resize(x.n_rows); });
  constexpr std::size_t kRows = 128;
  context.parallel_blocks(x.n_rows, 32 * kRows, [&](std::size_t first, std::size_t last) {
    std::vector<double> packed(kRows * x.n_columns);  // by 16 rows, column and row
    double cells[kRows] = {};
    for (std::size_t begin = first; begin < last; begin += kRows) {
      const std::size_t n = std::min(kRows, last - begin);
      for (std::size_t c = 0; c < x.n_columns; ++c) {
        x.fill(c, begin, begin + n, cells);
        for (std::size_t i = 0; i < kRows; i += kTileColumns)
          std::copy_n(cells + i, kTileColumns, packed.data() + (i * x.n_columns + c * kTileColumns));
      }
      for (std::size_t i = 0; i < n; i += kTileColumns)
        for (std::size_t g = 0; g < n_groups; ++g) {
          double tile[kTileRows * kTileColumns] = {};
          kernel::add_tile_products(weights.data() + g * kTileRows * x.n_columns, kTileRows,
                                    packed.data() + i * x.n_columns, x.n_columns, tile, kTileColumns);
          for (std::size_t j = 0; j < kTileRows && g * kTileRows + j < k; ++j)
            std::copy_n(tile + j * kTileColumns, std::min(kTileColumns, n - i),
                        out[g * kTileRows + j].data() + begin + i);
        }
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

CentredColumns::CentredColumns(const data::Frame& x)
    : CentredColumns(x, std::vector<double>(x.n_columns()), std::vector<double>(x.n_columns(), 1.0)) {}

CentredColumns::CentredColumns(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const Context& context)
    : CentredColumns(x) {
  take_means(rows, context);
}

void CentredColumns::take_means(std::span<const std::uint32_t> rows, const Context& context) {
  context.parallel_blocks(n_columns(), 1, [&](std::size_t c, std::size_t) {
    // Blocks of rows keep the rounding small; their sums are added in order.
    double sum = 0, cells[kRowGrain];
    std::size_t count = 0;
    for (std::size_t begin = 0; begin < rows.size(); begin += kRowGrain) {
      const auto block = rows.subspan(begin, std::min(kRowGrain, rows.size() - begin));
      const double* from = columns_[c].values().data() + block[0];
      if (!are_in_a_row(block)) {
        for (std::size_t i = 0; i < block.size(); ++i) cells[i] = columns_[c][block[i]];
        from = cells;
      }
      const auto part = kernel::finite_sum(from, kLargestToSquare, block.size());
      sum += part.sum;
      count += part.count;
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

std::size_t CentredColumns::fill(std::size_t c, std::size_t first_row, std::size_t n, double* out) const {
  return kernel::centre_finite(columns_[c].values().data() + first_row, kLargestToSquare, mean_[c], scale_[c],
                               out, n);
}

std::size_t CentredColumns::fill_of(std::size_t c, std::span<const std::uint32_t> rows, double* out) const {
  if (rows.empty()) return 0;
  if (are_in_a_row(rows)) return fill(c, rows.front(), rows.size(), out);
  std::size_t n_there = 0;
  for (const std::uint32_t row : rows) n_there += fill(c, row, 1, out++);
  return n_there;
}

ColumnMatrix CentredColumns::of_rows(std::span<const std::uint32_t> rows) const {
  return {rows.size(), n_columns(),
          [this, rows](std::size_t c, std::size_t begin, std::size_t end, double* out) {
            fill_of(c, rows.subspan(begin, end - begin), out);
          }};
}

std::vector<double> CentredColumns::gram_of_rows(std::span<const std::uint32_t> rows,
                                                 const Context& context) {
  // Where the middle is about: stretches of the rows.
  const std::size_t p = n_columns(), n = rows.size();
  if (n == 0) return std::vector<double>(p * p);
  constexpr std::size_t kStretches = 8, kStretch = 512;
  std::vector<std::uint32_t> some;
  for (std::size_t i = 0; i < kStretches; ++i) {
    const auto part = rows.subspan(i * n / kStretches);
    for (const std::uint32_t row : part.first(std::min({kStretch, part.size(), divided_up(n, kStretches)})))
      some.push_back(row);
  }
  take_means(some, context);
  std::atomic<bool> holes = false;
  // A last column of ones gives the sums.
  const ColumnMatrix wide{
      n, p + 1, [&](std::size_t c, std::size_t begin, std::size_t end, double* out) {
        if (c == p)
          std::fill_n(out, end - begin, 1.0);
        else if (!holes && fill_of(c, rows.subspan(begin, end - begin), out) < end - begin)
          holes = true;
      }};
  const auto found = gram_of(wide, context);
  if (holes) {  // they count as the mean, which has to be known before
    take_means(rows, context);
    return gram_of(of_rows(rows), context);
  }
  std::vector<double> out(p * p), by(p);
  for (std::size_t c = 0; c < p; ++c) {
    by[c] = found[p * (p + 1) + c] / static_cast<double>(n);
    mean_[c] += by[c];
  }
  for (std::size_t i = 0; i < p; ++i)
    for (std::size_t j = 0; j < p; ++j)
      out[i * p + j] = found[i * (p + 1) + j] - by[i] * by[j] * static_cast<double>(n);
  return out;
}

ColumnMatrix CentredColumns::all(std::size_t n_rows) const {
  return {n_rows, n_columns(), [this](std::size_t c, std::size_t begin, std::size_t end, double* out) {
            fill(c, begin, end - begin, out);
          }};
}

}  // namespace kolosal::transform
