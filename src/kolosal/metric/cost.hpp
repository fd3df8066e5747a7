#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "kolosal/data/target.hpp"

namespace kolosal::metric {

/// What a decision costs: the cost of deciding for class d where class c is true, in any unit; a gain is
/// negative.
class CostMatrix {
 public:
  /// `costs` is n_classes x n_classes, true class by row.
  /// @throws Error kInvalidParameter: less than two classes, another number of costs, one that is not finite.
  CostMatrix(std::size_t n_classes, std::vector<double> costs);
  /// 0 for the true class and 1 for any other.
  static CostMatrix equal(std::size_t n_classes);
  /// "0 1; 5 0": a row per true class, with the cost of each decision; spaces or commas between costs.
  /// @throws Error kInvalidParameter
  static CostMatrix parse(std::string_view text);

  std::size_t n_classes() const { return n_classes_; }
  double at(std::size_t actual, std::size_t decided) const { return costs_[actual * n_classes_ + decided]; }

  /// The class whose expected cost is least; of several the first. `prediction` is what a model gives for one
  /// row: the probability of class 1, or of each class.
  std::size_t cheapest_class(std::span<const double> prediction) const;

 private:
  std::size_t n_classes_;
  std::vector<double> costs_;
};

/// cheapest_class() of each row of a prediction of n x n_outputs.
/// @throws Error kInvalidParameter when the matrix has not n_classes of the target (2, or n_outputs > 1).
std::vector<std::size_t> cheapest_classes(const CostMatrix& costs, std::span<const double> prediction,
                                          std::size_t n_outputs);

/// Weighted mean over the rows of the cost of what was decided.
/// @throws Error kInvalidParameter when the matrix has not the classes of the target.
double mean_cost(const CostMatrix& costs, const data::TargetView& y, std::span<const std::size_t> decided);

/// @throws Error kInvalidParameter when the matrix is not for n_classes.
void require_classes(const CostMatrix& costs, std::size_t n_classes);

}  // namespace kolosal::metric
