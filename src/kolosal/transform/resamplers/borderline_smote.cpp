#include "kolosal/transform/smote_internal.hpp"

namespace kolosal::transform {
namespace {

struct BorderlineSmoteParams : SmoteParams {
  std::int64_t m_neighbors = 10;
  std::int64_t kind = 1;
};

/// SMOTE from rows in danger alone: those of whose m_neighbors nearest rows at least half, but not all, are
/// of other classes.
///
/// kind:     1 goes towards neighbours of the class; 2 towards neighbours of any class, and at most half way
/// to one of
///           another class.
/// Distance: Euclidean over all columns, which must be numbers without missing cells; scale them before.
/// Edge:     when no row is in danger, none is made.
/// Source:   Han, Wang and Mao (2005), as imbalanced-learn's BorderlineSMOTE.
class BorderlineSmote final : public NeighbourOversampler {
 public:
  explicit BorderlineSmote(const BorderlineSmoteParams& params)
      : NeighbourOversampler(params, "borderline_smote"), params_(params) {}

 private:
  void make(const Job& job, ResamplePlan& plan, const Context& context) const override {
    const Points all = points_of(job.x, job.all, name(), false);
    // Positions among all training rows, and among the rows of the class.
    std::vector<std::uint32_t> of_class, danger, danger_rows, danger_in_class;
    for (std::uint32_t i = 0; i < job.all.size(); ++i)
      if (job.y.values[job.all[i]] == static_cast<double>(job.k)) of_class.push_back(i);
    const Points points = all.subset(of_class);
    const auto m = static_cast<std::size_t>(params_.m_neighbors);
    const Neighbours around = find_neighbours(all, points, {.k = m, .self = of_class}, context);
    for (std::uint32_t i = 0; i < of_class.size(); ++i) {
      std::size_t n_others = 0;
      for (const std::uint32_t other : around.of(i))
        n_others += job.y.values[job.all[other]] != static_cast<double>(job.k);
      if (2 * n_others < around.k || n_others == around.k) continue;
      danger.push_back(of_class[i]);
      danger_rows.push_back(job.rows[i]);
      danger_in_class.push_back(i);
    }
    if (danger.empty()) return;
    const auto k = static_cast<std::size_t>(params_.k_neighbors);
    const Points queries = all.subset(danger);
    const std::size_t first = plan.made.size();
    if (params_.kind == 1) {
      const auto found = find_neighbours(points, queries, {.k = k, .self = danger_in_class}, context);
      add_between(job.n_wanted, danger_rows, found, job.rows, static_cast<double>(job.k), job.rng, plan);
      return;
    }
    const auto found = find_neighbours(all, queries, {.k = k, .self = danger}, context);
    add_between(job.n_wanted, danger_rows, found, job.all, static_cast<double>(job.k), job.rng, plan);
    for (std::size_t i = first; i < plan.made.size(); ++i)
      if (job.y.values[plan.made[i].neighbour] != static_cast<double>(job.k))
        plan.made[i].step *= 0.5 * job.rng.uniform();
  }

  BorderlineSmoteParams params_;
};

}  // namespace

ResamplerInfo borderline_smote_info() {
  return describe_resampler<BorderlineSmote>(
      "borderline_smote", "SMOTE from the rows near the border between the classes alone.",
      smote_table<BorderlineSmoteParams>()
          .param("m_neighbors", &BorderlineSmoteParams::m_neighbors,
                 "Nearest rows that tell whether a row is in danger.")
          .limits(1, 1000)
          .param("kind", &BorderlineSmoteParams::kind, "1: towards the class; 2: towards any class.")
          .limits(1, 2));
}

}  // namespace kolosal::transform
