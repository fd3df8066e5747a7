#pragma once

#include <string_view>
#include <vector>

#include "kolosal/model/forest.hpp"

namespace kolosal::model {

/// A model in LightGBM's text format as a Forest, with the identity link: the caller knows the objective.
/// gain: when not null, gets the summed split gain of each feature.
/// @throws Error kInternal when the text is not of the version that is known here.
Forest forest_from_lightgbm(std::string_view text, std::vector<double>* gain = nullptr);

}  // namespace kolosal::model
