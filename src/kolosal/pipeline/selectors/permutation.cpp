#include <algorithm>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/pipeline/feature_selector.hpp"
#include "kolosal/pipeline/selector_learner_internal.hpp"
#include "kolosal/transform/column_choice.hpp"

namespace kolosal::pipeline {
namespace {

struct PermutationParams : transform::ChoiceParams {
  PermutationParams() {
    choose = "threshold";
    threshold = 0.001;
  }
  std::string estimator = "random_forest";
  std::int64_t n_repeats = 5;
  std::int64_t n_folds = 3;
};

/// Keeps the columns without whose order a learner predicts worse: their cells are shuffled among rows that
/// it was not fitted on. The score is the mean growth of the loss (log loss, mean squared error) over the
/// loss itself.
///
/// Source: Breiman (2001), on the held-out rows of n_folds folds, as scikit-learn's permutation_importance.
class Permutation final : public FeatureSelector {
 public:
  explicit Permutation(PermutationParams params) : params_(std::move(params)) {
    check_choice(params_, "permutation", false);
    check_learner("permutation", params_.estimator);
  }

 private:
  Selection do_fit(const data::Frame& x, const data::TargetView& y, const Context& context) const override {
    Selection out;
    out.score.assign(x.n_columns(), 0);
    const auto folds = folds_of(y, x.n_rows(), static_cast<std::size_t>(params_.n_folds), context.seed);
    for (std::size_t f = 0; f < folds.size(); ++f) {
      const auto fitted = fit_learner(params_.estimator, x, y, folds[f].train, context);
      const data::Frame held_out = x.take(folds[f].valid);
      const TargetRows target(y, folds[f].valid);
      const double loss = loss_on(fitted, held_out, target.view(), context);
      for (std::size_t c = 0; c < x.n_columns(); ++c)
        out.score[c] +=
            growth(fitted, held_out, target, loss, c, f, context) / static_cast<double>(folds.size());
    }
    out.kept = transform::choose_columns(out.score, {}, params_);
    return out;
  }

  double growth(const FittedLearner& fitted, const data::Frame& x, const TargetRows& target, double loss,
                std::size_t c, std::size_t fold, const Context& context) const {
    double sum = 0;
    for (std::int64_t i = 0; i < params_.n_repeats; ++i) {
      Rng rng(derive_seed(context.seed, {"permutation", fold, c, static_cast<std::uint64_t>(i)}));
      std::vector<std::uint32_t> order(x.n_rows());
      std::iota(order.begin(), order.end(), 0U);
      rng.shuffle(order);
      std::vector<data::Column> columns;
      for (std::size_t other = 0; other < x.n_columns(); ++other)
        columns.push_back(other == c ? x.column(c).take(order) : x.column(other));
      sum += loss_on(fitted, {x.names(), std::move(columns)}, target.view(), context) - loss;
    }
    return sum / static_cast<double>(params_.n_repeats) / std::max(loss, 1e-300);
  }

  PermutationParams params_;
};

}  // namespace

FeatureSelectorInfo permutation_info() {
  return describe_selector<Permutation>(
      "permutation", "Keep the columns without whose order a learner predicts other rows worse.",
      transform::choice_table<PermutationParams>(false)
          .param("estimator", &PermutationParams::estimator, "The learner: any one.")
          .param("n_repeats", &PermutationParams::n_repeats, "Shuffles of each column in each fold.")
          .limits(1, 1000)
          .param("n_folds", &PermutationParams::n_folds, "Folds whose held-out rows are predicted.")
          .limits(2, 100));
}

}  // namespace kolosal::pipeline
