#pragma once

#include <span>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/row_cell.hpp"
#include "kolosal/model/feature_map.hpp"

namespace kolosal::model {

/// The fitted state of all linear learners: raw(row, k) = intercept[k] + sum over features of value *
/// coefficient(feature, k), in the units of the table (any scaling done while fitting is folded back).
struct LinearModel {
  FeatureMap features;
  std::size_t n_outputs = 1;
  std::vector<double> coefficient;  ///< n_features x n_outputs, feature by feature
  std::vector<double> intercept;    ///< n_outputs

  /// out: n_rows x n_outputs, row by row. @throws Error kData for a missing number.
  void predict_raw(const data::Frame& x, std::span<double> out, const Context& context) const;
  /// The same of one row.
  void predict_raw(std::span<const data::RowCell> row, std::span<double> out) const;
  void save(artifact::Node& node) const;
  /// @throws Error kModel when the parts do not fit together.
  static LinearModel load(const artifact::Node& node);
};

/// One number per column of the frame, summing to 1: the sum over the column's features of |coefficient| x
/// spread, where spread is the standard deviation of the feature in training (n_features long).
std::vector<double> column_importance(const LinearModel& model, std::span<const double> spread);

}  // namespace kolosal::model
