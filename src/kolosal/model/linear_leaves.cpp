#include "kolosal/model/linear_leaves.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"

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

void predict_linear_leaves(const Forest& forest, const LinearLeaves& leaves, const double* row,
                           std::span<double> out) {
  std::ranges::fill(out, 0.0);
  for (std::size_t tree = 0; tree < forest.n_trees(); ++tree)
    out[static_cast<std::size_t>(forest.tree_output[tree])] +=
        leaves.value(forest, leaf_of(forest, tree, row), row);
  forest.finish(out, forest.divisors());
}

void predict_linear_leaves(const Forest& forest, const LinearLeaves& leaves, const data::Frame& x,
                           std::span<double> out, const Context& context) {
  forest.check_columns(x);
  KOLOSAL_ASSERT(out.size() == x.n_rows() * static_cast<std::size_t>(forest.n_outputs),
                 "out has a number per output");
  const std::size_t n_features = x.n_columns(), width = static_cast<std::size_t>(forest.n_outputs);
  context.parallel_blocks(x.n_rows(), 256, [&](std::size_t begin, std::size_t end) {
    std::vector<double> column(end - begin), rows((end - begin) * n_features);
    for (std::size_t c = 0; c < n_features; ++c) {
      x.column(c).slice(begin, end - begin).copy_numbers(std::span<double>(column));
      for (std::size_t r = 0; r < column.size(); ++r) rows[r * n_features + c] = column[r];
    }
    for (std::size_t r = 0; r < column.size(); ++r)
      predict_linear_leaves(forest, leaves, rows.data() + r * n_features,
                            out.subspan((begin + r) * width, width));
  });
}

}  // namespace kolosal::model
