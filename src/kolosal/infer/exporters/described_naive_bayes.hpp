#pragma once

#include "kolosal/artifact/node.hpp"
#include "kolosal/infer/exporters/model_describer.hpp"

namespace kolosal::infer::exporters {

/// The probabilities of a gaussian_nb: linear in squared distances from the means, in flags of cells that say
/// nothing, and in what levels say. state: as its model file holds it.
ValueId describe_naive_bayes(ModelDescriber& to, const artifact::Node& state, const DescribedTable& table);

}  // namespace kolosal::infer::exporters
