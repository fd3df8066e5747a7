#include "kolosal/core/random.hpp"
#include "kolosal/transform/class_balance_internal.hpp"

namespace kolosal::transform {
namespace {

/// Repeats random rows of the smaller classes. All rows stay; the repeated ones follow them.
///
/// Source: as imbalanced-learn's RandomOverSampler; any column type.
class RandomOver final : public Resampler {
 public:
  explicit RandomOver(OversampleParams params) : params_(std::move(params)) {
    check_oversample(params_, "random_over");
  }

 private:
  ResamplePlan do_plan(const data::Frame&, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const Context& context) const override {
    ResamplePlan plan;
    plan.kept.assign(rows.begin(), rows.end());
    const RowsByClass classes(rows, y);
    const auto wanted = rows_to_make(classes, params_);
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      Rng rng(derive_seed(context.seed, {"random_over", k}));
      for (std::size_t i = 0; i < wanted[k]; ++i)
        plan.kept.push_back(classes.rows[k][rng.below(classes.rows[k].size())]);
    }
    return plan;
  }

  OversampleParams params_;
};

}  // namespace

ResamplerInfo random_over_info() {
  return describe_resampler<RandomOver>("random_over", "Repeat random rows of the smaller classes.",
                                        oversample_table<OversampleParams>());
}

}  // namespace kolosal::transform
