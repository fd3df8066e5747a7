#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kolosal/model/forest.hpp"

namespace kolosal::model {

/// A model that XGBoost saved as UBJSON, as a Forest of its first n_rounds rounds. The link is the caller's,
/// and decides how XGBoost's base score, which is a prediction, becomes a raw sum. gain: when not null, gets
/// the summed split gain of each feature.
/// @throws Error kInternal when the model is not of the form that is known here.
Forest forest_from_xgboost(std::span<const std::byte> ubjson, std::size_t n_rounds, Link link,
                           std::vector<double>* gain = nullptr);

}  // namespace kolosal::model
