#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kolosal/data/target.hpp"

namespace kolosal::transform {

/// What a target is turned into before levels or groups get a mean of it: the number itself (regression,
/// class 1 of two), or for more classes one 0/1 number for each of the most frequent classes.
class TargetOutputs {
 public:
  TargetOutputs() = default;
  TargetOutputs(const data::TargetView& y, std::span<const std::uint32_t> rows, std::size_t max_classes);
  /// One output, the target minus `shift`.
  explicit TargetOutputs(double shift) : shift_(shift) {}
  /// One output for each of the most frequent classes.
  TargetOutputs(std::span<const std::int64_t> class_rows, std::size_t max_classes);

  std::size_t size() const { return classes_.empty() ? 1 : classes_.size(); }
  bool by_class() const { return !classes_.empty(); }
  /// The output that is 1 for the class of a row; -1: none. Of outputs by class.
  std::int32_t output_of(double target) const { return of_class_[static_cast<std::size_t>(target)]; }
  /// The class of each output, ascending; empty when there is one output.
  const std::vector<std::int64_t>& classes() const { return classes_; }
  /// Regression: the mean of the fitted rows, which value() leaves out so that sums keep their digits; else
  /// 0.
  double shift() const { return shift_; }
  double value(double target, std::size_t output) const {
    return classes_.empty() ? target - shift_ : target == static_cast<double>(classes_[output]) ? 1.0 : 0.0;
  }

 private:
  std::vector<std::int64_t> classes_;
  std::vector<std::int32_t> of_class_;  // class -> output, or -1
  double shift_ = 0;
};

/// Name of the column for one output: "town_woe", or "town_woe_2" for class 2 of many.
std::string output_name(const std::string& column, const char* suffix,
                        const std::vector<std::int64_t>& classes, std::size_t output);

/// The fold (below n_folds, at most 256) of each fitted row, by position in `rows`, so that training rows can
/// be encoded from the other folds. Classes are spread evenly; of a target with groups each group is in one
/// fold, the folds about alike in rows. Depends on the rows, the classes, the groups and the seed alone.
std::vector<std::uint8_t> inner_folds(const data::TargetView& y, std::span<const std::uint32_t> rows,
                                      std::size_t n_folds, std::uint64_t seed);

}  // namespace kolosal::transform
