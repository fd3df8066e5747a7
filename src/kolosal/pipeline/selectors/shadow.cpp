#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/pipeline/feature_selector.hpp"
#include "kolosal/pipeline/selector_learner_internal.hpp"

namespace kolosal::pipeline {
namespace {

struct ShadowParams {
  std::string estimator = "random_forest";
  std::int64_t n_rounds = 50;
  double alpha = 0.05;
  bool keep_tentative = true;
};

// P(X >= k) of n throws of a fair coin.
double coin_tail(std::size_t n, std::size_t k) {
  double sum = 0, term = std::pow(0.5, static_cast<double>(n));  // P(X = 0)
  for (std::size_t i = 0; i <= n; ++i) {
    if (i >= k) sum += term;
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  }
  return sum;
}

enum class Verdict { kTentative, kConfirmed, kRejected };

/// Keeps the columns that are more important to a learner than chance alone makes shadows of them: copies
/// whose cells are shuffled.
///
/// Method: in each round the columns that are not rejected yet and shadows of them (at least five) are fitted
///         together; a column scores a hit when its importance exceeds that of every shadow. It is confirmed
///         (rejected) once it has more (fewer) hits than a fair coin would with probability alpha, corrected
///         for the number of columns (Bonferroni). What is undecided after n_rounds stays when keep_tentative
///         is on.
/// Score:  the share of rounds with a hit.
/// Source: Boruta (Kursa and Rudnicki 2010).
class Shadow final : public FeatureSelector {
 public:
  explicit Shadow(ShadowParams params) : params_(std::move(params)) {
    check_learner("shadow", params_.estimator);
  }

 private:
  Selection do_fit(const data::Frame& x, const data::TargetView& y, const Context& context) const override {
    const std::size_t p = x.n_columns();
    std::vector<Verdict> verdict(p, Verdict::kTentative);
    std::vector<std::size_t> hits(p);
    std::size_t round = 0;
    const auto n_rounds = static_cast<std::size_t>(params_.n_rounds);
    for (; round < n_rounds && std::ranges::find(verdict, Verdict::kTentative) != verdict.end(); ++round) {
      count_hits(x, y, verdict, hits, context.with_seed(derive_seed(context.seed, {"shadow", round})));
      for (std::size_t c = 0; c < p; ++c) {
        if (verdict[c] != Verdict::kTentative) continue;
        const double level = params_.alpha / static_cast<double>(p);
        if (coin_tail(round + 1, hits[c]) <= level) verdict[c] = Verdict::kConfirmed;
        if (coin_tail(round + 1, round + 1 - hits[c]) <= level) verdict[c] = Verdict::kRejected;
      }
    }
    Selection out;
    for (std::size_t c = 0; c < p; ++c) {
      const bool stays =
          verdict[c] == Verdict::kConfirmed || (verdict[c] == Verdict::kTentative && params_.keep_tentative);
      out.kept.push_back(stays ? 1 : 0);
      out.score.push_back(static_cast<double>(hits[c]) /
                          static_cast<double>(std::max<std::size_t>(round, 1)));
    }
    return out;
  }

  void count_hits(const data::Frame& x, const data::TargetView& y, const std::vector<Verdict>& verdict,
                  std::vector<std::size_t>& hits, const Context& context) const {
    constexpr std::size_t kFewestShadows = 5;
    std::vector<std::size_t> active;
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      if (verdict[c] != Verdict::kRejected) active.push_back(c);
    data::Frame table;
    for (const std::size_t c : active) table.add(fmt::format("column {}", c), x.column(c));
    Rng rng(context.seed);
    const std::size_t n_shadows = std::max(active.size(), kFewestShadows);
    for (std::size_t s = 0; s < n_shadows; ++s) {
      std::vector<std::uint32_t> order(x.n_rows());
      std::iota(order.begin(), order.end(), 0U);
      rng.shuffle(order);
      table.add(fmt::format("shadow {}", s), x.column(active[s % active.size()]).take(order));
    }
    const auto importance = importance_of(params_.estimator, table, y, context);
    const double strongest =
        *std::max_element(importance.begin() + static_cast<std::ptrdiff_t>(active.size()), importance.end());
    for (std::size_t i = 0; i < active.size(); ++i) hits[active[i]] += importance[i] > strongest;
  }

  ShadowParams params_;
};

}  // namespace

FeatureSelectorInfo shadow_info() {
  return describe_selector<Shadow>(
      "shadow", "Keep the columns that a learner finds more important than shuffled copies of them (Boruta).",
      ParamTable<ShadowParams>()
          .param("estimator", &ShadowParams::estimator, "The learner: any that tells importances.")
          .param("n_rounds", &ShadowParams::n_rounds, "Most rounds of fits.")
          .limits(1, 1000)
          .param("alpha", &ShadowParams::alpha, "Level of the tests, for all columns together.")
          .limits(0, 1)
          .param("keep_tentative", &ShadowParams::keep_tentative,
                 "Keep columns that the rounds have not decided."));
}

}  // namespace kolosal::pipeline
