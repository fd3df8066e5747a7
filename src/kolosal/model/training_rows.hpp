#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::model {

/// Target values of some rows.
std::vector<double> target_of(const data::TargetView& y, std::span<const std::uint32_t> rows);

/// Weights of some rows; empty when every one counts 1. Balanced: multiplied by (total weight) / (n_classes *
/// weight of the row's class), scikit-learn's class_weight="balanced".
std::vector<double> weights_of(const data::TargetView& y, std::span<const std::uint32_t> rows, bool balanced);

/// Weighted mean of the target (regression, binary) or share of each class (multiclass): n_outputs numbers.
/// @throws Error kData when there are no rows or their total weight is not positive.
std::vector<double> mean_target(const data::TargetView& y, std::span<const std::uint32_t> rows);

/// Mean weighted loss of predictions (n_rows x n_outputs): squared error for regression, log loss otherwise.
double mean_loss(const data::TargetView& y, std::span<const std::uint32_t> rows,
                 std::span<const double> prediction);

/// A hold-out of every fifth of the rows by a draw of `seed`; both parts are ascending.
struct HoldOut {
  std::vector<std::uint32_t> train, valid;
};
HoldOut hold_out(std::span<const std::uint32_t> rows, std::uint64_t seed);

/// Reads "none" or "balanced". @throws Error kInvalidParameter naming both.
bool is_balanced(const std::string& class_weight, const char* owner);

}  // namespace kolosal::model
