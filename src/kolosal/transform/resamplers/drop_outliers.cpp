#include "kolosal/transform/outlier_bounds_internal.hpp"
#include "kolosal/transform/resampler.hpp"

namespace kolosal::transform {
namespace {

/// Leaves out training rows that are unlike the others; for classes and numbers alike.
///
/// Method:  see OutlierRule. By all but isolation_forest a row goes when any of its cells is an outlier in
/// its column. Missing: missing and infinite cells are no outliers; columns that are no numbers are not
/// looked at.
class DropOutliers final : public Resampler {
 public:
  explicit DropOutliers(OutlierRule rule) : rule_(std::move(rule)) {
    if (rule_.method == "percentile" && rule_.used_threshold() >= 50)
      throw Error(ErrorCode::kInvalidParameter, "drop_outliers: threshold of percentile must be below 50: {}",
                  rule_.threshold);
  }

 private:
  bool needs_classes() const override { return false; }
  ResamplePlan do_plan(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                       const Context& context) const override {
    ResamplePlan plan;
    const auto is_outlier = outlier_rows(x, rows, rule_, context);
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!is_outlier[i]) plan.kept.push_back(rows[i]);
    return plan;
  }

  OutlierRule rule_;
};

}  // namespace

ResamplerInfo drop_outliers_info() {
  return describe_resampler<DropOutliers>(
      "drop_outliers", "Leave out training rows that are unlike the others.",
      ParamTable<OutlierRule>()
          .param("method", &OutlierRule::method,
                 "zscore, modified_zscore, iqr, percentile, or isolation_forest (of whole rows).",
                 OutlierRule::methods())
          .param("threshold", &OutlierRule::threshold, "Where outliers begin; 0: the method's own.")
          .limits(0, 1e308)
          .param("contamination", &OutlierRule::contamination,
                 "isolation_forest: the share of the rows that goes; 0: by the threshold.")
          .limits(0, 0.5)
          .param("n_trees", &OutlierRule::n_trees, "isolation_forest: trees.")
          .limits(1, 1e5)
          .param("max_samples", &OutlierRule::max_samples, "isolation_forest: rows per tree.")
          .limits(2, 1e9));
}

}  // namespace kolosal::transform
