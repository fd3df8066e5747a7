#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/kernel/whole_distances.hpp"

namespace kolosal::model {

/// A row to compare points with, in whole numbers.
struct WholeRow {
  std::vector<std::int16_t> numbers, has, codes, has_code;
  bool is_complete = true;
};

/// Training rows of nearest neighbours as numbers of 8 bits, all in steps of one size: distances are whole
/// numbers (kernel/whole_distances.hpp), and rows that differ by less than a step are equally far.
class WholePoints {
 public:
  /// The largest size of a cell in root mean squares; what is greater is cut.
  static constexpr double kCut = 8;
  static constexpr const char* kStepName = "whole_step";  ///< in a file

  /// Whether cells (groups of kWholePoints rows, feature by feature, NaN where missing; the first n_numbers
  /// features of n_features are numbers, the others codes) can be such numbers: codes fit, and sums too.
  static bool fits(std::span<const double> cells, std::size_t n_features, std::size_t n_numbers, double step);
  /// The step for cells: 0 when there are no numbers but 0.
  static double step_of(std::span<const double> cells, std::size_t n_features, std::size_t n_numbers);

  /// cells: as above, rounded to the step before (or they are now). n_rows: of the last group the places
  /// behind are missing.
  WholePoints(std::span<const double> cells, std::size_t n_rows, std::size_t n_features,
              std::size_t n_numbers, double step);

  double step() const { return step_; }
  std::size_t n_groups() const { return is_complete_.size(); }
  /// The cells again, as the constructor takes them.
  std::vector<double> cells() const;
  /// cells: n_features, of which those in `has` are there. Allocates nothing for a row that was one before.
  void set_row(std::span<const double> cells, std::span<const std::uint32_t> has, WholeRow& out) const;
  /// Mean squared differences of a row to the points of a group over the features that both have; +inf where
  /// there is none. Returns the smallest, or when all are above limit something above it: out is not written
  /// then.
  double distances(std::size_t group, const WholeRow& row, double limit, double* out) const;

 private:
  std::size_t n_features_, n_numbers_, n_pairs_;
  double step_;
  std::int32_t difference_;  // what codes that differ add
  std::vector<std::int8_t> points_;
  std::vector<std::uint8_t> is_complete_;  // by group
  std::vector<double> factors_;            // by the number of common features
};

}  // namespace kolosal::model
