#include <cmath>
#include <limits>

#include "kolosal/transform/kept_columns_internal.hpp"
#include "kolosal/transform/statistics_internal.hpp"

namespace kolosal::transform {
namespace {

struct VarianceThresholdParams {
  double threshold = 0;
};

/// Drops columns whose variance in the fitted rows is not above a threshold; the others pass untouched.
///
/// Units:   the square of the column's; at the default of 0 only constant columns go.
/// Missing: missing and infinite cells are left out; a column without a finite cell has variance 0.
/// Edge:    with fewer than two fitted rows nothing is dropped. Cells that are all equal have variance 0,
/// though
///          rounding may say otherwise.
/// Source:  variance divided by n, as scikit-learn's VarianceThreshold.
class VarianceThreshold final : public KeptColumns {
 public:
  explicit VarianceThreshold(VarianceThresholdParams params) : params_(params) {}

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "variance_threshold", "numeric");
    kept_.assign(x.n_columns(), 1);
    if (rows.size() < 2) return;
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const auto cells = finite_cells(Numbers(x.column(c)), rows);
      const auto [low, high] = std::ranges::minmax_element(cells);
      const bool varies = !cells.empty() && *low < *high;
      const auto threshold = static_cast<long double>(params_.threshold);
      kept_[c] = varies && variance_of(cells, mean_of(cells)) > threshold ? 1 : 0;
    });
  }

  VarianceThresholdParams params_;
};

}  // namespace

TransformerInfo variance_threshold_info() {
  return describe<VarianceThreshold>(
      "variance_threshold", "Drop columns whose variance in training is not above a threshold.", "numeric",
      ParamTable<VarianceThresholdParams>()
          .param("threshold", &VarianceThresholdParams::threshold,
                 "Columns of this variance or less are dropped.")
          .limits(0, 1e308));
}

}  // namespace kolosal::transform
