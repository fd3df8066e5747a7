#pragma once

#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {

/// Symmetric trees as a forest of plain ones: numbers are compared with borders, and a level, or a pair of
/// levels, by the bin that a table gives it. state: of model::SymmetricForest::save().
ValueId describe_symmetric_trees(ModelDescriber& to, const artifact::Node& state,
                                 const model::Estimator& learner, const DescribedTable& table);

}  // namespace kolosal::infer::exporters
