#include "kolosal/model/leaf_rounding.hpp"

#include <algorithm>
#include <cmath>

namespace kolosal::model {

void round_log_odds(Link link, std::size_t n_trees, std::span<double> leaf_values) {
  constexpr std::size_t kFewTrees = 256;  // these stay in the cache
  constexpr double kLargest = 1e30;
  if (link != Link::kSigmoid && link != Link::kSoftmax) return;
  if (n_trees <= kFewTrees ||
      !std::ranges::all_of(leaf_values, [](double value) { return std::abs(value) < kLargest; }))
    return;
  for (double& value : leaf_values) value = static_cast<double>(static_cast<float>(value));
}

std::vector<float> as_floats(std::span<const double> leaf_values) {
  const auto is_float = [](double value) { return static_cast<double>(static_cast<float>(value)) == value; };
  if (!std::ranges::all_of(leaf_values, is_float)) return {};
  return {leaf_values.begin(), leaf_values.end()};
}

}  // namespace kolosal::model
