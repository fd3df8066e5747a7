#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/data/target.hpp"

namespace kolosal::model {

/// Weights with which an absolute error becomes one relative to the target, as in MAPE: proportional to 1 /
/// |value|, the largest 1. Values below a hundredth of the mean |value| count as that, so that a 0 does not
/// outweigh all others. Times the weights of the rows.
std::vector<double> relative_weights(const data::TargetView& y);
/// The same for some rows, without their weights; the mean is that of `of`.
std::vector<double> relative_factors(const data::TargetView& y, std::span<const std::uint32_t> of,
                                     std::span<const std::uint32_t> rows);

}  // namespace kolosal::model
