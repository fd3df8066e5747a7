#include "kolosal/model/tree_grower.hpp"

#include <limits>
#include <numeric>

#include "kolosal/model/split_finder_internal.hpp"

namespace kolosal::model {
namespace {

/// Grows one tree depth first. The rows of a node are always a range of one array, so a split is a partition
/// in place.
template <typename Finder>
class Grower {
 public:
  Grower(const TreeData& data, std::span<const double> weight, const TreeParams& params, std::uint64_t seed,
         const std::function<bool()>& should_stop)
      : data_(data), params_(params), rng_(seed), should_stop_(should_stop), finder_(data, params) {
    for (std::size_t i = 0; i < weight.size(); ++i) {
      if (!(weight[i] > 0)) continue;
      rows_.push_back(static_cast<std::uint32_t>(i));
      stats_.push_back(Finder::make(weight[i], data.target[i]));
    }
    right_rows_.resize(rows_.size());
    right_stats_.resize(rows_.size());
    features_.resize(data.features.size());
    std::iota(features_.begin(), features_.end(), std::int32_t{0});
    constants_.resize(features_.size());
    tree_.feature_decrease.assign(features_.size(), 0.0);
  }

  std::optional<Tree> grow() {
    std::vector<Open> open{{0, rows_.size(), 0, 0, 0, Side::kRoot}};
    while (!open.empty()) {
      const Open node = open.back();
      open.pop_back();
      work_ += (node.end - node.begin) * std::min(params_.max_features, features_.size());
      if (work_ > kWorkBetweenPolls) {
        if (should_stop_()) return std::nullopt;
        work_ = 0;
      }
      std::size_t n_constant = node.n_constant;
      const bool mixed = finder_.begin_node(&stats_[node.begin], node.end - node.begin);
      const bool may_split = mixed && node.end - node.begin >= params_.min_samples_split &&
                             (params_.max_depth == 0 || node.depth < params_.max_depth);
      const Split split = may_split ? find_split(node, n_constant) : Split{};
      if (split.feature < 0) {
        link(node, ~n_leaves_++);
        finder_.leaf(tree_.leaf_value);
        continue;
      }
      const auto id = static_cast<std::ptrdiff_t>(tree_.nodes.size());
      link(node, static_cast<std::int32_t>(id));
      tree_.feature_decrease[static_cast<std::size_t>(split.feature)] += split.score - finder_.parent_score();
      tree_.nodes.push_back(make_node(split));
      const std::size_t middle = partition(node, split);
      if (!split.has_missing) tree_.nodes.back().missing_left = middle - node.begin > node.end - middle;
      open.push_back({middle, node.end, node.depth + 1, n_constant, id, Side::kRight});
      open.push_back({node.begin, middle, node.depth + 1, n_constant, id, Side::kLeft});
    }
    return std::move(tree_);
  }

 private:
  using Stat = typename Finder::Stat;
  enum class Side { kRoot, kLeft, kRight };
  struct Open {
    std::size_t begin, end, depth;
    std::size_t
        n_constant;  // features_[0 .. n_constant) are constant in this node, as they were in its parent
    std::ptrdiff_t parent;
    Side side;
  };
  static constexpr std::size_t kWorkBetweenPolls = 200'000;

  void link(const Open& node, std::int32_t child) {
    if (node.side == Side::kRoot)
      tree_.root = child;
    else if (node.side == Side::kLeft)
      tree_.nodes[static_cast<std::size_t>(node.parent)].left = child;
    else
      tree_.nodes[static_cast<std::size_t>(node.parent)].right = child;
  }

  std::size_t draw(std::size_t low, std::size_t high) {
    return low + static_cast<std::size_t>(rng_.below(high - low));
  }

  /// Draws features without repeats until max_features were seen and one of them varies. As in scikit-learn,
  /// features known to be constant count as drawn but cost nothing, and what is found constant is remembered
  /// for the nodes below.
  ///
  /// features_ = [drawn constants | other known constants | found constants | not drawn | drawn].
  Split find_split(const Open& node, std::size_t& n_constant) {
    const std::size_t n_known = n_constant;
    std::size_t not_drawn_end = features_.size(), n_visited = 0, n_found = 0, n_drawn_known = 0;
    const std::size_t n = node.end - node.begin;
    Split best;
    while (not_drawn_end > n_constant &&
           (n_visited < params_.max_features || n_visited <= n_found + n_drawn_known)) {
      ++n_visited;
      std::size_t at = draw(n_drawn_known, not_drawn_end - n_found);
      if (at < n_known) {
        std::swap(features_[at], features_[n_drawn_known++]);
        continue;
      }
      at += n_found;
      const std::int32_t f = features_[at];
      const TreeData::Feature& feature = data_.features[static_cast<std::size_t>(f)];
      const double before = best.score;
      const bool varies =
          params_.random_threshold
              ? finder_.find_random(feature, &rows_[node.begin], &stats_[node.begin], n, rng_, best)
              : finder_.find_best(feature, &rows_[node.begin], &stats_[node.begin], n, best);
      if (!varies) {
        std::swap(features_[at], features_[n_constant++]);
        ++n_found;
        continue;
      }
      if (best.score > before) best.feature = f;
      std::swap(features_[at], features_[--not_drawn_end]);
    }
    // Nodes deeper on other branches rely on the same order of the constants that they share with this node.
    std::copy_n(constants_.begin(), n_known, features_.begin());
    std::copy_n(features_.begin() + static_cast<std::ptrdiff_t>(n_known), n_found,
                constants_.begin() + static_cast<std::ptrdiff_t>(n_known));
    return best;
  }

  Tree::Node make_node(const Split& split) const {
    const TreeData::Feature& feature = data_.features[static_cast<std::size_t>(split.feature)];
    Tree::Node node{split.feature, -1, -1, split.missing_left, split.bin, 0};
    if (!feature.column) {
      if (split.next == 0) node.bin = feature.n_bins;  // also the levels that this node does not hold
      return node;
    }
    if (split.next == 0)
      node.threshold = std::numeric_limits<double>::infinity();
    else
      node.threshold =
          std::isnan(split.drawn) ? feature.column->threshold(split.bin, split.next) : split.drawn;
    return node;
  }

  /// Puts the rows that go left before the others, both in their old order. Returns where the others begin.
  std::size_t partition(const Open& node, const Split& split) {
    const std::uint8_t* bins = data_.features[static_cast<std::size_t>(split.feature)].bin.data();
    // Missing is bin 0. Shifted down it becomes the largest byte, so one comparison serves "missing right"
    // too.
    const std::uint8_t shift = split.has_missing && !split.missing_left ? 1 : 0;
    const auto limit = static_cast<std::uint8_t>(split.bin - shift);
    std::size_t left = node.begin, right = 0;
    for (std::size_t i = node.begin; i < node.end; ++i) {
      const std::uint32_t row = rows_[i];
      const Stat stat = stats_[i];
      const bool goes_left = static_cast<std::uint8_t>(bins[row] - shift) <= limit;
      rows_[left] = row;
      stats_[left] = stat;
      right_rows_[right] = row;
      right_stats_[right] = stat;
      left += goes_left;
      right += !goes_left;
    }
    std::copy_n(right_rows_.begin(), right, rows_.begin() + static_cast<std::ptrdiff_t>(left));
    std::copy_n(right_stats_.begin(), right, stats_.begin() + static_cast<std::ptrdiff_t>(left));
    return left;
  }

  const TreeData& data_;
  const TreeParams& params_;
  Rng rng_;
  const std::function<bool()>& should_stop_;
  Finder finder_;
  std::vector<std::uint32_t> rows_, right_rows_;
  std::vector<Stat> stats_, right_stats_;
  std::vector<std::int32_t> features_, constants_;
  std::size_t work_ = 0;
  std::int32_t n_leaves_ = 0;
  Tree tree_;
};

}  // namespace

std::optional<Tree> grow_tree(const TreeData& data, std::span<const double> weight, const TreeParams& params,
                              std::uint64_t seed, const std::function<bool()>& should_stop) {
  auto run = [&]<typename Finder>(std::type_identity<Finder>) {
    return Grower<Finder>(data, weight, params, seed, should_stop).grow();
  };
  const bool entropy = params.criterion == Criterion::kEntropy;
  const bool count = params.min_samples_leaf > 1;
  if (data.n_classes > 2) {
    if (entropy)
      return count ? run(std::type_identity<ClassFinder<true, true>>())
                   : run(std::type_identity<ClassFinder<true, false>>());
    return count ? run(std::type_identity<ClassFinder<false, true>>())
                 : run(std::type_identity<ClassFinder<false, false>>());
  }
  if (entropy)
    return count ? run(std::type_identity<ScalarFinder<true, true>>())
                 : run(std::type_identity<ScalarFinder<true, false>>());
  return count ? run(std::type_identity<ScalarFinder<false, true>>())
               : run(std::type_identity<ScalarFinder<false, false>>());
}

}  // namespace kolosal::model
