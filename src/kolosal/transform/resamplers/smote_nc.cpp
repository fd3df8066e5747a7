#include <algorithm>
#include <cmath>

#include "kolosal/transform/smote_internal.hpp"

namespace kolosal::transform {
namespace {

// The median, over the numbers, of their standard deviations (divided by n) among the points.
double median_deviation(const Points& points) {
  std::vector<double> deviations;
  for (std::size_t f = 0; f < points.n_numbers; ++f) {
    double mean = 0, sum = 0;
    for (std::size_t i = 0; i < points.n; ++i)
      mean += points.numbers[i * points.n_numbers + f] / static_cast<double>(points.n);
    for (std::size_t i = 0; i < points.n; ++i) {
      const double rest = points.numbers[i * points.n_numbers + f] - mean;
      sum += rest * rest;
    }
    deviations.push_back(std::sqrt(sum / static_cast<double>(points.n)));
  }
  std::ranges::sort(deviations);
  const std::size_t half = deviations.size() / 2;
  return deviations.size() % 2 == 1 ? deviations[half] : (deviations[half - 1] + deviations[half]) / 2;
}

/// SMOTE for numbers and categories together: made rows take the most frequent level of the neighbours.
///
/// Distance: Euclidean over the numbers, where each category that differs adds the square of the median
/// standard
///           deviation of the numbers in the class.
/// Levels:   the most frequent one among all neighbours of the base; of equally frequent ones that of the
/// nearest
///           neighbour (imbalanced-learn draws one). Missing and unseen are levels.
/// Edge:     without category columns it is smote.
/// Errors:   kData when there is no number column: then nothing has a distance.
/// Source:   Chawla et al. (2002), as imbalanced-learn's SMOTENC.
class SmoteNc final : public NeighbourOversampler {
 public:
  explicit SmoteNc(const SmoteParams& params)
      : NeighbourOversampler(params, "smote_nc"),
        k_neighbors_(static_cast<std::size_t>(params.k_neighbors)) {}

 private:
  void make(const Job& job, ResamplePlan& plan, const Context& context) const override {
    Points points = points_of(job.x, job.rows, name(), true);
    if (points.n_numbers == 0)
      throw Error(ErrorCode::kData, "smote_nc needs a number column; use random_over for categories alone");
    const double deviation = median_deviation(points);
    points.penalty = deviation * deviation;
    const Neighbours neighbours = neighbours_of_all(points, k_neighbors_, context);
    const std::size_t first = plan.made.size();
    add_between(job.n_wanted, job.rows, neighbours, job.rows, static_cast<double>(job.k), job.rng, plan);
    if (points.n_codes > 0) add_codes(job, points, neighbours, first, plan);
  }

  static void add_codes(const Job& job, const Points& points, const Neighbours& neighbours, std::size_t first,
                        ResamplePlan& plan) {
    plan.codes.resize(job.x.n_columns());
    std::size_t f = 0;
    for (std::size_t c = 0; c < job.x.n_columns(); ++c) {
      if (job.x.column(c).type() != data::ColumnType::kCategory) continue;
      std::vector<std::int32_t> of_base(points.n);
      for (std::size_t i = 0; i < points.n; ++i) of_base[i] = most_frequent(points, neighbours, i, f);
      for (std::size_t m = first; m < plan.made.size(); ++m) {
        const auto at = std::ranges::lower_bound(job.rows, plan.made[m].base) - job.rows.begin();
        plan.codes[c].push_back(of_base[static_cast<std::size_t>(at)]);
      }
      ++f;
    }
  }

  static std::int32_t most_frequent(const Points& points, const Neighbours& neighbours, std::size_t i,
                                    std::size_t f) {
    const auto code = [&](std::uint32_t point) { return points.codes[point * points.n_codes + f]; };
    std::int32_t best = points.codes[i * points.n_codes + f];
    std::size_t best_count = 0;
    for (const std::uint32_t candidate : neighbours.of(i)) {
      std::size_t count = 0;
      for (const std::uint32_t other : neighbours.of(i)) count += code(other) == code(candidate);
      if (count > best_count) {
        best_count = count;
        best = code(candidate);
      }
    }
    return best;
  }

  std::size_t k_neighbors_;
};

}  // namespace

ResamplerInfo smote_nc_info() {
  return describe_resampler<SmoteNc>("smote_nc", "SMOTE for numbers and categories together.",
                                     smote_table<SmoteParams>());
}

}  // namespace kolosal::transform
