#include "kolosal/model/linear_leaves.hpp"

#include <algorithm>
#include <cmath>

namespace kolosal::model {

double LinearLeaves::value(const Forest& forest, std::size_t leaf, const double* row) const {
  double out = constant[leaf];
  for (std::size_t t = first[leaf]; t < first[leaf + 1]; ++t) {
    const double x = row[feature[t]];
    if (std::isnan(x)) return forest.leaf_value[leaf];
    out += coefficient[t] * x;
  }
  return out;
}

void predict_linear_leaves(const Forest& forest, const LinearLeaves& leaves, std::span<const double> divisors,
                           const double* row, std::span<double> out) {
  std::ranges::fill(out, 0.0);
  for (std::size_t tree = 0; tree < forest.n_trees(); ++tree)
    out[static_cast<std::size_t>(forest.tree_output[tree])] +=
        leaves.value(forest, leaf_of(forest, tree, row), row);
  forest.finish(out, divisors);
}

}  // namespace kolosal::model
