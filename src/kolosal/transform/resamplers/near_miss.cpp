#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/transform/class_balance_internal.hpp"
#include "kolosal/transform/neighbours_internal.hpp"

namespace kolosal::transform {
namespace {

struct NearMissParams : UndersampleParams {
  std::int64_t version = 1;
  std::int64_t n_neighbors = 3;
  std::int64_t n_candidates = 3;
};

// Mean distance of each query to its neighbours.
std::vector<double> mean_distances(const Neighbours& found, std::size_t n_queries) {
  std::vector<double> out(n_queries);
  for (std::size_t q = 0; q < n_queries; ++q)
    for (std::size_t j = 0; j < found.k; ++j) out[q] += std::sqrt(found.squared[q * found.k + j]);
  return out;
}

/// Keeps those rows of the larger classes that are near to the smallest class.
///
/// version:  1 keeps the rows whose n_neighbors nearest rows of the smallest class are nearest on the mean; 2
/// the
///           same with the n_neighbors farthest; 3 takes the n_candidates rows of the larger class nearest to
///           each row of the smallest, and of these the ones that are farthest by the measure of 1.
/// Distance: Euclidean over all columns, which must be numbers without missing cells; scale them before.
/// Edge:     version 3 may have fewer candidates than rows wanted; then it keeps all of them.
/// Source:   Mani and Zhang (2003), as imbalanced-learn's NearMiss. Kept rows stay in their order.
class NearMiss final : public Resampler {
 public:
  explicit NearMiss(NearMissParams params) : params_(std::move(params)) {
    check_undersample(params_, "near_miss");
  }

 private:
  ResamplePlan do_plan(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const Context& context) const override {
    ResamplePlan plan;
    const RowsByClass classes(rows, y);
    const auto wanted = rows_to_keep(classes, params_);
    const Points small = points_of(x, classes.rows[classes.smallest], "near_miss", false);
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      const auto& of_class = classes.rows[k];
      if (of_class.empty() || !is_undersampled(classes, params_.strategy, k)) {
        plan.kept.insert(plan.kept.end(), of_class.begin(), of_class.end());
        continue;
      }
      for (const std::uint32_t i :
           chosen(small, points_of(x, of_class, "near_miss", false), wanted[k], context))
        plan.kept.push_back(of_class[i]);
    }
    std::ranges::sort(plan.kept);
    return plan;
  }

  // Positions of the rows of a larger class that stay.
  std::vector<std::uint32_t> chosen(const Points& small, const Points& large, std::size_t n_wanted,
                                    const Context& context) const {
    std::vector<std::uint32_t> candidates(large.n);
    std::iota(candidates.begin(), candidates.end(), 0U);
    if (params_.version == 3) {
      const auto k = static_cast<std::size_t>(params_.n_candidates);
      candidates = find_neighbours(large, small, {.k = k}, context).index;
      std::ranges::sort(candidates);
      const auto repeated = std::ranges::unique(candidates);
      candidates.erase(repeated.begin(), repeated.end());
    }
    const auto k = static_cast<std::size_t>(params_.n_neighbors);
    const auto found =
        find_neighbours(small, large.subset(candidates), {.k = k, .farthest = params_.version == 2}, context);
    const auto distance = mean_distances(found, candidates.size());
    std::vector<std::uint32_t> order(candidates.size());
    std::iota(order.begin(), order.end(), 0U);
    const double sign = params_.version == 3 ? -1 : 1;
    std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return sign * distance[i]; });
    order.resize(std::min(n_wanted, order.size()));
    for (std::uint32_t& i : order) i = candidates[i];
    return order;
  }

  NearMissParams params_;
};

}  // namespace

ResamplerInfo near_miss_info() {
  return describe_resampler<NearMiss>(
      "near_miss", "Keep the rows of the larger classes that are near to the smallest class.",
      undersample_table<NearMissParams>()
          .param("version", &NearMissParams::version, "Which of the three rules of NearMiss: 1, 2 or 3.")
          .limits(1, 3)
          .param("n_neighbors", &NearMissParams::n_neighbors,
                 "Rows of the smallest class that the distance is to.")
          .limits(1, 1000)
          .param("n_candidates", &NearMissParams::n_candidates,
                 "version 3: nearest rows that each row of the smallest class proposes.")
          .limits(1, 1000));
}

}  // namespace kolosal::transform
