#include "kolosal/transform/cross_moments_internal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {
namespace {

// Calls body(block of cells) for all rows of a column; cells that are too large to square are cut.
template <typename Body>
void for_each_block(const ColumnMatrix& x, std::size_t c, std::size_t begin, std::size_t end, Body&& body) {
  double cells[kRowGrain];
  for (std::size_t first = begin; first < end; first += kRowGrain) {
    const std::size_t n = std::min(kRowGrain, end - first);
    x.fill(c, first, first + n, cells);
    for (std::size_t i = 0; i < n; ++i)
      if (std::isfinite(cells[i])) cells[i] = std::clamp(cells[i], -kLargestToSquare, kLargestToSquare);
    body(std::span<const double>(cells, n));
  }
}

struct ColumnMean {
  double count = 0;
  double mean = 0;
};

ColumnMean mean_of(const ColumnMatrix& x, std::size_t c) {
  ColumnMean out;
  double sum = 0;
  for_each_block(x, c, 0, x.n_rows, [&](std::span<const double> cells) {
    double part = 0;
    for (const double cell : cells) {
      if (!std::isfinite(cell)) continue;
      part += cell;
      out.count += 1;
    }
    sum += part;
  });
  if (out.count > 0) out.mean = sum / out.count;
  return out;
}

}  // namespace

CrossMoments::CrossMoments(std::size_t n_columns)
    : centre_(n_columns),
      products_(n_columns * n_columns),
      sums_(n_columns * n_columns),
      both_(n_columns * n_columns) {}

void CrossMoments::add(const ColumnMatrix& x, const Context& context) {
  if (x.n_rows == 0) return;
  const std::size_t n = n_columns();
  std::vector<ColumnMean> means(n);
  context.parallel_blocks(n, 1, [&](std::size_t c, std::size_t) { means[c] = mean_of(x, c); });

  // Beside the columns, one of ones and the presence of each column with holes: one product gives all sums.
  std::vector<std::size_t> presence(n, n), holed;  // presence: where the 0/1 column of each column is
  for (std::size_t c = 0; c < n; ++c) {
    if (means[c].count == static_cast<double>(x.n_rows)) continue;
    holed.push_back(c);
    presence[c] = n + holed.size();
  }
  const ColumnMatrix wide{x.n_rows, n + 1 + holed.size(),
                          [&](std::size_t c, std::size_t begin, std::size_t end, double* out) {
                            if (c == n) {
                              std::fill_n(out, end - begin, 1.0);
                              return;
                            }
                            const std::size_t column = c < n ? c : holed[c - n - 1];
                            for_each_block(x, column, begin, end, [&](std::span<const double> cells) {
                              for (const double cell : cells)
                                *out++ = !std::isfinite(cell) ? 0 : c < n ? cell - means[column].mean : 1;
                            });
                          }};
  const auto gram = gram_of(wide, context);
  CrossMoments part(n);
  part.n_rows_ = x.n_rows;
  for (std::size_t i = 0; i < n; ++i) {
    part.centre_[i] = means[i].mean;
    for (std::size_t j = 0; j < n; ++j) {
      part.products_[at(i, j)] = gram[i * wide.n_columns + j];
      part.sums_[at(i, j)] = gram[i * wide.n_columns + presence[j]];
      part.both_[at(i, j)] = gram[presence[i] * wide.n_columns + presence[j]];
    }
  }
  merge(part);
}

// u becomes u - by where there is a cell.
void CrossMoments::move_centres(const std::vector<double>& by) {
  const std::size_t n = n_columns();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const std::size_t a = at(i, j), b = at(j, i);
      products_[a] += by[i] * by[j] * both_[a] - by[j] * sums_[a] - by[i] * sums_[b];
      products_[b] = products_[a];
      sums_[a] -= by[i] * both_[a];
      if (i != j) sums_[b] -= by[j] * both_[b];
    }
  for (std::size_t c = 0; c < n; ++c) centre_[c] += by[c];
}

void CrossMoments::merge(const CrossMoments& other) {
  if (other.n_rows_ == 0) return;
  if (n_rows_ == 0) {
    *this = other;
    return;
  }
  const std::size_t n = n_columns();
  CrossMoments theirs = other;
  std::vector<double> by(n), theirs_by(n);
  for (std::size_t c = 0; c < n; ++c) {
    const double all = count(c) + other.count(c);
    const double mean = centre_[c] + offset(c), apart = other.centre_[c] + other.offset(c) - mean;
    const double centre =
        count(c) > 0 ? mean + apart * (other.count(c) / std::max(1.0, all)) : other.centre_[c];
    by[c] = count(c) > 0 ? centre - centre_[c] : 0;
    theirs_by[c] = other.count(c) > 0 ? centre - other.centre_[c] : 0;
  }
  move_centres(by);
  theirs.move_centres(theirs_by);
  for (std::size_t c = 0; c < n; ++c)
    if (count(c) == 0) centre_[c] = theirs.centre_[c];
  n_rows_ += theirs.n_rows_;
  for (std::size_t i = 0; i < products_.size(); ++i) {
    products_[i] += theirs.products_[i];
    sums_[i] += theirs.sums_[i];
    both_[i] += theirs.both_[i];
  }
}

std::vector<double> CrossMoments::mean() const {
  std::vector<double> out;
  for (std::size_t c = 0; c < n_columns(); ++c) out.push_back(centre_[c] + offset(c));
  return out;
}

std::vector<double> CrossMoments::gram() const {
  CrossMoments centred = *this;
  std::vector<double> by;
  for (std::size_t c = 0; c < n_columns(); ++c) by.push_back(offset(c));
  centred.move_centres(by);
  return std::move(centred.products_);
}

}  // namespace kolosal::transform
