#include "kolosal/transform/isolation_forest_internal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kolosal/core/random.hpp"
#include "kolosal/transform/outlier_bounds_internal.hpp"
#include "kolosal/transform/row_sample_internal.hpp"
#include "kolosal/transform/sorted_cells_internal.hpp"

namespace kolosal::transform {
namespace {

// Mean path length of an unsuccessful search in a binary tree of n rows.
double expected_length(std::size_t n) {
  if (n <= 1) return 0;
  if (n == 2) return 1;
  const auto size = static_cast<double>(n);
  return 2 * (std::log(size - 1) + std::numbers::egamma) - 2 * (size - 1) / size;
}

}  // namespace

struct IsolationForest::Tree {
  const std::vector<Numbers>& cells;
  std::size_t most_depth;
  Rng rng;
  std::vector<std::int32_t> column;
  std::vector<double> threshold;
  std::vector<std::uint32_t> left, right;
  std::vector<std::uint8_t> missing_left;

  std::uint32_t add_node() {
    column.push_back(-1);
    threshold.push_back(0);
    left.push_back(0);
    right.push_back(0);
    missing_left.push_back(0);
    return static_cast<std::uint32_t>(column.size() - 1);
  }

  // A column in which the rows differ, drawn evenly among these; its range. -1: the rows are all the same.
  std::int32_t draw_column(std::span<const std::uint32_t> rows, double& low, double& high) {
    std::vector<std::int32_t> left_over(cells.size());
    for (std::size_t c = 0; c < left_over.size(); ++c) left_over[c] = static_cast<std::int32_t>(c);
    while (!left_over.empty()) {
      const auto at = static_cast<std::size_t>(rng.below(left_over.size()));
      const std::int32_t c = left_over[at];
      low = std::numeric_limits<double>::infinity(), high = -low;
      for (const std::uint32_t row : rows) {
        const double cell = cells[static_cast<std::size_t>(c)][row];
        if (std::isfinite(cell)) low = std::min(low, cell), high = std::max(high, cell);
      }
      if (low < high) return c;
      left_over[at] = left_over.back();
      left_over.pop_back();
    }
    return -1;
  }

  std::uint32_t grow(std::span<std::uint32_t> rows, std::size_t depth) {
    const std::uint32_t node = add_node();
    double low = 0, high = 0;
    const std::int32_t c = rows.size() > 1 && depth < most_depth ? draw_column(rows, low, high) : -1;
    if (c < 0) {
      threshold[node] = static_cast<double>(depth) + expected_length(rows.size());
      return node;
    }
    const double share = rng.uniform();
    double cut = low * (1 - share) + high * share;  // high - low may overflow
    if (!(cut < high)) cut = low;
    const auto& numbers = cells[static_cast<std::size_t>(c)];
    std::size_t n_left = 0, n_right = 0;
    for (const std::uint32_t row : rows)
      if (std::isfinite(numbers[row])) ++(numbers[row] <= cut ? n_left : n_right);
    const bool holes_left = rng.below(n_left + n_right) < n_left;
    const auto middle = std::stable_partition(rows.begin(), rows.end(), [&](std::uint32_t row) {
      return std::isfinite(numbers[row]) ? numbers[row] <= cut : holes_left;
    });
    column[node] = c;
    threshold[node] = cut;
    missing_left[node] = holes_left;
    const std::uint32_t lower = grow({rows.begin(), middle}, depth + 1);
    const std::uint32_t upper = grow({middle, rows.end()}, depth + 1);
    left[node] = lower;
    right[node] = upper;
    return node;
  }
};

void IsolationForest::fit(const std::vector<Numbers>& cells, std::span<const std::uint32_t> rows,
                          std::size_t n_trees, std::size_t max_samples, const Context& context) {
  *this = {};
  const std::size_t n = std::min(max_samples, rows.size());
  if (n == 0) return;
  expected_ = std::max(expected_length(n), std::numeric_limits<double>::min());
  const auto most_depth =
      static_cast<std::size_t>(std::ceil(std::log2(std::max<double>(2, static_cast<double>(n)))));
  std::vector<Tree> trees;
  for (std::size_t t = 0; t < n_trees; ++t)
    trees.push_back({cells,
                     most_depth,
                     Rng(derive_seed(context.seed, {"isolation_forest", std::uint64_t{t}})),
                     {},
                     {},
                     {},
                     {},
                     {}});
  context.parallel_blocks(n_trees, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      auto taken =
          sample_rows(rows, n, derive_seed(context.seed, {"isolation_sample", std::uint64_t{t}}), "tree");
      trees[t].grow(taken, 0);
    }
  });
  for (const Tree& tree : trees) {
    const auto offset = static_cast<std::uint32_t>(column_.size());
    first_.push_back(offset);
    column_.insert(column_.end(), tree.column.begin(), tree.column.end());
    threshold_.insert(threshold_.end(), tree.threshold.begin(), tree.threshold.end());
    missing_left_.insert(missing_left_.end(), tree.missing_left.begin(), tree.missing_left.end());
    for (const std::uint32_t child : tree.left) left_.push_back(child + offset);
    for (const std::uint32_t child : tree.right) right_.push_back(child + offset);
  }
}

double IsolationForest::path_length(std::size_t tree, const std::vector<Numbers>& cells,
                                    std::size_t row) const {
  std::uint32_t node = first_[tree];
  while (column_[node] >= 0) {
    const double cell = cells[static_cast<std::size_t>(column_[node])][row];
    const bool to_left = std::isfinite(cell) ? cell <= threshold_[node] : missing_left_[node] != 0;
    node = to_left ? left_[node] : right_[node];
  }
  return threshold_[node];
}

std::vector<double> IsolationForest::scores(const std::vector<Numbers>& cells,
                                            std::span<const std::uint32_t> rows,
                                            const Context& context) const {
  std::vector<double> out(rows.size(), 0.5);
  if (first_.empty()) return out;
  context.parallel_blocks(rows.size(), kRowGrain, [&](std::size_t begin, std::size_t end) {
    std::vector<double> sum(end - begin);
    // Trees outside: the nodes of one stay in the cache.
    for (std::size_t t = 0; t < first_.size(); ++t)
      for (std::size_t i = begin; i < end; ++i) sum[i - begin] += path_length(t, cells, rows[i]);
    for (std::size_t i = begin; i < end; ++i)
      out[i] = std::exp2(-sum[i - begin] / (static_cast<double>(first_.size()) * expected_));
  });
  return out;
}

void IsolationForest::save(artifact::Node& node) const {
  node.set_array("first", first_);
  node.set_array("column", column_);
  node.set_array("threshold", threshold_);
  node.set_array("left", left_);
  node.set_array("right", right_);
  node.set_array("missing_left", missing_left_);
  node.set("expected", expected_);
}

void IsolationForest::load(const artifact::Node& node, std::size_t n_columns) {
  first_ = node.get_vector<std::uint32_t>("first");
  column_ = node.get_vector<std::int32_t>("column");
  threshold_ = node.get_vector<double>("threshold");
  left_ = node.get_vector<std::uint32_t>("left");
  right_ = node.get_vector<std::uint32_t>("right");
  missing_left_ = node.get_vector<std::uint8_t>("missing_left");
  expected_ = node.get_double("expected");
  const std::size_t n = column_.size();
  check_saved_size("outliers", {threshold_.size(), left_.size(), right_.size(), missing_left_.size()}, n);
  bool right = std::ranges::all_of(first_, [&](std::uint32_t node_) { return node_ < n; });
  for (std::size_t i = 0; i < n && right; ++i)  // children follow their parents, so every path ends
    right = column_[i] < 0 || (static_cast<std::size_t>(column_[i]) < n_columns && left_[i] > i &&
                               left_[i] < n && right_[i] > i && right_[i] < n);
  if (!right)
    throw Error(ErrorCode::kModel, "the saved state of step outliers is damaged: a tree of {} nodes", n);
}

double outlier_score_bound(std::span<const double> scores, const OutlierRule& rule) {
  if (rule.contamination <= 0) return rule.used_threshold();
  std::vector<double> sorted(scores.begin(), scores.end());
  std::ranges::sort(sorted);
  return quantile_of_sorted(sorted, 1 - rule.contamination);
}

}  // namespace kolosal::transform
