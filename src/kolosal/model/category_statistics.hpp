#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/row_cell.hpp"
#include "kolosal/model/symmetric_table.hpp"

namespace kolosal::model {

/// Numbers the levels of one category column, or the pairs of levels of two, that some rows hold.
///
/// Missing: a level like any other. A level that those rows do not hold has the number n_levels().
class LevelIndex {
 public:
  LevelIndex() = default;
  /// columns: one or two.
  LevelIndex(const data::Frame& x, std::span<const std::uint32_t> rows, std::vector<std::int32_t> columns);

  std::size_t n_levels() const { return keys_.size(); }
  const std::vector<std::int32_t>& columns() const { return columns_; }
  /// Level numbers of rows [begin, begin + out.size()).
  void find(const data::Frame& x, std::size_t begin, std::span<std::uint32_t> out) const;
  /// Level number of one row, whose cells are by column.
  std::uint32_t find(std::span<const data::RowCell> row) const;
  /// Level numbers of the given rows.
  void find(const data::Frame& x, std::span<const std::uint32_t> rows, std::span<std::uint32_t> out) const;

  void save(artifact::Node& node) const;
  /// @throws Error kModel when it does not fit a table of so many columns.
  static LevelIndex load(const artifact::Node& node, std::size_t n_columns);

 private:
  std::uint64_t n_keys() const;
  std::uint32_t number_of(std::uint64_t key) const;
  template <typename RowOf>
  void find_rows(const data::Frame& x, RowOf row_of, std::span<std::uint32_t> out) const;
  /// Makes the way from a key to its number: an array where the keys are close together.
  void make_lookup();

  std::vector<std::int32_t> columns_;
  std::vector<std::int64_t> n_codes_;  // per column: levels of its dictionary, and one for missing
  std::vector<std::uint64_t> keys_;    // ascending
  std::vector<std::uint32_t> number_of_key_;
  std::unordered_map<std::uint64_t, std::uint32_t> sparse_number_;
};

/// The target of the rows whose statistics are made.
struct StatisticsTarget {
  std::size_t n_targets = 0;
  std::vector<double> values;  ///< target by target, n_rows each
};

struct StatisticsParams {
  std::size_t max_onehot = 2;      ///< Columns of up to this many levels become one feature per level.
  std::size_t max_pairs = 8;       ///< Most pairs of columns.
  std::size_t n_permutations = 4;  ///< Orders of the rows.
  double prior_weight = 1;         ///< How many rows the mean of all counts for. Positive.
  std::size_t max_bins = 64;       ///< Of the means and counts of a column.
  std::uint64_t seed = 0;
};

/// Category columns as features: means of the target by level, counts of levels, indicators of levels.
///
/// Ordered: in training, the mean of a row's level is taken over the rows before it in a random order (and
/// the mean of all rows, counted as prior_weight rows), so it never holds the row's own target. For other
/// rows it is over all training rows. Several orders, because the first rows of each know little. Pairs:   of
/// columns whose mean tells the rows' targets better than that of either column does, with the ordered means
/// as the judge; the best max_pairs. Missing: a level like any other; a level that was not there in training
/// has the mean of all and count 0. Weights: are not used. Source:  Prokhorenkova, Gusev, Vorobev, Dorogush
/// and Gulin (2018), section 3.2.
struct CategoryStatistics {
  struct Feature {
    std::int32_t index = 0;
    std::vector<std::uint8_t> bin_of_level;  ///< n_levels() + 1: of rows outside of training
    SymmetricFeature training;               ///< Means have the bins of every permutation.
  };
  std::vector<LevelIndex> indices;
  std::vector<Feature> features;

  static CategoryStatistics of(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const StatisticsTarget& target, const StatisticsParams& params,
                               const Context& context);
};

/// Means of a target by level over the rows before each row in `order`. level, target: per row; out: per row.
void ordered_means(std::span<const std::uint32_t> level, std::size_t n_levels, std::span<const double> target,
                   std::span<const std::uint32_t> order, double prior, double prior_weight,
                   std::span<double> out);

}  // namespace kolosal::model
