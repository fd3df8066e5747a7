#include "kolosal/model/design_matrix.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/kernel/vector_ops.hpp"

namespace kolosal::model {
namespace {

using Kind = FeatureMap::Kind;

/// A number column with fewer non-zero cells than this goes to the sparse part.
constexpr double kDenseShare = 0.25;

/// The number columns of a frame, and which of them are dense.
struct Numbers {
  std::vector<std::vector<double>> sparse_column;  // per column of the frame; empty: dense or no number
  std::vector<std::size_t> dense_columns;
};

/// Writes the dense columns into table.dense and keeps the mostly-zero ones.
Numbers read_numbers(const data::Frame& x, const LinearTable& table) {
  Numbers out;
  out.sparse_column.resize(x.n_columns());
  std::vector<double> values;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (table.map.kind[c] != Kind::kNumber) continue;
    copy_present_numbers(x, c, 0, table.n_rows, values);
    const auto zeros = static_cast<double>(std::count(values.begin(), values.end(), 0.0));
    if (static_cast<double>(table.n_rows) - zeros < kDenseShare * static_cast<double>(table.n_rows))
      out.sparse_column[c] = std::move(values);
    else
      out.dense_columns.push_back(c);
  }
  return out;
}

void fill_dense(const data::Frame& x, const std::vector<std::size_t>& columns, LinearTable& table,
                const Context& context) {
  table.dense.resize(table.n_rows * columns.size());
  context.parallel_blocks(table.n_rows, 4096, [&](std::size_t begin, std::size_t end) {
    std::vector<double> values;
    for (std::size_t d = 0; d < columns.size(); ++d) {
      copy_present_numbers(x, columns[d], begin, end, values);
      for (std::size_t i = begin; i < end; ++i) table.dense[i * columns.size() + d] = values[i - begin];
    }
  });
}

/// Dense features first, the others in the order of the map.
std::vector<std::int32_t> renumber(LinearTable& table, const std::vector<std::size_t>& dense_columns) {
  std::vector<std::int32_t> number_of(static_cast<std::size_t>(table.map.n_features), -1);
  for (std::size_t c : dense_columns) table.feature_of.push_back(table.map.first[c]);
  for (std::size_t j = 0; j < table.feature_of.size(); ++j)
    number_of[static_cast<std::size_t>(table.feature_of[j])] = static_cast<std::int32_t>(j);
  for (std::size_t f = 0; f < number_of.size(); ++f)
    if (number_of[f] < 0) {
      number_of[f] = static_cast<std::int32_t>(table.feature_of.size());
      table.feature_of.push_back(static_cast<std::int32_t>(f));
    }
  table.is_number.assign(number_of.size(), 0);
  for (std::size_t c = 0; c < table.map.kind.size(); ++c)
    if (table.map.kind[c] == Kind::kNumber)
      table.is_number[static_cast<std::size_t>(number_of[static_cast<std::size_t>(table.map.first[c])])] = 1;
  return number_of;
}

void fill_sparse(const data::Frame& x, const Numbers& numbers, const std::vector<std::int32_t>& number_of,
                 LinearTable& table) {
  table.offsets.assign(1, 0);
  table.offsets.reserve(table.n_rows + 1);
  auto push = [&](std::int32_t feature, double value) {
    table.indices.push_back(number_of[static_cast<std::size_t>(feature)]);
    table.values.push_back(value);
  };
  for (std::size_t i = 0; i < table.n_rows; ++i) {
    for (std::size_t c = 0; c < x.n_columns(); ++c) {
      if (table.map.kind[c] == Kind::kCategory) {
        const std::int32_t feature = table.map.category_feature(c, x.column(c).codes()[i]);
        if (feature >= 0) push(feature, 1);
      } else if (table.map.kind[c] == Kind::kSparse) {
        const data::SparseView sparse = x.column(c).sparse();
        for (std::int64_t at = sparse.offsets[i]; at < sparse.offsets[i + 1]; ++at)
          push(table.map.first[c] + sparse.indices[at], static_cast<double>(sparse.values[at]));
      } else if (!numbers.sparse_column[c].empty() && numbers.sparse_column[c][i] != 0) {
        push(table.map.first[c], numbers.sparse_column[c][i]);
      }
    }
    table.offsets.push_back(static_cast<std::int64_t>(table.indices.size()));
  }
}

}  // namespace

std::shared_ptr<const LinearTable> LinearTable::of(const data::Frame& x, const Context& context) {
  auto table = std::make_shared<LinearTable>();
  table->map = FeatureMap::of(x);
  table->n_rows = x.n_rows();
  const Numbers numbers = read_numbers(x, *table);
  table->n_dense = numbers.dense_columns.size();
  fill_dense(x, numbers.dense_columns, *table, context);
  fill_sparse(x, numbers, renumber(*table, numbers.dense_columns), *table);
  return table;
}

DesignMatrix::DesignMatrix(const LinearTable& table, std::span<const std::uint32_t> rows,
                           std::vector<double> weights, bool standardize, const Context& context)
    : table_(table), n_rows_(rows.size()), n_dense_(table.n_dense), weights_(std::move(weights)) {
  total_weight_ = weights_.empty() ? static_cast<double>(n_rows_)
                                   : std::accumulate(weights_.begin(), weights_.end(), 0.0);
  if (!(total_weight_ > 0)) throw Error(ErrorCode::kData, "the training rows have a total weight of 0");
  gather(rows, context);
  measure_means();
  measure_deviations();
  apply_scale(standardize, context);
}

void DesignMatrix::gather(std::span<const std::uint32_t> rows, const Context& context) {
  offsets_.resize(n_rows_ + 1, 0);
  for (std::size_t i = 0; i < n_rows_; ++i)
    offsets_[i + 1] = offsets_[i] + table_.offsets[rows[i] + 1] - table_.offsets[rows[i]];
  dense_.resize(n_rows_ * n_dense_);
  indices_.resize(static_cast<std::size_t>(offsets_.back()));
  values_.resize(indices_.size());
  context.parallel_blocks(n_rows_, 4096, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      std::copy_n(table_.dense.data() + rows[i] * n_dense_, n_dense_, dense_.data() + i * n_dense_);
      const auto from = table_.offsets[rows[i]];
      std::copy_n(table_.indices.data() + from, row_size(i), indices_.data() + offsets_[i]);
      std::copy_n(table_.values.data() + from, row_size(i), values_.data() + offsets_[i]);
    }
  });
}

void DesignMatrix::measure_means() {
  mean_.assign(table_.feature_of.size(), 0.0);
  for (std::size_t i = 0; i < n_rows_; ++i) {
    kernel::axpy(weight(i) / total_weight_, dense_row(i).data(), mean_.data(), n_dense_);
    for (std::size_t at = 0; at < row_size(i); ++at)
      mean_[static_cast<std::size_t>(sparse_indices(i)[at])] +=
          weight(i) / total_weight_ * sparse_values(i)[at];
  }
}

void DesignMatrix::measure_deviations() {
  deviation_.assign(mean_.size(), 0.0);
  std::vector<double> stored(mean_.size(), 0.0);  // weight of the rows that hold a sparse feature
  auto add = [&](std::size_t i, std::size_t j, double value) {
    deviation_[j] += weight(i) * (value - mean_[j]) * (value - mean_[j]);
  };
  for (std::size_t i = 0; i < n_rows_; ++i) {
    for (std::size_t j = 0; j < n_dense_; ++j) add(i, j, dense_row(i)[j]);
    for (std::size_t at = 0; at < row_size(i); ++at) {
      const auto j = static_cast<std::size_t>(sparse_indices(i)[at]);
      add(i, j, sparse_values(i)[at]);
      stored[j] += weight(i);
    }
  }
  for (std::size_t j = 0; j < mean_.size(); ++j) {
    if (j >= n_dense_) deviation_[j] += std::max(0.0, total_weight_ - stored[j]) * mean_[j] * mean_[j];
    deviation_[j] = std::sqrt(deviation_[j] / total_weight_);
    if (deviation_[j] <= 1e-12 * std::fabs(mean_[j])) deviation_[j] = 0;  // a constant, up to rounding
  }
}

void DesignMatrix::apply_scale(bool standardize, const Context& context) {
  const std::size_t p = mean_.size();
  shift_.assign(p, 0.0);
  scale_.assign(p, 1.0);
  std::vector<double> factor(p, 1.0);
  for (std::size_t j = 0; j < p; ++j) {
    if (j < n_dense_) shift_[j] = mean_[j];
    if (standardize && table_.is_number[j] && deviation_[j] > 0) scale_[j] = deviation_[j];
    factor[j] = 1 / scale_[j];
  }
  context.parallel_blocks(n_rows_, 4096, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      kernel::shift_scale(shift_.data(), factor.data(), dense_.data() + i * n_dense_, n_dense_);
      for (auto at = static_cast<std::size_t>(offsets_[i]); at < static_cast<std::size_t>(offsets_[i + 1]);
           ++at)
        values_[at] *= factor[static_cast<std::size_t>(indices_[at])];
    }
  });
  for (std::size_t j = 0; j < p; ++j) {
    mean_[j] = (mean_[j] - shift_[j]) * factor[j];
    deviation_[j] *= factor[j];
  }
}

void DesignMatrix::multiply(std::span<const double> w, std::span<const double> intercept,
                            std::span<double> out, const Context& context) const {
  const std::size_t k = intercept.size();
  context.parallel_blocks(n_rows_, 4096, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      double* row = out.data() + i * k;
      std::copy_n(intercept.data(), k, row);
      const auto dense = dense_row(i);
      const auto indices = sparse_indices(i);
      const auto values = sparse_values(i);
      if (k == 1) {
        double sum = kernel::dot(dense.data(), w.data(), n_dense_);
        for (std::size_t at = 0; at < indices.size(); ++at)
          sum += values[at] * w[static_cast<std::size_t>(indices[at])];
        row[0] += sum;
      } else {
        for (std::size_t j = 0; j < n_dense_; ++j) kernel::axpy(dense[j], w.data() + j * k, row, k);
        for (std::size_t at = 0; at < indices.size(); ++at)
          kernel::axpy(values[at], w.data() + static_cast<std::size_t>(indices[at]) * k, row, k);
      }
    }
  });
}

/// Rows of a block when every block has a result of its own with so many cells: at most 16 blocks and 256 MB
/// of results. Depends on the shape alone, so that sums are the same for any number of threads.
std::size_t DesignMatrix::rows_per_block(std::size_t cells_per_block) const {
  constexpr std::size_t kMaxBlocks = 16, kMaxCells = 32'000'000;
  const std::size_t n_blocks =
      std::clamp<std::size_t>(kMaxCells / std::max<std::size_t>(1, cells_per_block), 1, kMaxBlocks);
  return std::max<std::size_t>(4096, (n_rows_ + n_blocks - 1) / n_blocks);
}

void DesignMatrix::multiply_transposed(std::span<const double> r, std::size_t n_outputs,
                                       std::span<double> out, std::span<double> total,
                                       const Context& context) const {
  const std::size_t k = n_outputs, width = (n_features() + 1) * k;
  const std::size_t grain = rows_per_block(width);
  std::vector<std::vector<double>> partial((n_rows_ + grain - 1) / grain);
  context.parallel_blocks(n_rows_, grain, [&](std::size_t begin, std::size_t end) {
    std::vector<double> sum(width, 0.0);
    double* last = sum.data() + n_features() * k;
    for (std::size_t i = begin; i < end; ++i) {
      const double* row = r.data() + i * k;
      const auto dense = dense_row(i);
      const auto indices = sparse_indices(i);
      const auto values = sparse_values(i);
      if (k == 1) {
        kernel::axpy(row[0], dense.data(), sum.data(), n_dense_);
        for (std::size_t at = 0; at < indices.size(); ++at)
          sum[static_cast<std::size_t>(indices[at])] += values[at] * row[0];
        last[0] += row[0];
      } else {
        for (std::size_t j = 0; j < n_dense_; ++j) kernel::axpy(dense[j], row, sum.data() + j * k, k);
        for (std::size_t at = 0; at < indices.size(); ++at)
          kernel::axpy(values[at], row, sum.data() + static_cast<std::size_t>(indices[at]) * k, k);
        kernel::axpy(1.0, row, last, k);
      }
    }
    partial[begin / grain] = std::move(sum);
  });
  std::fill(out.begin(), out.end(), 0.0);
  std::fill(total.begin(), total.end(), 0.0);
  for (const auto& sum : partial) {
    kernel::axpy(1.0, sum.data(), out.data(), n_features() * k);
    kernel::axpy(1.0, sum.data() + n_features() * k, total.data(), k);
  }
}

void DesignMatrix::add_products(std::span<const double> row_weights, std::size_t begin, std::size_t end,
                                std::vector<double>& gram) const {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const std::size_t p = n_features();
  constexpr std::size_t kRows = 256;  // a block of weighted dense rows stays in the cache
  const auto d = static_cast<Eigen::Index>(n_dense_);
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>> corner(gram.data(), d, d,
                                                     Eigen::OuterStride<>(static_cast<Eigen::Index>(p)));
  for (std::size_t from = begin; from < end && d > 0; from += kRows) {
    const std::size_t to = std::min(end, from + kRows);
    Matrix rows =
        Eigen::Map<const Matrix>(dense_.data() + from * n_dense_, static_cast<Eigen::Index>(to - from), d);
    for (std::size_t i = from; i < to; ++i)
      rows.row(static_cast<Eigen::Index>(i - from)) *= std::sqrt(row_weights[i]);
    corner.selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose());
  }
  for (std::size_t i = begin; i < end; ++i) {
    const auto indices = sparse_indices(i);
    const auto values = sparse_values(i);
    for (std::size_t a = 0; a < indices.size(); ++a) {
      double* row = gram.data() + static_cast<std::size_t>(indices[a]) * p;
      const double scaled = row_weights[i] * values[a];
      kernel::axpy(scaled, dense_row(i).data(), row, n_dense_);
      for (std::size_t b = 0; b <= a; ++b) row[indices[b]] += scaled * values[b];  // indices ascend
    }
  }
}

std::vector<double> DesignMatrix::gram(std::span<const double> row_weights, const Context& context) const {
  const std::size_t p = n_features();
  const std::size_t grain = rows_per_block(p * p);
  std::vector<std::vector<double>> partial((n_rows_ + grain - 1) / grain);
  context.parallel_blocks(n_rows_, grain, [&](std::size_t begin, std::size_t end) {
    std::vector<double> sum(p * p, 0.0);
    add_products(row_weights, begin, end, sum);
    partial[begin / grain] = std::move(sum);
  });
  std::vector<double> out = std::move(partial[0]);
  for (std::size_t b = 1; b < partial.size(); ++b) kernel::axpy(1.0, partial[b].data(), out.data(), p * p);
  return out;
}

std::vector<double> DesignMatrix::centred_gram(const Context& context) const {
  const std::size_t p = n_features();
  std::vector<double> row_weights(n_rows_);
  for (std::size_t i = 0; i < n_rows_; ++i) row_weights[i] = weight(i);
  std::vector<double> out = gram(row_weights, context);
  for (std::size_t j = 0; j < p; ++j)
    kernel::axpy(-total_weight_ * mean_[j], mean_.data(), out.data() + j * p, j + 1);
  return out;
}

LinearModel DesignMatrix::unscale(std::span<const double> w, std::span<const double> intercept) const {
  const std::size_t k = intercept.size();
  LinearModel model;
  model.features = table_.map;
  model.n_outputs = k;
  model.intercept.assign(intercept.begin(), intercept.end());
  model.coefficient.assign(n_features() * k, 0.0);
  for (std::size_t j = 0; j < n_features(); ++j)
    for (std::size_t o = 0; o < k; ++o) {
      const double coefficient = w[j * k + o] / scale_[j];
      model.coefficient[static_cast<std::size_t>(table_.feature_of[j]) * k + o] = coefficient;
      model.intercept[o] -= coefficient * shift_[j];
    }
  return model;
}

std::vector<double> DesignMatrix::table_deviation() const {
  std::vector<double> out(n_features());
  for (std::size_t j = 0; j < n_features(); ++j)
    out[static_cast<std::size_t>(table_.feature_of[j])] = deviation_[j] * scale_[j];
  return out;
}

}  // namespace kolosal::model
