#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "kolosal/data/frame.hpp"
#include "kolosal/infer/forest/cut_table.hpp"
#include "kolosal/model/forest.hpp"

namespace kolosal::infer {

/// Where a node's comparison is found after binning.
struct BinnedSplit {
  std::uint32_t column = 0;      ///< of BinnedFeatures
  std::uint32_t cut = 0;         ///< numbers: bins above it go right
  bool missing_is_left = false;  ///< numbers
  bool is_category = false;
  std::uint32_t set = 0;  ///< categories: first word of the set in sets(); classes in the set go left
};

/// Replaces what a forest compares, numbers and category codes, by bins: small integers for which every node
/// decides exactly as before. A column of bins is a feature under one rule for missing values.
///
/// Numbers: the bin is the number of the forest's own cuts below the value. Categories: codes that no node
/// tells apart have the same bin; missing, and codes that no set holds, have bins too.
class BinnedFeatures {
 public:
  /// Nothing when a column has more than kernel::kMostCuts cuts or classes, or when sets are that large and
  /// many that it would take minutes.
  static std::optional<BinnedFeatures> of(const model::Forest& forest);
  BinnedFeatures(BinnedFeatures&&) = default;
  BinnedFeatures& operator=(BinnedFeatures&&) = default;

  std::size_t n_columns() const { return columns_.size(); }
  const BinnedSplit& split(std::size_t node) const { return splits_[node]; }
  /// Bins that a column can have, without kernel::kMissingBin.
  std::size_t n_bins(std::size_t column) const { return columns_[column].n_bins; }
  bool is_category(std::size_t column) const { return columns_[column].is_category; }
  const std::uint32_t* sets() const { return sets_.data(); }

  /// bins[column * kernel::kMostBinned + row] of n <= kernel::kMostBinned rows, `stride` values apart, in the
  /// order of the forest's features.
  void bin_rows(const float* rows, std::size_t stride, std::size_t n, std::uint16_t* bins) const;
  void bin_rows(const double* rows, std::size_t stride, std::size_t n, std::uint16_t* bins) const;
  void bin_rows(const data::Frame& x, std::size_t begin, std::size_t n, std::uint16_t* bins) const;
  /// bins[column] of one row.
  void bin_row(const float* row, std::uint16_t* bins) const;
  void bin_row(const double* row, std::uint16_t* bins) const;

  /// A value of feature `feature` for each whole number `choice`: cuts hit exactly, values between and beyond
  /// them, now and then missing. 0 for a feature that no node reads.
  double sample(std::size_t feature, std::uint64_t choice) const;

 private:
  BinnedFeatures() = default;

  struct Column {
    std::uint32_t feature = 0;
    bool is_category = false;
    std::size_t n_bins = 0;
    std::vector<double> cuts;
    CutTableStorage<double> doubles;
    CutTableStorage<float> floats;
    std::vector<std::uint16_t> class_of_code;  ///< then: outside, missing

    std::uint16_t class_of(double value) const;
  };
  using ColumnKey = std::tuple<std::int32_t, bool, kernel::MissingRule>;

  void collect(const model::Forest& forest);
  /// False when a column has too many classes.
  bool find_classes(const model::Forest& forest);
  void make_tables();
  template <typename T>
  void bin_column(const Column& column, const T* values, std::size_t n, std::uint16_t* bins) const;
  template <typename T>
  void bin_matrix(const T* rows, std::size_t stride, std::size_t n, std::uint16_t* bins) const;
  template <typename T>
  void bin_one(const std::vector<kernel::CutTable<T>>& tables, const T* row, std::uint16_t* bins) const;

  bool round_to_float_ = false;
  std::vector<Column> columns_;
  std::vector<BinnedSplit> splits_;  ///< per node of the forest
  std::vector<std::uint32_t> sets_;
  // Of all columns, for one row at a time; without cuts for categories.
  std::vector<std::uint32_t> features_;
  std::vector<kernel::CutTable<double>> double_tables_;
  std::vector<kernel::CutTable<float>> float_tables_;
  std::vector<std::uint32_t> category_columns_;
};

}  // namespace kolosal::infer
