#include "kolosal/infer/exporters/described_neighbours.hpp"

#include <cmath>

#include "kolosal/core/error.hpp"
#include "kolosal/kernel/masked_distances.hpp"
#include "kolosal/model/whole_points.hpp"

namespace kolosal::infer::exporters {
namespace {

using kernel::kMaskedPoints;

/// The stored cell of a feature of a point: groups of points, feature by feature.
double cell_of(std::span<const double> cells, std::size_t n_features, std::size_t feature,
               std::size_t point) {
  return cells[(point / kMaskedPoints * n_features + feature) * kMaskedPoints + point % kMaskedPoints];
}

/// A point's weight in each output, then the weight.
std::vector<double> votes_of(const artifact::Node& state, std::size_t width) {
  const auto target = state.array<double>("target"), weights = state.array<double>("row_weights");
  std::vector<double> out(target.size() * (width + 1), 0.0);
  for (std::size_t p = 0; p < target.size(); ++p) {
    const double weight = weights.empty() ? 1 : weights[p];
    double* const votes = out.data() + p * (width + 1);
    if (width == 1)
      votes[0] = weight * target[p];
    else
      votes[static_cast<std::size_t>(target[p])] = weight;
    votes[width] = weight;
  }
  return out;
}

}  // namespace

ValueId describe_neighbours(ModelDescriber& to, const artifact::Node& state, const model::Estimator& learner,
                            const DescribedTable& table) {
  if (state.has(model::WholePoints::kStepName))
    throw Error(
        ErrorCode::kUnsupported,
        "can not export: the rows of knn are compared in whole numbers here; export the model that was "
        "quantized");
  const auto columns = state.array<std::uint32_t>("columns");
  const auto centre = state.array<double>("centre"), scale = state.array<double>("scale");
  const auto cells = state.array<double>("cells");
  NeighboursOperation op;
  op.n_points = state.array<double>("target").size();
  op.k = static_cast<std::size_t>(state.get_int("n_neighbors"));
  op.by_distance = state.get_string("weights") == "distance";
  for (std::size_t f = 0; f < columns.size(); ++f) {
    const ValueId in = table.columns[columns[f]].values.at(0);
    if (f < centre.size()) {
      // Infinite numbers are missing.
      const ValueId finite =
          to.combine(CellFunction::kMinus, in, to.constant(0), table.columns[columns[f]].name);
      op.numbers.push_back(to.apply(CellFunction::kScale, finite, centre[f], scale[f]));
    } else {
      op.levels.push_back(in);
    }
    for (std::size_t p = 0; p < op.n_points; ++p) {
      const double cell = cell_of(cells, columns.size(), f, p);
      if (f < centre.size())
        op.cells.push_back(cell);
      else
        op.codes.push_back(std::isnan(cell) ? data::kMissingCode : static_cast<std::int32_t>(cell));
    }
  }
  op.otherwise = state.get_vector<double>("mean");
  op.votes = votes_of(state, learner.n_outputs());
  op.first_out = to.add_numbers("knn", learner.n_outputs());
  const ValueId first = op.first_out;
  to.add(std::move(op));
  return first;
}

}  // namespace kolosal::infer::exporters
