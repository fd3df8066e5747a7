#pragma once

#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {

/// Nearest neighbours: their stored rows as points. @throws Error kUnsupported for those that are compared in
/// whole numbers.
ValueId describe_neighbours(ModelDescriber& to, const artifact::Node& state, const model::Estimator& learner,
                            const DescribedTable& table);

}  // namespace kolosal::infer::exporters
