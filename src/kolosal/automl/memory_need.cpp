#include "kolosal/automl/memory_need.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace kolosal::automl {
namespace {

/// Code, libraries, the store of the run, predictions.
constexpr std::size_t kProgramBytes = 72UL << 20;
constexpr double kCacheShare = 0.25;
constexpr double kPausedShare = 0.125;  // of what is for fits
constexpr std::size_t kMostCacheBytes = 768UL << 20;
constexpr double kBoosterBytesPerCell = 16;

double bytes_per_cell(const std::string& estimator) {
  static const std::map<std::string, double, std::less<>> kMeasured = {{"constant", 0},
                                                                       {"lightgbm", kBoosterBytesPerCell},
                                                                       {"xgboost", 24},
                                                                       {"ordered_boosting", 12},
                                                                       {"mlp", 12},
                                                                       {"random_forest", 36},
                                                                       {"extra_trees", 36},
                                                                       {"ridge", 44},
                                                                       {"logistic_regression", 44}};
  const auto found = kMeasured.find(estimator);
  return found == kMeasured.end() ? 44 : found->second;
}

/// Views that add columns make a copy of what is not shared.
double view_factor(const std::string& view) { return view == "native" || view == "linear" ? 1 : 1.6; }

/// Most leaves of one tree of a booster, where the table has rows for them.
double n_leaves_of(const Candidate& candidate, std::size_t n_rows) {
  const auto of_depth = [](std::int64_t depth) { return std::ldexp(1.0, static_cast<int>(depth)); };
  double out = 64;  // ordered boosting
  if (candidate.estimator == "lightgbm") {
    out = static_cast<double>(integer_param(candidate.params, "num_leaves", 31));
  } else if (candidate.estimator == "xgboost") {
    const std::int64_t leaves = integer_param(candidate.params, "max_leaves", 0);
    out =
        leaves > 0 ? static_cast<double>(leaves) : of_depth(integer_param(candidate.params, "max_depth", 6));
  } else if (candidate.params.contains("depth")) {
    out = of_depth(integer_param(candidate.params, "depth", 6));
  }
  return std::min(out, static_cast<double>(n_rows));
}

std::size_t beyond(std::size_t limit, std::size_t used) { return limit > used ? limit - used : 0; }

}  // namespace

MemoryShares share_memory(std::size_t limit_bytes, std::size_t table_bytes) {
  const std::size_t left = beyond(limit_bytes, kProgramBytes + table_bytes);
  const std::size_t cache =
      std::min(static_cast<std::size_t>(kCacheShare * static_cast<double>(left)), kMostCacheBytes);
  return {.cache = cache, .fits = left - cache};
}

std::size_t share_of_paused(std::size_t fits) {
  constexpr std::size_t kMost = 128UL << 20;
  return std::min(kMost, static_cast<std::size_t>(kPausedShare * static_cast<double>(fits)));
}

std::size_t expected_bytes(const Candidate& candidate, std::size_t n_cells) {
  return static_cast<std::size_t>(bytes_per_cell(candidate.estimator) * view_factor(candidate.view) *
                                  static_cast<double>(n_cells));
}

std::size_t paused_bytes(const Candidate& candidate, std::size_t n_rounds, const data::Frame& x,
                         std::size_t n_outputs) {
  constexpr double kBytesPerLeaf = 120;        // LightGBM's arrays of a tree, all as long as num_leaves
  constexpr double kBytesOfBins = 16.0 * 256;  // a gradient and a curvature of each bin of a column
  constexpr double kBytesPerScore = 24;        // score, gradient, curvature
  const double leaves = n_leaves_of(candidate, x.n_rows());
  const auto outputs = static_cast<double>(n_outputs);
  const bool sums_outputs_at_once = candidate.estimator == "ordered_boosting";
  const double trees = static_cast<double>(n_rounds) * outputs * leaves * kBytesPerLeaf;
  const double histograms =
      leaves * static_cast<double>(x.n_columns()) * kBytesOfBins * (sums_outputs_at_once ? outputs : 1);
  const double scores = static_cast<double>(x.n_rows()) * outputs * kBytesPerScore;
  return expected_bytes(candidate, x.n_rows() * x.n_columns()) +
         static_cast<std::size_t>(trees + histograms + scores);
}

void keep_within(std::vector<Candidate>& candidates, std::size_t n_cells, std::size_t fit_bytes) {
  std::vector<Candidate> out;
  for (Candidate& candidate : candidates) {
    if (candidate.estimator == "lightgbm" && expected_bytes(candidate, n_cells) > fit_bytes)
      candidate.view = "native";
    const bool is_known = std::ranges::any_of(out, [&](const Candidate& other) {
      return other.label == candidate.label ||
             (other.estimator == candidate.estimator && other.params == candidate.params &&
              other.view == candidate.view && !other.choices.change_table() &&
              !candidate.choices.change_table() &&
              other.choices.class_weight == candidate.choices.class_weight);
    });
    if (!is_known) out.push_back(std::move(candidate));
  }
  candidates = std::move(out);
}

std::size_t rows_within(std::size_t limit_bytes, const data::Frame& table) {
  if (table.n_rows() == 0) return 0;
  const auto n_rows = static_cast<double>(table.n_rows());
  const double table_bytes = static_cast<double>(table.n_bytes()) / n_rows;
  // A booster's fit lives in what the cache and paused boosters leave.
  const double fit_bytes = kBoosterBytesPerCell * static_cast<double>(table.n_columns()) /
                           ((1 - kCacheShare) * (1 - kPausedShare));
  const double most =
      static_cast<double>(beyond(limit_bytes, kProgramBytes)) / std::max(1.0, table_bytes + fit_bytes);
  return static_cast<std::size_t>(std::min(n_rows, most));
}

}  // namespace kolosal::automl
