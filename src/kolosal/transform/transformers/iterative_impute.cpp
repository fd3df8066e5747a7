#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/bayesian_ridge_internal.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/infinities_internal.hpp"
#include "kolosal/transform/regression_forest_internal.hpp"
#include "kolosal/transform/row_sample_internal.hpp"
#include "kolosal/transform/statistics_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

struct IterativeParams {
  std::string estimator = "ridge";
  std::string initial = "mean";
  std::int64_t max_iter = 10;
  double tol = 1e-3;
  std::int64_t n_draws = 0;
  std::int64_t n_trees = 10;
  std::int64_t min_leaf = 5;
  double max_features = 1;
  std::int64_t max_rows = 100'000;
  std::string infinities = "missing";
};

/// Fills missing cells by regressions on the other columns, in turns: every column with holes is predicted
/// from all others as they are filled so far, round after round until the fills hardly move.
///
/// Regression: ridge is Bayesian ridge; tree, one CART tree; extra_trees, trees with random splits of all
/// rows;
///           random_forest, trees of bootstrapped rows (with max_features 0.33, as missForest).
/// Draws:    n_draws = 0 fills with what the regression predicts; more fill with the mean of so many draws
///           (multiple imputation), each a chain through all rounds: of the posterior (ridge), or the target
///           of a random row in the leaf of a random tree. A draw depends on the cells of the row and the
///           seed alone, so equal rows get equal fills.
/// Ends:     after max_iter rounds or by tol. Trees also end, and forget the last round, when its fills moved
///           more than those of the round before, by the sum of squares over that of the fills (missForest);
///           not with draws, nor with tol 0.
/// Order:    columns with few holes first.
/// Types:    float32 stays float32, everything else becomes float64.
/// Missing:  NaN, and infinities as `infinities` says.
/// Edge:     a column without a fitted cell is filled with 0 and not used; columns whose products overflow
/// keep
///           their first fill, and so do cells whose prediction does. One column alone gets its first fill.
/// Cost:     ridge: rounds x columns x rows x columns^2, state of rounds x columns^2 (draws: columns^3)
/// numbers;
///           trees: rounds x columns x trees x rows x columns x depth, state of 16 bytes for each of
///           rounds x columns x trees x (up to 2 x rows / min_leaf) nodes: keep max_rows and n_trees low.
/// Source:   van Buuren and Groothuis-Oudshoorn (2011); Stekhoven and Buehlmann (2012); agrees with
///           scikit-learn's IterativeImputer() and, for tree, that of a DecisionTreeRegressor; random draws
///           differ.
class IterativeImpute final : public Transformer {
 public:
  explicit IterativeImpute(IterativeParams params)
      : params_(std::move(params)), infinities_(params_.infinities) {}
  std::string made_types() const override { return "float,float32"; }

 private:
  // One regression of the sequence: column `target` from all other used columns.
  struct Turn {
    std::size_t target;  // in used_
    BayesianRidge model;
    RegressionForest forest;  // empty for ridge
  };
  using Cells = std::vector<std::vector<double>>;

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;
  void fit_rounds(const Cells& given, const Context& context);
  Turn fit_turn(const Cells& given, const Cells& filled, std::size_t target, std::uint64_t seed,
                const Context& context) const;
  void fill_column(const Turn& turn, const Cells& given, std::uint64_t seed, Cells& filled,
                   std::vector<double>& moved, const Context& context) const;
  bool has_trees() const { return params_.estimator != "ridge"; }
  double fill(const Turn& turn, std::vector<double>& others, Rng* rng) const;
  std::uint64_t row_seed(std::span<const double> row, std::uint64_t draw) const;
  std::vector<double> filled_row(std::span<const double> row) const;

  IterativeParams params_;
  Infinities infinities_;
  std::vector<double> first_;      // by column: its first fill
  std::vector<std::size_t> used_;  // columns with a fitted cell
  std::vector<Turn> turns_;        // in the order of the rounds
  std::uint64_t seed_ = 0;
};

// The cells of a row but one.
void without(std::span<const double> row, std::size_t target, std::vector<double>& out) {
  out.clear();
  for (std::size_t c = 0; c < row.size(); ++c)
    if (c != target) out.push_back(row[c]);
}

void IterativeImpute::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                             const data::TargetView&, const Context& context) {
  require_types(x, "iterative_impute", "numeric");
  infinities_.fit(x, rows);
  const auto taken =
      sample_rows(rows, static_cast<std::size_t>(params_.max_rows), context.seed, "iterative_impute");
  first_.assign(x.n_columns(), 0.0);
  used_.clear();
  turns_.clear();
  seed_ = context.seed;
  Cells given;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    auto cells = infinities_.cells_of(x, c, taken);
    std::vector<double> present;
    for (const double cell : cells)
      if (!std::isnan(cell)) present.push_back(cell);
    if (present.empty()) continue;
    first_[c] = params_.initial == "mean" ? mean_of(present) : quantile_of(present, 0.5);
    used_.push_back(c);
    given.push_back(std::move(cells));
  }
  if (used_.size() > 1) fit_rounds(given, context);
}

IterativeImpute::Turn IterativeImpute::fit_turn(const Cells& given, const Cells& filled, std::size_t target,
                                                std::uint64_t seed, const Context& context) const {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t row = 0; row < given[target].size(); ++row)
    if (!std::isnan(given[target][row])) rows.push_back(row);
  Cells features(filled.size() - 1, std::vector<double>(rows.size()));
  std::vector<double> y(rows.size());
  context.parallel_blocks(filled.size(), 1, [&](std::size_t c, std::size_t) {
    auto& out = c == target ? y : features[c - (c > target ? 1 : 0)];
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = filled[c][rows[i]];
  });
  const bool draws = params_.n_draws > 0;
  if (!has_trees()) return {target, fit_bayesian_ridge(features, y, draws, context), {}};
  const RegressionForestOptions options = {
      .n_trees = params_.estimator == "tree" ? 1 : static_cast<std::size_t>(params_.n_trees),
      .bootstrap = params_.estimator == "random_forest",
      .random_splits = params_.estimator == "extra_trees",
      .max_features = params_.max_features,
      .min_leaf = static_cast<std::size_t>(params_.min_leaf),
      .keep_donors = draws};
  Turn out{target, {}, {}};
  out.forest.fit(features, y, options, seed, context);
  return out;
}

// NaN where the model has no prediction.
double IterativeImpute::fill(const Turn& turn, std::vector<double>& others, Rng* rng) const {
  double value = kNaN;
  if (!turn.forest.empty()) {
    value = rng ? turn.forest.draw(others, *rng) : turn.forest.predict(others);
  } else if (!turn.model.coefficients.empty()) {
    value = turn.model.predict(others);
    if (rng) value += turn.model.deviation(others) * rng->normal();
  }
  return std::isfinite(value) ? value : kNaN;
}

// Fills the holes of the turn's column; adds to `moved` how far each row went.
void IterativeImpute::fill_column(const Turn& turn, const Cells& given, std::uint64_t seed, Cells& filled,
                                  std::vector<double>& moved, const Context& context) const {
  const std::size_t n = given.size(), target = turn.target;
  context.parallel_blocks(moved.size(), kRowGrain, [&](std::size_t begin, std::size_t end) {
    Rng rng(derive_seed(seed, {"rows", std::uint64_t{begin}}));
    std::vector<double> others(n - 1);
    for (std::size_t row = begin; row < end; ++row) {
      if (!std::isnan(given[target][row])) continue;
      for (std::size_t c = 0, i = 0; c < n; ++c)
        if (c != target) others[i++] = filled[c][row];
      const double value = fill(turn, others, params_.n_draws > 0 ? &rng : nullptr);
      if (std::isnan(value)) continue;
      moved[row] += std::abs(value - filled[target][row]);
      filled[target][row] = value;
    }
  });
}

// Sum of squares by which fills moved, over that of the fills.
double change_of(const std::vector<std::vector<double>>& given,
                 const std::vector<std::vector<double>>& before,
                 const std::vector<std::vector<double>>& after) {
  double moved = 0, size = 0;
  for (std::size_t c = 0; c < given.size(); ++c)
    for (std::size_t row = 0; row < given[c].size(); ++row) {
      if (!std::isnan(given[c][row])) continue;
      moved += (after[c][row] - before[c][row]) * (after[c][row] - before[c][row]);
      size += after[c][row] * after[c][row];
    }
  return size > 0 ? moved / size : 0;
}

void IterativeImpute::fit_rounds(const Cells& given, const Context& context) {
  const std::size_t n = given.size(), n_rows = given[0].size();
  Cells filled = given;
  std::vector<std::size_t> n_holes(n), order(n);
  double most = 0;
  for (std::size_t c = 0; c < n; ++c)
    for (double& cell : filled[c]) {
      if (!std::isnan(cell)) {
        most = std::max(most, std::abs(cell));
        continue;
      }
      cell = first_[used_[c]];
      ++n_holes[c];
    }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t c) { return n_holes[c]; });
  const bool draws = params_.n_draws > 0;
  double last_change = kInf;
  for (std::int64_t round = 0; round < params_.max_iter && !context.should_stop(); ++round) {
    std::vector<double> moved(n_rows);
    const Cells before = has_trees() ? filled : Cells();
    for (const std::size_t target : order) {
      const std::uint64_t seed =
          derive_seed(seed_, {"fit", static_cast<std::uint64_t>(round), "column", std::uint64_t{target}});
      turns_.push_back(fit_turn(given, filled, target, seed, context));
      fill_column(turns_.back(), given, seed, filled, moved, context);
    }
    if (draws || params_.tol == 0) continue;
    if (std::ranges::max(moved) < params_.tol * most) break;
    if (!has_trees()) continue;
    const double change = change_of(given, before, filled);
    if (change > last_change) {
      turns_.resize(turns_.size() - n);
      break;
    }
    last_change = change;
  }
}

std::uint64_t IterativeImpute::row_seed(std::span<const double> row, std::uint64_t draw) const {
  std::uint64_t out = derive_seed(seed_, {"draw", draw});
  for (const double cell : row)  // any NaN is the same cell
    out = derive_seed(out, {std::isnan(cell) ? ~std::uint64_t{0} : std::bit_cast<std::uint64_t>(cell)});
  return out;
}

// A row of used columns with its holes filled: by the mean of the draws, if any.
std::vector<double> IterativeImpute::filled_row(std::span<const double> row) const {
  std::vector<double> sum(row.size()), current, others;
  const auto n_chains = static_cast<std::uint64_t>(std::max<std::int64_t>(1, params_.n_draws));
  for (std::uint64_t chain = 0; chain < n_chains; ++chain) {
    Rng rng(params_.n_draws > 0 ? row_seed(row, chain) : 0);
    current.assign(row.begin(), row.end());
    for (std::size_t c = 0; c < row.size(); ++c)
      if (std::isnan(current[c])) current[c] = first_[used_[c]];
    for (const Turn& turn : turns_) {
      if (!std::isnan(row[turn.target])) continue;
      without(current, turn.target, others);
      const double value = fill(turn, others, params_.n_draws > 0 ? &rng : nullptr);
      if (!std::isnan(value)) current[turn.target] = value;
    }
    for (std::size_t c = 0; c < row.size(); ++c)
      sum[c] += n_chains == 1 ? current[c] : current[c] / static_cast<double>(n_chains);
  }
  return sum;
}

std::vector<Transformer::Named> IterativeImpute::do_transform(const data::Frame& x,
                                                              const Context& context) const {
  Cells cells(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1,
                          [&](std::size_t c, std::size_t) { cells[c] = infinities_.cells_of(x, c); });
  context.parallel_blocks(x.n_rows(), 256, [&](std::size_t begin, std::size_t end) {
    std::vector<double> row(used_.size());
    for (std::size_t r = begin; r < end; ++r) {
      bool has_hole = false;
      for (std::size_t i = 0; i < used_.size(); ++i) {
        row[i] = cells[used_[i]][r];
        has_hole |= std::isnan(row[i]);
      }
      if (!has_hole) continue;
      const auto filled = filled_row(row);
      for (std::size_t i = 0; i < used_.size(); ++i)
        if (std::isnan(row[i])) cells[used_[i]][r] = filled[i];
    }
  });
  for (auto& column : cells)  // what has no fitted cell
    for (double& cell : column)
      if (std::isnan(cell)) cell = 0;
  auto columns = imputed_columns(x, std::move(cells), infinities_.keeps());
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), std::move(columns[c])});
  return out;
}

void IterativeImpute::do_save(artifact::Node& node) const {
  std::vector<std::uint32_t> used(used_.begin(), used_.end());
  node.set_array("first", first_);
  node.set_array("used", used);
  node.set("seed", static_cast<std::int64_t>(seed_));
  node.set("n_turns", turns_.size());
  infinities_.save(node);
  for (std::size_t t = 0; t < turns_.size(); ++t) {
    const BayesianRidge& model = turns_[t].model;
    artifact::Node& child = node.add_child(fmt::format("turn_{}", t));
    child.set("target", turns_[t].target);
    if (has_trees()) {
      turns_[t].forest.save(child);
      continue;
    }
    child.set("intercept", model.intercept);
    child.set("noise_precision", model.noise_precision);
    child.set_array("coefficients", model.coefficients);
    child.set_array("centre", model.centre);
    child.set_array("covariance", model.covariance);
  }
}

void IterativeImpute::do_load(const artifact::Node& node) {
  first_ = node.get_vector<double>("first");
  check_saved_size("iterative_impute", {first_.size()}, input_columns().size());
  used_.clear();
  for (const std::uint32_t c : node.array<std::uint32_t>("used")) used_.push_back(c);
  seed_ = static_cast<std::uint64_t>(node.get_int("seed"));
  infinities_.load(node, first_.size());
  turns_.clear();
  bool right = std::ranges::all_of(used_, [&](std::size_t c) { return c < first_.size(); });
  for (std::int64_t t = 0; t < node.get_int("n_turns") && right; ++t) {
    const artifact::Node& child = node.child(fmt::format("turn_{}", t));
    Turn turn{static_cast<std::size_t>(child.get_int("target")), {}, {}};
    right = turn.target < used_.size();
    if (has_trees()) {
      turn.forest.load(child, used_.size() - 1);
      right = right && (turn.forest.empty() || params_.n_draws == 0 || turn.forest.has_donors());
      turns_.push_back(std::move(turn));
      continue;
    }
    turn.model.intercept = child.get_double("intercept");
    turn.model.noise_precision = child.get_double("noise_precision");
    turn.model.coefficients = child.get_vector<double>("coefficients");
    turn.model.centre = child.get_vector<double>("centre");
    turn.model.covariance = child.get_vector<double>("covariance");
    const std::size_t n = used_.size() - 1;
    right = right && (turn.model.coefficients.empty() ||
                      (turn.model.coefficients.size() == n && turn.model.centre.size() == n &&
                       turn.model.covariance.size() == (params_.n_draws > 0 ? n * n : 0)));
    turns_.push_back(std::move(turn));
  }
  if (!right)
    throw Error(ErrorCode::kModel, "the saved state of step iterative_impute is damaged: regression {}",
                turns_.size());
}

}  // namespace

TransformerInfo iterative_impute_info() {
  return describe<IterativeImpute>(
      "iterative_impute",
      "Fill missing numbers by regressions on the other columns, in turns: linear, or trees.", "numeric",
      ParamTable<IterativeParams>()
          .param("estimator", &IterativeParams::estimator,
                 "What predicts a column from the others: Bayesian ridge, one CART tree, extra trees, or a "
                 "random "
                 "forest.",
                 choice({"ridge", "tree", "extra_trees", "random_forest"}))
          .param("initial", &IterativeParams::initial, "What fills a hole before the first regression.",
                 choice({"mean", "median"}))
          .param("max_iter", &IterativeParams::max_iter, "Rounds over all columns, at most.")
          .limits(1, 1000)
          .param("tol", &IterativeParams::tol,
                 "Ends when no row moves by more than this share of the greatest magnitude in the table.")
          .limits(0, 1)
          .param("n_draws", &IterativeParams::n_draws,
                 "0 fills with the mean of the regression; more, with the mean of so many draws of its "
                 "posterior.")
          .limits(0, 1000)
          .param("n_trees", &IterativeParams::n_trees, "Trees of extra_trees and random_forest.")
          .limits(1, 10'000)
          .param("min_leaf", &IterativeParams::min_leaf, "Fewest fitted rows in a leaf of a tree.")
          .limits(1, 1e9)
          .param("max_features", &IterativeParams::max_features,
                 "Part of the columns that a split of a tree may choose from.")
          .limits(0, 1)
          .param(
              "max_rows", &IterativeParams::max_rows,
              "Rows that the regressions are fitted on, drawn by the seed when there are more; 0 takes all.")
          .limits(0, 1e9)
          .param("infinities", &IterativeParams::infinities,
                 "Infinite cells: missing (filled), keep, clip (to the fitted range) or error.",
                 Infinities::choices()));
}

}  // namespace kolosal::transform
