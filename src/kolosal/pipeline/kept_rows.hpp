#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "kolosal/artifact/container.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::pipeline {

/// Rows of the training table that its model keeps when the user asked for it: raw features, and the target
/// as the table has it. Otherwise no row of the table is in a model.
///
/// They are a block of their own, "kept_rows", which what predicts does not read.

/// `wanted` rows of those that y has, rising; all when there are no more. Classes have the share that they
/// have in y, and as far as that goes each has a row. The same seed gives the same rows.
std::vector<std::uint32_t> draw_kept_rows(const data::TargetView& y, std::size_t wanted, std::uint64_t seed);

void save_kept_rows(const data::Frame& rows, artifact::ContainerWriter& writer);

/// How many a model keeps. @throws Error kModel for a damaged block.
std::size_t n_kept_rows(const artifact::Container& model);
/// Nothing when the model keeps none. @throws Error kModel for a damaged block.
std::optional<data::Frame> load_kept_rows(const artifact::Container& model);

}  // namespace kolosal::pipeline
