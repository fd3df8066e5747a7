#include "kolosal/transform/smote_internal.hpp"

namespace kolosal::transform {
namespace {

/// Makes rows of the smaller classes between a row and one of its nearest neighbours of the same class.
///
/// Distance: Euclidean over all columns, which must be numbers without missing cells; scale them before.
/// Edge:     a class of k_neighbors rows or fewer uses the neighbours it has; a single row is repeated
///           (imbalanced-learn refuses both).
/// Source:   Chawla et al. (2002), as imbalanced-learn's SMOTE.
class Smote final : public NeighbourOversampler {
 public:
  explicit Smote(const SmoteParams& params)
      : NeighbourOversampler(params, "smote"), k_neighbors_(static_cast<std::size_t>(params.k_neighbors)) {}

 private:
  void make(const Job& job, ResamplePlan& plan, const Context& context) const override {
    const Points points = points_of(job.x, job.rows, name(), false);
    const Neighbours neighbours = neighbours_of_all(points, k_neighbors_, context);
    add_between(job.n_wanted, job.rows, neighbours, job.rows, static_cast<double>(job.k), job.rng, plan);
  }

  std::size_t k_neighbors_;
};

}  // namespace

ResamplerInfo smote_info() {
  return describe_resampler<Smote>("smote",
                                   "Make rows of the smaller classes between neighbours of one class.",
                                   smote_table<SmoteParams>());
}

}  // namespace kolosal::transform
