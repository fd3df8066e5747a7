#include <algorithm>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/class_balance_internal.hpp"

namespace kolosal::transform {
namespace {

/// Leaves out random rows of the larger classes; the others keep their order.
///
/// Source: as imbalanced-learn's RandomUnderSampler without replacement; any column type.
class RandomUnder final : public Resampler {
 public:
  explicit RandomUnder(UndersampleParams params) : params_(std::move(params)) {
    check_undersample(params_, "random_under");
  }

 private:
  ResamplePlan do_plan(const data::Frame&, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const Context& context) const override {
    ResamplePlan plan;
    RowsByClass classes(rows, y);
    const auto wanted = rows_to_keep(classes, params_);
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      if (wanted[k] < classes.rows[k].size()) {
        Rng rng(derive_seed(context.seed, {"random_under", k}));
        rng.shuffle(classes.rows[k]);
        classes.rows[k].resize(wanted[k]);
      }
      plan.kept.insert(plan.kept.end(), classes.rows[k].begin(), classes.rows[k].end());
    }
    std::ranges::sort(plan.kept);
    return plan;
  }

  UndersampleParams params_;
};

}  // namespace

ResamplerInfo random_under_info() {
  return describe_resampler<RandomUnder>("random_under", "Leave out random rows of the larger classes.",
                                         undersample_table<UndersampleParams>());
}

}  // namespace kolosal::transform
