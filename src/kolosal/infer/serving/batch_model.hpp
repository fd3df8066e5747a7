#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kolosal/data/row_cell.hpp"
#include "kolosal/data/schema.hpp"

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
  BatchModel() : id_(next_id()) {}
  BatchModel(const BatchModel&) = delete;
  BatchModel& operator=(const BatchModel&) = delete;
  virtual ~BatchModel() = default;

  /// Of no other model of this process: what is kept for one version is not taken for another.
  std::uint64_t id() const { return id_; }
  /// Names and types of the cells of a row.
  virtual std::span<const data::Field> fields() const = 0;
  std::size_t n_fields() const { return fields().size(); }
  virtual std::size_t n_outputs() const = 0;
  /// What a row of a batch takes in memory while it is computed, beside cells and predictions.
  virtual std::size_t bytes_per_row() const = 0;
  /// The prediction of a row does not depend on the rows it comes with. @throws Error as Session::predict().
  virtual void predict(std::span<const BatchRows> parts) const = 0;

 private:
  static std::uint64_t next_id() noexcept {
    static std::atomic<std::uint64_t> n_models{0};
    return n_models.fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t id_;
};

}  // namespace kolosal::infer
