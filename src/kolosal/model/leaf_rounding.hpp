#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kolosal/model/forest.hpp"

namespace kolosal::model {

/// Leaf values of many trees that add up to log odds become floats, as XGBoost's are: a row reads one line of
/// the cache for each tree, and of floats twice as many trees' stay there. The sum changes by about 1e-8.
/// Others stay as they are.
void round_log_odds(Link link, std::size_t n_trees, std::span<double> leaf_values);
/// leaf_values as floats when floats hold all of them, else nothing.
std::vector<float> as_floats(std::span<const double> leaf_values);

}  // namespace kolosal::model
