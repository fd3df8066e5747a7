#pragma once

#include <span>
#include <string>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/model/lightgbm_library.hpp"

namespace kolosal::model {

/// A frame, binned by LightGBM: the columns are read where they are, through the Arrow interface, and not
/// copied before.
/// @throws Error kData for a column that is neither a number nor a category.
LightgbmDataset bin_frame(const data::Frame& x, const std::string& params, const Context& context);

/// Some rows of a binned table (ascending), with their labels and weights (empty: 1 each). Only reads `all`.
LightgbmDataset subset_of(void* all, std::span<const std::uint32_t> rows, std::span<const float> labels,
                          std::span<const float> weights, const std::string& params);

}  // namespace kolosal::model
