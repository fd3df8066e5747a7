#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/data/column.hpp"
#include "kolosal/kernel/radix_sort.hpp"
#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

/// The finite numbers of a column in ascending order, as keys that sort as they do.
class SortedCells {
 public:
  /// Of the finite ones among the values. numbers: their range, and whether they are whole. whole: the same
  /// numbers as integers, when doubles can not hold them exactly.
  SortedCells(std::span<const double> values, const NumberSummary& numbers,
              std::span<const std::int64_t> whole = {});

  std::size_t size() const { return keys_.size(); }
  double operator[](std::size_t i) const {
    return is_whole_ ? static_cast<double>(kernel::int_of_key(keys_[i])) : kernel::double_of_key(keys_[i]);
  }
  /// Linear between the two nearest, as NumPy's and pandas' default.
  double quantile(double q) const;
  /// How many are less than the value.
  std::size_t n_below(double value) const;
  /// How many are not more than the value.
  std::size_t n_up_to(double value) const;
  /// Calls visit(value, count) for every distinct number, ascending.
  template <typename Visit>
  void for_each_run(Visit visit) const {
    for (std::size_t begin = 0; begin < keys_.size();) {
      std::size_t end = begin + 1;
      while (end < keys_.size() && keys_[end] == keys_[begin]) ++end;
      visit((*this)[begin], end - begin);
      begin = end;
    }
  }
  std::vector<double> values() const;

 private:
  std::vector<std::uint64_t> keys_;
  bool is_whole_ = false;
};

/// Mean, and sums of powers of the distances d to it.
struct Moments {
  double mean = 0;
  double squares = 0;  ///< Sum of d^2.
  double third = 0;    ///< Sum of d^3 over squares^1.5; 0 when squares is 0.
  double fourth = 0;   ///< Sum of d^4 over squares^2.
};
/// Holds for numbers near 1e308 and for denormal ones too, as far as the result is a double.
Moments moments_of(std::span<const double> values);

/// Bins that show the shape: of equal width, as many as Freedman and Diaconis (1981) ask for, 8 to 40; far
/// values are left out at the ends when they would squeeze the rest.
Histogram histogram_of(const SortedCells& cells, bool is_whole);

}  // namespace kolosal::profile
