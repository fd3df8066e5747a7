#include "kolosal/transform/smote_internal.hpp"

namespace kolosal::transform {

ResamplePlan NeighbourOversampler::do_plan(const data::Frame& x, std::span<const std::uint32_t> rows,
                                           const data::TargetView& y, const Context& context) const {
  ResamplePlan plan;
  plan.kept.assign(rows.begin(), rows.end());
  const RowsByClass classes(rows, y);
  const auto wanted = rows_to_make(classes, params_);
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (wanted[k] == 0) continue;
    Rng rng(derive_seed(context.seed, {name_, k}));
    make({x, rows, y, classes.rows[k], k, wanted[k], rng}, plan, context);
  }
  return plan;
}

void add_between(std::size_t n, std::span<const std::uint32_t> bases, const Neighbours& neighbours,
                 std::span<const std::uint32_t> rows, double value, Rng& rng, ResamplePlan& plan) {
  plan.made.reserve(plan.made.size() + n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto base = static_cast<std::size_t>(rng.below(bases.size()));
    ResamplePlan::Made made{bases[base], bases[base], 0, value};
    if (neighbours.k > 0) {
      made.neighbour = rows[neighbours.of(base)[rng.below(neighbours.k)]];
      made.step = rng.uniform();
    }
    plan.made.push_back(made);
  }
}

}  // namespace kolosal::transform
