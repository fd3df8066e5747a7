#pragma once

#include <vector>

#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {

/// Describes a step whose every made cell depends on one category column alone, by asking it for every level
/// (missing and unseen ones too): the answers are its tables, whatever it has learnt and how.
std::vector<DescribedColumn> describe_by_levels(ModelDescriber& to, const transform::Transformer& step,
                                                const DescribedTable& inputs, const data::Frame& made);

/// The same for columns that depend on two category columns: what the step makes of all pairs of levels of
/// the input columns a and b. `of`: which of the made columns. @throws Error kUnsupported beyond kMostPairs.
std::vector<DescribedColumn> describe_by_pairs(ModelDescriber& to, const transform::Transformer& step,
                                               const DescribedTable& inputs, const data::Frame& made,
                                               std::size_t a, std::size_t b,
                                               const std::vector<std::size_t>& of);

inline constexpr std::size_t kMostPairs = std::size_t{1} << 20;

}  // namespace kolosal::infer::exporters
