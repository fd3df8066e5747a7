#include "kolosal/transform/gathered_numbers_internal.hpp"
#include "kolosal/transform/kept_columns_internal.hpp"

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
/// Streams: to rounding.
/// Source:  variance divided by n, as scikit-learn's VarianceThreshold.
class VarianceThreshold final : public KeptColumns {
 public:
  explicit VarianceThreshold(VarianceThresholdParams params) : params_(params) {}
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "numeric"; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "variance_threshold", "numeric");
    kept_.assign(x.n_columns(), 1);
    if (rows.size() < 2) return;
    const auto found = moments_of(sources_of(x), rows, context);
    for (std::size_t c = 0; c < found.size(); ++c) kept_[c] = is_kept(found[c]);
  }
  void do_begin_stream() override { gathered_ = {input_columns().size(), false}; }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, "variance_threshold", "numeric");
    gathered_.add(x, context);
  }
  void do_merge(const Transformer& other) override {
    gathered_.merge(dynamic_cast<const VarianceThreshold&>(other).gathered_);
  }
  void do_finish_fit(const Context&) override {
    kept_.assign(gathered_.n_columns(), 1);
    for (std::size_t c = 0; c < kept_.size() && gathered_.n_rows() >= 2; ++c)
      kept_[c] = is_kept(gathered_.moments(c));
    gathered_ = {};
  }
  std::uint8_t is_kept(const Moments& moments) const {
    const bool varies = moments.low < moments.high;
    return varies && moments.variance() > static_cast<long double>(params_.threshold) ? 1 : 0;
  }

  VarianceThresholdParams params_;
  GatheredNumbers gathered_;  // of a stream
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
