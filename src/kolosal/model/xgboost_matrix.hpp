#pragma once

#include <span>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/model/xgboost_library.hpp"

namespace kolosal::model {

/// Rows of a frame, binned by XGBoost (a QuantileDMatrix); they are handed over in batches, so no second copy
/// of the table exists at any time. `reference`: another matrix whose bins are used, or null: the bins are
/// found from these rows.
/// @throws Error kData for a column that is neither a number nor a category.
XgboostMatrix bin_rows(const data::Frame& x, std::span<const std::uint32_t> rows, std::size_t max_bin,
                       void* reference, const Context& context);

/// Rows of a frame as they are (a DMatrix), to predict on: a binned matrix must find the number of each bin
/// again, which takes XGBoost twice as long as a round of training.
/// @throws Error kData as bin_rows().
XgboostMatrix copy_rows(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context);

/// field: "label" or "weight".
void set_info(void* matrix, const char* field, std::span<const float> values);

}  // namespace kolosal::model
