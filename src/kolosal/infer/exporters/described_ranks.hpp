#pragma once

#include <vector>

#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {

/// What step quantile_transform makes of its inputs.
std::vector<DescribedColumn> describe_ranks(ModelDescriber& to, const transform::Transformer& step,
                                            const DescribedTable& inputs);

}  // namespace kolosal::infer::exporters
