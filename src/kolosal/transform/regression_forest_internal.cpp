#include "kolosal/transform/regression_forest_internal.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

// A tree on its way: nodes are numbered from 0, donors too.
struct RegressionForest::Tree {
  std::vector<std::int32_t> feature;
  std::vector<double> threshold;
  std::vector<std::uint32_t> left, n_donors;
  std::vector<double> donors;
};

namespace {

using Cells = std::vector<std::vector<double>>;
using Orders = std::vector<std::vector<std::uint32_t>>;

struct Split {
  double gain = 0;
  std::int32_t feature = -1;
  double threshold = 0;
};

// The rows of a node are the same range of rows_ and, for best splits, of each list of order_.
class Grower {
 public:
  Grower(const Cells& features, const std::vector<double>& y, const RegressionForestOptions& options,
         const Orders& order, std::uint64_t seed)
      : features_(features), y_(y), options_(options), rng_(seed), weight_(y.size(), 1.0) {
    if (options.bootstrap) {
      std::ranges::fill(weight_, 0.0);
      for (std::size_t i = 0; i < y.size(); ++i) weight_[rng_.below(y.size())] += 1;
    }
    const auto is_taken = [&](std::uint32_t row) { return weight_[row] > 0; };
    for (std::uint32_t row = 0; row < y.size(); ++row)
      if (is_taken(row)) rows_.push_back(row);
    for (const auto& list : order) {
      order_.emplace_back();
      std::ranges::copy_if(list, std::back_inserter(order_.back()), is_taken);
    }
    goes_left_.assign(y.size(), 0);
  }

  template <typename Tree>
  void grow(Tree& tree) {
    struct Task {
      std::size_t node, begin, end;
    };
    std::vector<Task> tasks = {{0, 0, rows_.size()}};
    add_nodes(tree, 1);
    while (!tasks.empty()) {
      const auto [node, begin, end] = tasks.back();
      tasks.pop_back();
      const double mean = mean_of_node(begin, end);
      const Split split = find_split(begin, end, mean);
      if (split.feature < 0) {
        make_leaf(tree, node, begin, end, mean);
        continue;
      }
      const std::size_t middle = part(begin, end, split);
      tree.feature[node] = split.feature;
      tree.threshold[node] = split.threshold;
      tree.left[node] = static_cast<std::uint32_t>(tree.feature.size());
      add_nodes(tree, 2);
      tasks.push_back({tree.left[node] + 1, middle, end});
      tasks.push_back({tree.left[node], begin, middle});
    }
  }

 private:
  template <typename Tree>
  static void add_nodes(Tree& tree, std::size_t n) {
    const std::size_t size = tree.feature.size() + n;
    tree.feature.resize(size, -1);
    tree.threshold.resize(size);
    tree.left.resize(size);
    tree.n_donors.resize(size);
  }

  template <typename Tree>
  void make_leaf(Tree& tree, std::size_t node, std::size_t begin, std::size_t end, double mean) const {
    tree.threshold[node] = mean;
    if (!options_.keep_donors) return;
    tree.left[node] = static_cast<std::uint32_t>(tree.donors.size());
    for (std::size_t i = begin; i < end; ++i)
      tree.donors.insert(tree.donors.end(), static_cast<std::size_t>(weight_[rows_[i]]), y_[rows_[i]]);
    tree.n_donors[node] = static_cast<std::uint32_t>(tree.donors.size()) - tree.left[node];
  }

  double mean_of_node(std::size_t begin, std::size_t end) const {
    double weight = 0, sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      weight += weight_[rows_[i]];
      sum += weight_[rows_[i]] * y_[rows_[i]];
    }
    return sum / weight;
  }

  // By how much a split lowers the sum of squares of targets less their mean; only the order matters.
  static double gain_of(double left_sum, double left_weight, double sum, double weight) {
    const double right_sum = sum - left_sum, right_weight = weight - left_weight;
    return left_sum * left_sum / left_weight + right_sum * right_sum / right_weight;
  }

  Split find_split(std::size_t begin, std::size_t end, double mean) {
    Split best;
    const bool is_constant = std::all_of(rows_.begin() + static_cast<std::ptrdiff_t>(begin),
                                         rows_.begin() + static_cast<std::ptrdiff_t>(end),
                                         [&](std::uint32_t row) { return y_[row] == y_[rows_[begin]]; });
    if (end - begin < 2 * options_.min_leaf || is_constant) return best;
    std::vector<std::size_t> candidates(features_.size());
    std::iota(candidates.begin(), candidates.end(), std::size_t{0});
    const auto most =
        std::max(std::size_t{1},
                 static_cast<std::size_t>(options_.max_features * static_cast<double>(candidates.size())));
    if (most < candidates.size()) rng_.shuffle(candidates);
    std::size_t n_tried = 0;  // features that are constant here do not count
    for (std::size_t i = 0; i < candidates.size() && n_tried < most; ++i) {
      const bool varies = options_.random_splits ? try_random(candidates[i], begin, end, mean, best)
                                                 : try_best(candidates[i], begin, end, mean, best);
      n_tried += varies ? 1 : 0;
    }
    return best;
  }

  bool try_random(std::size_t feature, std::size_t begin, std::size_t end, double mean, Split& best) {
    const auto& x = features_[feature];
    double low = x[rows_[begin]], high = low;
    for (std::size_t i = begin; i < end; ++i) {
      low = std::min(low, x[rows_[i]]);
      high = std::max(high, x[rows_[i]]);
    }
    if (!(low < high)) return false;
    const double u = rng_.uniform();
    double threshold = low * (1 - u) + high * u;
    if (!(threshold < high)) threshold = low;
    double left_sum = 0, left_weight = 0, sum = 0, weight = 0;
    std::size_t n_left = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t row = rows_[i];
      const double value = weight_[row] * (y_[row] - mean);
      const bool left = x[row] <= threshold;
      n_left += left ? 1 : 0;
      left_sum += left ? value : 0;
      left_weight += left ? weight_[row] : 0;
      sum += value;
      weight += weight_[row];
    }
    if (n_left < options_.min_leaf || end - begin - n_left < options_.min_leaf) return true;
    const double gain = gain_of(left_sum, left_weight, sum, weight);
    if (gain > best.gain) best = {gain, static_cast<std::int32_t>(feature), threshold};
    return true;
  }

  bool try_best(std::size_t feature, std::size_t begin, std::size_t end, double mean, Split& best) const {
    const auto& x = features_[feature];
    const auto& order = order_[feature];
    if (!(x[order[begin]] < x[order[end - 1]])) return false;
    double left_sum = 0, left_weight = 0, sum = 0, weight = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += weight_[order[i]] * (y_[order[i]] - mean);
      weight += weight_[order[i]];
    }
    for (std::size_t i = begin; i + options_.min_leaf < end; ++i) {
      const std::uint32_t row = order[i];
      left_sum += weight_[row] * (y_[row] - mean);
      left_weight += weight_[row];
      const double here = x[row], next = x[order[i + 1]];
      if (i + 1 - begin < options_.min_leaf || !(here < next)) continue;
      const double gain = gain_of(left_sum, left_weight, sum, weight);
      if (!(gain > best.gain)) continue;
      const double middle = here / 2 + next / 2;
      best = {gain, static_cast<std::int32_t>(feature), middle < next ? middle : here};
    }
    return true;
  }

  // Rows to the left first, in their order; where the right ones begin.
  std::size_t part(std::size_t begin, std::size_t end, const Split& split) {
    const auto& x = features_[static_cast<std::size_t>(split.feature)];
    for (std::size_t i = begin; i < end; ++i) goes_left_[rows_[i]] = x[rows_[i]] <= split.threshold ? 1 : 0;
    for (auto& list : order_) part_list(list, begin, end);
    return part_list(rows_, begin, end);
  }

  std::size_t part_list(std::vector<std::uint32_t>& list, std::size_t begin, std::size_t end) {
    right_.clear();
    std::size_t at = begin;
    for (std::size_t i = begin; i < end; ++i)
      if (goes_left_[list[i]])
        list[at++] = list[i];
      else
        right_.push_back(list[i]);
    std::ranges::copy(right_, list.begin() + static_cast<std::ptrdiff_t>(at));
    return at;
  }

  const Cells& features_;
  const std::vector<double>& y_;
  const RegressionForestOptions& options_;
  Rng rng_;
  std::vector<double> weight_;  // how often a row was drawn
  std::vector<std::uint32_t> rows_, right_;
  Orders order_;
  std::vector<std::uint8_t> goes_left_;
};

}  // namespace

void RegressionForest::fit(const Cells& features, const std::vector<double>& y,
                           const RegressionForestOptions& options, std::uint64_t seed,
                           const Context& context) {
  *this = {};
  if (y.empty()) return;
  Orders order(options.random_splits ? 0 : features.size());
  context.parallel_blocks(order.size(), 1, [&](std::size_t f, std::size_t) {
    order[f].resize(y.size());
    std::iota(order[f].begin(), order[f].end(), 0U);
    std::ranges::stable_sort(order[f], {}, [&](std::uint32_t row) { return features[f][row]; });
  });
  std::vector<Tree> trees(options.n_trees);
  context.parallel_blocks(trees.size(), 1, [&](std::size_t t, std::size_t) {
    Grower(features, y, options, order, derive_seed(seed, {"tree", std::uint64_t{t}})).grow(trees[t]);
  });
  first_ = {0};
  for (const Tree& tree : trees) {
    const auto n_nodes = static_cast<std::uint32_t>(feature_.size());
    const auto n_donors = static_cast<std::uint32_t>(donors_.size());
    for (std::size_t i = 0; i < tree.left.size(); ++i)
      left_.push_back(tree.left[i] + (tree.feature[i] < 0 ? n_donors : n_nodes));
    feature_.insert(feature_.end(), tree.feature.begin(), tree.feature.end());
    threshold_.insert(threshold_.end(), tree.threshold.begin(), tree.threshold.end());
    if (options.keep_donors) n_donors_.insert(n_donors_.end(), tree.n_donors.begin(), tree.n_donors.end());
    donors_.insert(donors_.end(), tree.donors.begin(), tree.donors.end());
    first_.push_back(static_cast<std::uint32_t>(feature_.size()));
  }
}

std::size_t RegressionForest::leaf_of(std::size_t tree, std::span<const double> x) const {
  std::size_t node = first_[tree];
  while (feature_[node] >= 0)
    node = left_[node] + (x[static_cast<std::size_t>(feature_[node])] <= threshold_[node] ? 0U : 1U);
  return node;
}

double RegressionForest::predict(std::span<const double> x) const {
  const std::size_t n_trees = first_.size() - 1;
  double sum = 0;
  for (std::size_t t = 0; t < n_trees; ++t) sum += threshold_[leaf_of(t, x)];
  return sum / static_cast<double>(n_trees);
}

double RegressionForest::draw(std::span<const double> x, Rng& rng) const {
  const std::size_t leaf = leaf_of(rng.below(first_.size() - 1), x);
  return donors_[left_[leaf] + rng.below(n_donors_[leaf])];
}

void RegressionForest::save(artifact::Node& node) const {
  node.set_array("first", first_);
  node.set_array("feature", feature_);
  node.set_array("threshold", threshold_);
  node.set_array("left", left_);
  node.set_array("n_donors", n_donors_);
  node.set_array("donors", donors_);
}

void RegressionForest::load(const artifact::Node& node, std::size_t n_features) {
  first_ = node.get_vector<std::uint32_t>("first");
  feature_ = node.get_vector<std::int32_t>("feature");
  threshold_ = node.get_vector<double>("threshold");
  left_ = node.get_vector<std::uint32_t>("left");
  n_donors_ = node.get_vector<std::uint32_t>("n_donors");
  donors_ = node.get_vector<double>("donors");
  check_saved_size("forest", {threshold_.size(), left_.size()}, feature_.size());
  if (!n_donors_.empty()) check_saved_size("forest", {n_donors_.size()}, feature_.size());
  bool right = first_.empty() || (first_[0] == 0 && first_.back() == feature_.size());
  for (std::size_t t = 0; t + 1 < first_.size() && right; ++t) {
    right = first_[t] < first_[t + 1] && first_[t + 1] <= feature_.size();
    for (std::size_t i = first_[t]; right && i < first_[t + 1]; ++i) {
      const bool is_leaf = feature_[i] < 0;
      if (is_leaf && !n_donors_.empty())
        right = n_donors_[i] > 0 && std::uint64_t{left_[i]} + n_donors_[i] <= donors_.size();
      if (!is_leaf)
        right = static_cast<std::size_t>(feature_[i]) < n_features && left_[i] > i &&
                left_[i] + std::uint64_t{1} < first_[t + 1];
    }
  }
  if (!right) throw Error(ErrorCode::kModel, "the saved trees are damaged: {} nodes", feature_.size());
}

}  // namespace kolosal::transform
