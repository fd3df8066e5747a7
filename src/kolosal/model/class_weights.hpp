#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kolosal/data/target.hpp"

namespace kolosal::model {

/// How much a row of each class is to count, beside the weight that it has.
///
/// rule: balanced: (weight of the rows) / (number of classes among them * weight of the class),
/// scikit-learn's class_weight="balanced"; sqrt: in the proportion of its square roots, the rows weighing the
/// same in sum; or a number for each class in their order, "1,10". A class without rows counts 1.
/// @throws Error kInvalidParameter naming the rules, or the number that is not above 0 or is lacking.
std::vector<double> class_weights(std::string_view rule, const data::TargetView& y,
                                  std::span<const std::uint32_t> rows);

/// @throws Error as class_weights() does.
void check_class_weight_rule(std::string_view rule, std::size_t n_classes);

}  // namespace kolosal::model
