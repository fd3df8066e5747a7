#pragma once

#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {

/// The networks of learner mlp: its inputs as operations on cells and levels, then layers, and the mean of
/// the networks. state: as the learner saves it.
ValueId describe_network(ModelDescriber& to, const artifact::Node& state, const model::Estimator& learner,
                         const DescribedTable& table);

}  // namespace kolosal::infer::exporters
