#include <cmath>

#include "kolosal/transform/smote_internal.hpp"

namespace kolosal::transform {
namespace {

/// SMOTE that makes more rows where a class is harder to tell: in proportion to the share of other classes
/// among the nearest rows of a row.
///
/// Counts:   the rows made at each base are rounded (half to even), so classes become nearly, not exactly,
/// equal. Distance: Euclidean over all columns, which must be numbers without missing cells; scale them
/// before. Edge:     when no neighbour is of another class, all rows count the same (imbalanced-learn refuses
/// that). Source:   He et al. (2008), as imbalanced-learn's ADASYN.
class Adasyn final : public NeighbourOversampler {
 public:
  explicit Adasyn(const SmoteParams& params)
      : NeighbourOversampler(params, "adasyn"), k_neighbors_(static_cast<std::size_t>(params.k_neighbors)) {}

 private:
  void make(const Job& job, ResamplePlan& plan, const Context& context) const override {
    const Points all = points_of(job.x, job.all, name(), false);
    std::vector<std::uint32_t> of_class;
    for (std::uint32_t i = 0; i < job.all.size(); ++i)
      if (job.y.values[job.all[i]] == static_cast<double>(job.k)) of_class.push_back(i);
    const Points points = all.subset(of_class);
    const Neighbours around = find_neighbours(all, points, {.k = k_neighbors_, .self = of_class}, context);
    const Neighbours neighbours = neighbours_of_all(points, k_neighbors_, context);
    const auto share = difficulty(job, around);
    for (std::size_t i = 0; i < share.size(); ++i) {
      const auto n = static_cast<std::size_t>(std::nearbyint(share[i] * static_cast<double>(job.n_wanted)));
      for (std::size_t made = 0; made < n; ++made) {
        ResamplePlan::Made row{job.rows[i], job.rows[i], 0, static_cast<double>(job.k)};
        if (neighbours.k > 0) {
          row.neighbour = job.rows[neighbours.of(i)[job.rng.below(neighbours.k)]];
          row.step = job.rng.uniform();
        }
        plan.made.push_back(row);
      }
    }
  }

  // Sums to 1.
  static std::vector<double> difficulty(const Job& job, const Neighbours& around) {
    std::vector<double> share(job.rows.size());
    double total = 0;
    for (std::size_t i = 0; i < share.size(); ++i) {
      double n_others = 0;
      for (const std::uint32_t other : around.of(i))
        n_others += job.y.values[job.all[other]] != static_cast<double>(job.k);
      share[i] = around.k > 0 ? n_others / static_cast<double>(around.k) : 0;
      total += share[i];
    }
    for (double& value : share) value = total > 0 ? value / total : 1 / static_cast<double>(share.size());
    return share;
  }

  std::size_t k_neighbors_;
};

}  // namespace

ResamplerInfo adasyn_info() {
  return describe_resampler<Adasyn>("adasyn", "SMOTE that makes more rows where a class is harder to tell.",
                                    smote_table<SmoteParams>());
}

}  // namespace kolosal::transform
