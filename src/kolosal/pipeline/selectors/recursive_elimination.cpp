#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "kolosal/pipeline/feature_selector.hpp"
#include "kolosal/pipeline/selector_learner_internal.hpp"

namespace kolosal::pipeline {
namespace {

struct RecursiveEliminationParams {
  std::string estimator = "random_forest";
  double step = 0.2;
  std::int64_t n_folds = 3;
  std::int64_t min_columns = 1;
};

// Sizes of the sets of columns, from all down to the fewest: each leaves out a part of the one before, at
// least one.
std::vector<std::size_t> sizes_down(std::size_t n, std::size_t fewest, double step) {
  std::vector<std::size_t> out = {n};
  while (out.back() > fewest) {
    const auto gone =
        std::max<std::size_t>(1, static_cast<std::size_t>(step * static_cast<double>(out.back())));
    out.push_back(std::max(fewest, out.back() - std::min(gone, out.back())));
  }
  return out;
}

// The `n` columns of the largest importance, in their order; the earlier of equal ones.
std::vector<std::size_t> most_important(const std::vector<std::size_t>& columns,
                                        const std::vector<double>& importance, std::size_t n) {
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return importance[i]; });
  order.resize(n);
  std::ranges::sort(order);
  for (std::size_t& i : order) i = columns[i];
  return order;
}

data::Frame columns_of(const data::Frame& x, const std::vector<std::size_t>& columns) {
  std::vector<std::string> names;
  for (const std::size_t c : columns) names.push_back(x.name(c));
  return x.select(names);
}

/// Leaves out the least important columns of a learner again and again, and keeps the set by which it
/// predicts held-out rows best.
///
/// Method: within each fold the learner is fitted on all columns, then without the least important part
/// (`step` of
///         them, at least one), down to min_columns; the number with the lowest mean loss is taken (the
///         smaller of equal ones), and the elimination is done once more on all rows down to it.
/// Score:  the number of rounds that a column stays.
/// Source: Guyon et al. (2002); as scikit-learn's RFECV, whose step counts from the columns at the start.
class RecursiveElimination final : public FeatureSelector {
 public:
  explicit RecursiveElimination(RecursiveEliminationParams params) : params_(std::move(params)) {
    check_learner("recursive_elimination", params_.estimator);
  }

 private:
  Selection do_fit(const data::Frame& x, const data::TargetView& y, const Context& context) const override {
    const std::size_t fewest = std::min(x.n_columns(), static_cast<std::size_t>(params_.min_columns));
    const auto sizes = sizes_down(x.n_columns(), fewest, params_.step);
    std::vector<double> loss(sizes.size());
    for (const Split& fold :
         folds_of(y, x.n_rows(), static_cast<std::size_t>(params_.n_folds), context.seed)) {
      const TargetRows target(y, fold.valid);
      eliminate(x, y, fold.train, sizes, context,
                [&](std::size_t i, const FittedLearner& fitted, const data::Frame& part) {
                  loss[i] += loss_on(fitted, part.take(fold.valid), target.view(), context);
                });
    }
    std::size_t best = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (loss[i] <= loss[best]) best = i;
    std::vector<std::uint32_t> all(x.n_rows());
    std::iota(all.begin(), all.end(), 0U);
    Selection out{std::vector<std::uint8_t>(x.n_columns()), std::vector<double>(x.n_columns())};
    const std::vector<std::size_t> down(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(best + 1));
    const auto kept =
        eliminate(x, y, all, down, context, [&](std::size_t, const FittedLearner&, const data::Frame& part) {
          for (const auto& name : part.names()) out.score[*x.find(name)] += 1;
        });
    for (const std::size_t c : kept) out.kept[c] = 1;
    return out;
  }

  // Fits on the columns of each size and tells `seen`; gives the columns of the last one.
  std::vector<std::size_t> eliminate(const data::Frame& x, const data::TargetView& y,
                                     std::span<const std::uint32_t> rows,
                                     const std::vector<std::size_t>& sizes, const Context& context,
                                     auto&& seen) const {
    std::vector<std::size_t> columns(x.n_columns());
    std::iota(columns.begin(), columns.end(), std::size_t{0});
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const data::Frame part = columns_of(x, columns);
      const auto fitted = fit_learner(params_.estimator, part, y, rows, context);
      if (fitted.importance.size() != columns.size())
        throw Error(
            ErrorCode::kInvalidParameter,
            "recursive_elimination: learner {} gives its columns no importance; use another one, such as "
            "random_forest",
            params_.estimator);
      seen(i, fitted, part);
      if (i + 1 < sizes.size()) columns = most_important(columns, fitted.importance, sizes[i + 1]);
    }
    return columns;
  }

  RecursiveEliminationParams params_;
};

}  // namespace

FeatureSelectorInfo recursive_elimination_info() {
  return describe_selector<RecursiveElimination>(
      "recursive_elimination",
      "Leave out the least important columns as long as held-out rows are predicted as well.",
      ParamTable<RecursiveEliminationParams>()
          .param("estimator", &RecursiveEliminationParams::estimator,
                 "The learner: any that tells importances.")
          .param("step", &RecursiveEliminationParams::step,
                 "Part of the columns that goes at a time, at least one.")
          .limits(0, 0.9)
          .param("n_folds", &RecursiveEliminationParams::n_folds,
                 "Folds by which the number of columns is chosen.")
          .limits(2, 100)
          .param("min_columns", &RecursiveEliminationParams::min_columns, "Fewest columns that stay.")
          .limits(1, 1e9));
}

}  // namespace kolosal::pipeline
