#include <algorithm>
#include <cmath>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/isolation_forest_internal.hpp"
#include "kolosal/transform/numeric_map_internal.hpp"
#include "kolosal/transform/outlier_bounds_internal.hpp"
#include "kolosal/transform/sorted_cells_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct OutliersParams {
  std::string method = "iqr";
  double threshold = 0;
  std::string action = "clip";
  double contamination = 0;
  std::int64_t n_trees = 100;
  std::int64_t max_samples = 256;
};

/// Finds cells (isolation_forest: rows) unlike the fitted ones, and
///
///   clip:       puts the bound in their place;
///   winsorize:  puts the nearest fitted cell that is no outlier in their place;
///   missing:    makes them missing, for a later imputation (isolation_forest: all cells of the row);
///   flag:       leaves them and adds 0/1 columns <name>_outlier (isolation_forest: the column
///   isolation_score).
///
/// isolation_forest judges whole rows: clip and winsorize cut the cells of an outlying row to the range of
/// the fitted rows that are none.
///
/// Types:   float32 stays float32, everything else becomes float64 (flag: the columns stay as they are).
/// Missing: fit() ignores NaN and infinities; NaN stays. An infinity is an outlier wherever its column has a
/// bound. Edge:    a constant column and one without a finite cell have no outliers (iqr, percentile: cells
/// that differ
///          from the constant are).
/// Streams: as outlier_bounds() of a stream says: zscore to rounding, the others exactly up to 32,768 present
/// cells, then with a rank error of 0.13 % (the MAD of modified_zscore: 0.26 %). isolation_forest draws rows
/// of the whole table and scores all of them: not in a stream. Source:  see OutlierRule; isolation_forest:
/// Liu, Ting and Zhou (2008), as in scikit-learn's IsolationForest.
class Outliers final : public Transformer {
 public:
  explicit Outliers(OutliersParams params)
      : params_(std::move(params)),
        rule_{params_.method, params_.threshold, params_.contamination, params_.n_trees, params_.max_samples},
        by_row_(params_.method == "isolation_forest") {
    if (params_.method == "percentile" && rule_.used_threshold() >= 50)
      throw Error(ErrorCode::kInvalidParameter, "outliers: threshold of percentile must be below 50: {}",
                  params_.threshold);
  }
  bool can_stream() const override { return !by_row_; }
  std::string stream_obstacle() const override {
    return "isolation_forest draws rows of the whole table (the other methods go by column)";
  }
  std::string made_types() const override { return params_.action == "flag" ? "numeric" : "float,float32"; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  void do_begin_stream() override {
    const bool needs_ranks = params_.method != "zscore" || params_.action == "winsorize";
    gathered_ = {input_columns().size(), needs_ranks};
  }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, "outliers", "numeric");
    gathered_.add(x, context);
  }
  void do_merge(const Transformer& other) override {
    gathered_.merge(dynamic_cast<const Outliers&>(other).gathered_);
  }
  void do_finish_fit(const Context&) override {
    bounds_.clear();
    for (std::size_t c = 0; c < gathered_.n_columns(); ++c)
      bounds_.push_back(outlier_bounds(gathered_, c, rule_));
    gathered_ = {};
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;
  std::vector<double> scores_of(const data::Frame& x, const Context& context) const;
  std::vector<Named> flags(const data::Frame& x, const Context& context) const;
  std::vector<Named> replaced(const data::Frame& x, const Context& context) const;
  void replace(std::size_t column, std::span<double> cells, const double* scores) const;

  OutliersParams params_;
  OutlierRule rule_;
  bool by_row_;
  std::vector<OutlierBounds> bounds_;  // isolation_forest: the range of the rows that are no outliers
  IsolationForest forest_;
  double most_score_ = 1;
  GatheredNumbers gathered_;  // of a stream
};

void Outliers::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                      const Context& context) {
  require_types(x, "outliers", "numeric");
  bounds_.assign(x.n_columns(), {-kInf, kInf, -kInf, kInf});
  std::vector<std::uint32_t> inliers;
  if (by_row_) {
    const auto cells = numbers_of(x);
    forest_.fit(cells, rows, static_cast<std::size_t>(params_.n_trees),
                static_cast<std::size_t>(params_.max_samples), context);
    const auto scores = forest_.scores(cells, rows, context);
    most_score_ = outlier_score_bound(scores, rule_);
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!(scores[i] > most_score_)) inliers.push_back(rows[i]);
  }
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    if (!by_row_) {
      bounds_[c] = outlier_bounds(sorted_cells(x.column(c), rows), rule_);
      return;
    }
    const auto sorted = sorted_cells(x.column(c), inliers);
    if (!sorted.empty()) bounds_[c] = {sorted.front(), sorted.back(), sorted.front(), sorted.back()};
  });
}

std::vector<double> Outliers::scores_of(const data::Frame& x, const Context& context) const {
  return forest_.scores(numbers_of(x), every_row(x.n_rows()), context);
}

void Outliers::replace(std::size_t column, std::span<double> cells, const double* scores) const {
  const OutlierBounds& bounds = bounds_[column];
  const bool missing = params_.action == "missing", winsorize = params_.action == "winsorize";
  const double low = missing ? kNaN : winsorize ? bounds.least : bounds.lower;
  const double high = missing ? kNaN : winsorize ? bounds.greatest : bounds.upper;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (scores && !(scores[i] > most_score_)) continue;
    if (scores && missing)
      cells[i] = kNaN;
    else if (cells[i] < bounds.lower)
      cells[i] = low;
    else if (cells[i] > bounds.upper)
      cells[i] = high;
  }
}

std::vector<Transformer::Named> Outliers::replaced(const data::Frame& x, const Context& context) const {
  const auto scores = by_row_ ? scores_of(x, context) : std::vector<double>();
  auto columns = map_numbers(x, context, [&](std::size_t c, std::size_t first_row, std::span<double> cells) {
    replace(c, cells, by_row_ ? scores.data() + first_row : nullptr);
  });
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), std::move(columns[c])});
  return out;
}

std::vector<Transformer::Named> Outliers::flags(const data::Frame& x, const Context& context) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), x.column(c)});
  if (by_row_) {
    out.push_back({"isolation_score", Column::from_float64(scores_of(x, context))});
    return out;
  }
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Numbers cells(x.column(c));
    std::vector<float> flag(cells.size());
    for (std::size_t i = 0; i < flag.size(); ++i)
      flag[i] = cells[i] < bounds_[c].lower || cells[i] > bounds_[c].upper ? 1.0F : 0.0F;
    out.push_back({x.name(c) + "_outlier", Column::from_float32(std::move(flag))});
  }
  return out;
}

std::vector<Transformer::Named> Outliers::do_transform(const data::Frame& x, const Context& context) const {
  return params_.action == "flag" ? flags(x, context) : replaced(x, context);
}

void Outliers::do_save(artifact::Node& node) const {
  std::vector<double> bounds;
  for (const OutlierBounds& b : bounds_) bounds.insert(bounds.end(), {b.lower, b.upper, b.least, b.greatest});
  node.set_array("bounds", bounds);
  if (!by_row_) return;
  node.set("most_score", most_score_);
  forest_.save(node.add_child("forest"));
}

void Outliers::do_load(const artifact::Node& node) {
  const auto bounds = node.array<double>("bounds");
  check_saved_size("outliers", {bounds.size()}, 4 * input_columns().size());
  bounds_.clear();
  for (std::size_t i = 0; i < bounds.size(); i += 4)
    bounds_.push_back({bounds[i], bounds[i + 1], bounds[i + 2], bounds[i + 3]});
  if (!by_row_) return;
  most_score_ = node.get_double("most_score");
  forest_.load(node.child("forest"), input_columns().size());
}

}  // namespace

TransformerInfo outliers_info() {
  return describe<Outliers>(
      "outliers", "Cut, blank or flag numbers that are unlike the others.", "numeric",
      ParamTable<OutliersParams>()
          .param("method", &OutliersParams::method,
                 "zscore, modified_zscore (median and MAD), iqr or percentile for each column; "
                 "isolation_forest for "
                 "rows as a whole.",
                 OutlierRule::methods())
          .param("threshold", &OutliersParams::threshold,
                 "zscore: standard deviations (3); modified_zscore: its units (3.5); iqr: ranges beyond the "
                 "quartiles "
                 "(1.5); percentile: percent cut at either end (1); isolation_forest: score (0.5). 0 takes "
                 "the one in "
                 "brackets.")
          .limits(0, 1e9)
          .param("action", &OutliersParams::action,
                 "clip: to the bound; winsorize: to the nearest fitted number within; missing: no cell; "
                 "flag: only "
                 "tell, in a column more.",
                 choice({"clip", "winsorize", "missing", "flag"}))
          .param("contamination", &OutliersParams::contamination,
                 "isolation_forest: share of the fitted rows that are outliers; 0 goes by the threshold.")
          .limits(0, 0.5)
          .param("n_trees", &OutliersParams::n_trees, "Trees of isolation_forest.")
          .limits(1, 100'000)
          .param("max_samples", &OutliersParams::max_samples, "Fitted rows in each tree of isolation_forest.")
          .limits(2, 1e9));
}

}  // namespace kolosal::transform
