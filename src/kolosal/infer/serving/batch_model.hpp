#pragma once

#include <cstddef>
#include <span>

#include "kolosal/data/row_cell.hpp"

namespace kolosal::infer {

/// Some rows that are to be predicted, and where the predictions go.
struct BatchRows {
  std::span<const data::RowCell> cells;  ///< n_rows x n_fields, row by row
  std::size_t n_rows = 0;
  std::span<double> out;  ///< n_rows x n_outputs, row by row
};

/// What a DynamicBatcher asks for predictions. Threads: const use is safe from many threads.
class BatchModel {
 public:
  virtual ~BatchModel() = default;
  virtual std::size_t n_fields() const = 0;
  virtual std::size_t n_outputs() const = 0;
  /// What a row of a batch takes in memory while it is computed, beside cells and predictions.
  virtual std::size_t bytes_per_row() const = 0;
  /// The prediction of a row does not depend on the rows it comes with. @throws Error as Session::predict().
  virtual void predict(std::span<const BatchRows> parts) const = 0;
};

}  // namespace kolosal::infer
