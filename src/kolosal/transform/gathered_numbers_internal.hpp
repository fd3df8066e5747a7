#pragma once

#include <cstddef>
#include <vector>

#include "kolosal/transform/column_statistics_internal.hpp"
#include "kolosal/transform/quantile_sketch.hpp"

namespace kolosal::transform {

/// What a stream keeps of the finite cells of number columns: their Moments, and a QuantileSketch where a
/// step needs one.
class GatheredNumbers {
 public:
  GatheredNumbers() = default;
  GatheredNumbers(std::size_t n_columns, bool with_sketches) : with_sketches_(with_sketches) {
    moments_.resize(n_columns);
    sketches_.resize(n_columns);
  }

  /// All rows of a batch, in parallel over its columns.
  void add(const data::Frame& x, const Context& context);
  void merge(const GatheredNumbers& other);

  std::size_t n_columns() const { return moments_.size(); }
  std::size_t n_rows() const { return n_rows_; }
  const Moments& moments(std::size_t column) const { return moments_[column]; }
  /// Without sketches: of no numbers.
  const QuantileSketch& sketch(std::size_t column) const { return sketches_[column]; }
  /// What the sketch keeps, with the true least and greatest number at the ends.
  WeightedNumbers numbers(std::size_t column) const;

 private:
  bool with_sketches_ = false;
  std::size_t n_rows_ = 0;
  std::vector<Moments> moments_;
  std::vector<QuantileSketch> sketches_;
};

}  // namespace kolosal::transform
