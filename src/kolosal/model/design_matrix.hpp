#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kolosal/model/estimator.hpp"
#include "kolosal/model/feature_map.hpp"
#include "kolosal/model/linear_model.hpp"

namespace kolosal::model {

/// All rows of a table as linear learners read it, made once and shared by every fit: numbers that are mostly
/// not zero as a dense block, everything else (one-hot levels, sparse columns, numbers that are mostly zero)
/// as compressed sparse rows.
///
/// Order:   features are renumbered: the n_dense dense ones first. feature_of[j] is the feature in the
/// FeatureMap. Missing: @throws Error kData naming the column for a missing or infinite number.
struct LinearTable final : Prepared {
  FeatureMap map;
  std::size_t n_rows = 0;
  std::size_t n_dense = 0;
  std::vector<std::int32_t> feature_of;  ///< n_features
  std::vector<std::uint8_t> is_number;   ///< n_features, renumbered: 1 for a numeric column
  std::vector<double> dense;             ///< n_rows x n_dense, row by row
  std::vector<std::int64_t> offsets;     ///< n_rows + 1
  std::vector<std::int32_t>
      indices;  ///< renumbered, so never below n_dense; in the order of the columns, so ascending
  std::vector<double> values;

  static std::shared_ptr<const LinearTable> of(const data::Frame& x, const Context& context);
  /// What all linear learners return from preparation_key().
  static constexpr const char* kKey = "linear";
};

/// The training rows of a LinearTable, shifted and scaled, with their weights. Never changes once made.
///
/// Units: dense features have weighted mean 0, and standard deviation 1 when standardized. Sparse features
/// are not shifted (zero stays
///        zero); numbers among them are scaled, one-hot levels and sparse columns are taken as they are.
class DesignMatrix {
 public:
  /// weights: of the rows, in the order of rows; empty: all 1.
  DesignMatrix(const LinearTable& table, std::span<const std::uint32_t> rows, std::vector<double> weights,
               bool standardize, const Context& context);

  std::size_t n_rows() const { return n_rows_; }
  std::size_t n_dense() const { return n_dense_; }
  std::size_t n_features() const { return scale_.size(); }
  std::size_t n_stored() const {
    return dense_.size() + values_.size();
  }  ///< Cells that a pass over the table reads.
  double weight(std::size_t row) const { return weights_.empty() ? 1.0 : weights_[row]; }
  double total_weight() const { return total_weight_; }
  std::span<const double> dense_row(std::size_t row) const {
    return {dense_.data() + row * n_dense_, n_dense_};
  }
  std::span<const std::int32_t> sparse_indices(std::size_t row) const {
    return {indices_.data() + offsets_[row], row_size(row)};
  }
  std::span<const double> sparse_values(std::size_t row) const {
    return {values_.data() + offsets_[row], row_size(row)};
  }
  /// Weighted mean of each feature of this matrix (0 for dense ones).
  const std::vector<double>& mean() const { return mean_; }
  /// Weighted standard deviation of each feature of this matrix; 0 for a constant one.
  const std::vector<double>& deviation() const { return deviation_; }

  /// out[i, k] = intercept[k] + sum over j of x[i, j] * w[j, k]. w: n_features x k, out: n_rows x k.
  void multiply(std::span<const double> w, std::span<const double> intercept, std::span<double> out,
                const Context& context) const;
  /// out[j, k] = sum over rows of x[i, j] * r[i, k], and total[k] = sum of r[i, k]. Weights are not applied.
  void multiply_transposed(std::span<const double> r, std::size_t n_outputs, std::span<double> out,
                           std::span<double> total, const Context& context) const;
  /// Sum over rows of row_weights[i] * x[i, j] * x[i, l] for j >= l: n_features x n_features, the lower
  /// triangle is filled.
  std::vector<double> gram(std::span<const double> row_weights, const Context& context) const;
  /// Weighted, centred products of the features: n_features x n_features, the lower triangle is filled.
  std::vector<double> centred_gram(const Context& context) const;

  /// The model in the units of the table. w: n_features x k, feature by feature, for this matrix.
  LinearModel unscale(std::span<const double> w, std::span<const double> intercept) const;
  /// Standard deviations in the units of the table, by feature of the FeatureMap.
  std::vector<double> table_deviation() const;

 private:
  std::size_t row_size(std::size_t row) const {
    return static_cast<std::size_t>(offsets_[row + 1] - offsets_[row]);
  }
  void gather(std::span<const std::uint32_t> rows, const Context& context);
  void measure_means();
  void measure_deviations();
  void apply_scale(bool standardize, const Context& context);
  /// Adds the weighted products of the features over rows [begin, end) to the lower triangle.
  void add_products(std::span<const double> row_weights, std::size_t begin, std::size_t end,
                    std::vector<double>& gram) const;
  std::size_t rows_per_block(std::size_t cells_per_block) const;

  const LinearTable& table_;
  std::size_t n_rows_ = 0;
  std::size_t n_dense_ = 0;
  std::vector<double> weights_;
  double total_weight_ = 0;
  std::vector<double> dense_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int32_t> indices_;
  std::vector<double> values_;
  std::vector<double> shift_;  // subtracted before scaling; 0 for sparse features
  std::vector<double> scale_;  // value of this matrix = (value of the table - shift) / scale; never 0
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

}  // namespace kolosal::model
