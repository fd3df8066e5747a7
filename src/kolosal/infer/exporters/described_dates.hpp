#pragma once

#include <vector>

#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {

/// The parts that a fitted date_parts makes of its inputs, by quotients and sums of seconds since 1970-01-01.
/// What a double of seconds can not hold, below a microsecond, is lost. made: those that the step makes.
/// @throws Error kUnsupported for sines and cosines.
std::vector<DescribedColumn> describe_date_parts(ModelDescriber& to, const transform::Transformer& step,
                                                 const DescribedTable& inputs, const data::Frame& made);

}  // namespace kolosal::infer::exporters
