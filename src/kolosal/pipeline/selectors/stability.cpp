#include <algorithm>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/pipeline/feature_selector.hpp"

namespace kolosal::pipeline {
namespace {

struct StabilityParams {
  std::string selector = "l1";
  std::int64_t n_rounds = 20;
  double row_share = 0.5;
  double threshold = 0.6;
};

/// Keeps the columns that another selector, with its default parameters, chooses again and again from random
/// parts of the rows. The score is the share of rounds in which it does.
///
/// Source: stability selection (Meinshausen and Buehlmann 2010), with parts of half of the rows.
class Stability final : public FeatureSelector {
 public:
  explicit Stability(StabilityParams params) : params_(std::move(params)) {
    if (params_.selector == "stability")
      throw Error(ErrorCode::kInvalidParameter,
                  "stability: selector must be another one than stability itself");
    make_feature_selector(params_.selector);
  }

 private:
  Selection do_fit(const data::Frame& x, const data::TargetView& y, const Context& context) const override {
    Selection out{std::vector<std::uint8_t>(x.n_columns()), std::vector<double>(x.n_columns())};
    const auto selector = make_feature_selector(params_.selector);
    const auto n =
        static_cast<std::size_t>(std::max(1.0, params_.row_share * static_cast<double>(x.n_rows())));
    for (std::int64_t i = 0; i < params_.n_rounds; ++i) {
      const std::uint64_t seed = derive_seed(context.seed, {"stability", static_cast<std::uint64_t>(i)});
      std::vector<std::uint32_t> rows(x.n_rows());
      std::iota(rows.begin(), rows.end(), 0U);
      Rng(seed).shuffle(rows);
      rows.resize(n);
      std::ranges::sort(rows);
      const auto chosen = selector->fit(x, rows, y, context.with_seed(seed));
      for (std::size_t c = 0; c < x.n_columns(); ++c)
        out.score[c] += chosen.kept[c] / static_cast<double>(params_.n_rounds);
    }
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      out.kept[c] = out.score[c] >= params_.threshold - 1e-9 ? 1 : 0;
    return out;
  }

  StabilityParams params_;
};

}  // namespace

FeatureSelectorInfo stability_info() {
  return describe_selector<Stability>(
      "stability", "Keep the columns that another selector chooses from most random parts of the rows.",
      ParamTable<StabilityParams>()
          .param("selector", &StabilityParams::selector, "The other selector, with its defaults.")
          .param("n_rounds", &StabilityParams::n_rounds, "Random parts to choose from.")
          .limits(1, 1000)
          .param("row_share", &StabilityParams::row_share, "Size of a part, as a share of the rows.")
          .limits(0.05, 1)
          .param("threshold", &StabilityParams::threshold, "Share of the rounds that must choose a column.")
          .limits(0, 1));
}

}  // namespace kolosal::pipeline
