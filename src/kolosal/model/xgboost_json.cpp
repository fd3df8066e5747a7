#include "kolosal/model/xgboost_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

using nlohmann::json;

/// One tree's arrays.
class Tree {
 public:
  explicit Tree(const json& tree)
      : left_(tree.at("left_children").get<std::vector<std::int32_t>>()),
        right_(tree.at("right_children").get<std::vector<std::int32_t>>()),
        feature_(tree.at("split_indices").get<std::vector<std::int32_t>>()),
        condition_(tree.at("split_conditions").get<std::vector<double>>()),
        default_left_(tree.at("default_left").get<std::vector<std::int32_t>>()),
        gain_(tree.at("loss_changes").get<std::vector<double>>()),
        category_(tree.at("categories").get<std::vector<std::int32_t>>()),
        first_category_(left_.size(), -1),
        n_categories_(left_.size(), 0) {
    const auto nodes = tree.at("categories_nodes").get<std::vector<std::size_t>>();
    const auto segments = tree.at("categories_segments").get<std::vector<std::int64_t>>();
    const auto sizes = tree.at("categories_sizes").get<std::vector<std::size_t>>();
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      first_category_.at(nodes[k]) = segments.at(k);
      n_categories_.at(nodes[k]) = sizes.at(k);
    }
  }

  /// Adds the tree in the order parent, left, right; returns its root. Without recursion: a tree without a
  /// limit on its depth may be a chain.
  std::int32_t add_to(Forest& forest, std::vector<double>* gain) const {
    std::int32_t root = 0;
    std::vector<Open> open{{0, -1, false}};
    while (!open.empty()) {
      const Open next = open.back();
      open.pop_back();
      const std::int32_t index =
          left_.at(next.node) < 0 ? add_leaf(next.node, forest) : add_node(next.node, forest, open);
      if (index >= 0 && gain)
        gain->at(static_cast<std::size_t>(feature_.at(next.node))) += gain_.at(next.node);
      if (next.parent < 0)
        root = index;
      else
        (next.is_left ? forest.left : forest.right)[static_cast<std::size_t>(next.parent)] = index;
    }
    return root;
  }

 private:
  struct Open {
    std::size_t node;
    std::int32_t parent;  // in the forest; -1: none
    bool is_left;
  };

  std::int32_t add_leaf(std::size_t node, Forest& forest) const {
    forest.leaf_value.push_back(condition_.at(node));
    return ~static_cast<std::int32_t>(forest.leaf_value.size() - 1);
  }

  std::int32_t add_node(std::size_t node, Forest& forest, std::vector<Open>& open) const {
    const std::size_t at = forest.feature.size();
    forest.feature.push_back(feature_.at(node));
    forest.threshold.push_back(condition_.at(node));
    forest.left.push_back(0);
    forest.right.push_back(0);
    forest.category_offset.push_back(0);
    forest.category_words.push_back(0);
    forest.flags.push_back(0);

    auto left = static_cast<std::size_t>(left_[node]), right = static_cast<std::size_t>(right_.at(node));
    // A damaged tree could loop; XGBoost's children come after their parent.
    if (left <= node || right <= node) throw std::out_of_range("a child before its parent");
    bool default_left = default_left_.at(node) != 0;
    if (first_category_[node] >= 0) {
      // XGBoost sends the categories of the set to the right.
      std::swap(left, right);
      default_left = !default_left;
      add_set(node, at, forest);
    }
    if (default_left) forest.flags[at] |= kDefaultLeft;
    open.push_back({right, static_cast<std::int32_t>(at), false});
    open.push_back({left, static_cast<std::int32_t>(at), true});
    return static_cast<std::int32_t>(at);
  }

  void add_set(std::size_t node, std::size_t at, Forest& forest) const {
    forest.flags[at] |= kCategorical;
    forest.threshold[at] = 0;
    forest.category_offset[at] = static_cast<std::int32_t>(forest.category_bits.size());
    const auto first = static_cast<std::size_t>(first_category_[node]);
    for (std::size_t k = first; k < first + n_categories_[node]; ++k) {
      const auto code = static_cast<std::uint32_t>(category_.at(k));
      const std::size_t word = static_cast<std::size_t>(forest.category_offset[at]) + code / 32;
      if (word >= forest.category_bits.size()) forest.category_bits.resize(word + 1, 0);
      forest.category_bits[word] |= 1U << (code % 32);
    }
    forest.category_words[at] =
        static_cast<std::int32_t>(forest.category_bits.size()) - forest.category_offset[at];
  }

  std::vector<std::int32_t> left_, right_, feature_;
  std::vector<double> condition_;  // the threshold, or the value of a leaf
  std::vector<std::int32_t> default_left_;
  std::vector<double> gain_;
  std::vector<std::int32_t> category_;
  std::vector<std::int64_t> first_category_;  // per node; -1: a number is compared
  std::vector<std::size_t> n_categories_;
};

/// "[2.4E-1]", "[1E-1,2E-1]" or, before version 3, "2.4E-1".
std::vector<float> read_base_score(const std::string& text) {
  std::vector<float> out;
  const char* at = text.c_str();
  while (*at) {
    char* end = nullptr;
    const float value = std::strtof(at, &end);
    if (end != at) out.push_back(value);
    at = end != at ? end : at + 1;
  }
  return out;
}

/// As XGBoost does it, in float32.
double raw_sum_of(float base_score, Link link) {
  if (link == Link::kSigmoid) return static_cast<double>(-std::log(1.0F / base_score - 1.0F));
  if (link == Link::kExp) return static_cast<double>(std::log(base_score));
  return static_cast<double>(base_score);
}

Forest convert(const json& model, std::size_t n_rounds, Link link, std::vector<double>* gain) {
  const json& learner = model.at("learner");
  const json& params = learner.at("learner_model_param");
  const json& trees = learner.at("gradient_booster").at("model");
  Forest forest;
  forest.strict_less = true;
  forest.round_to_float = true;
  forest.link = link;
  forest.n_features = std::stoi(params.at("num_feature").get<std::string>());
  forest.n_outputs = std::max(1, std::stoi(params.at("num_class").get<std::string>()));
  if (gain) gain->assign(static_cast<std::size_t>(forest.n_features), 0.0);

  const auto base_score = read_base_score(params.at("base_score").get<std::string>());
  for (std::size_t k = 0; k < static_cast<std::size_t>(forest.n_outputs); ++k)
    forest.base_score.push_back(raw_sum_of(base_score.size() == 1 ? base_score[0] : base_score.at(k), link));

  const auto output = trees.at("tree_info").get<std::vector<std::int32_t>>();
  const std::size_t n_trees = n_rounds * static_cast<std::size_t>(forest.n_outputs);
  for (std::size_t t = 0; t < n_trees; ++t) {
    forest.tree_root.push_back(Tree(trees.at("trees").at(t)).add_to(forest, gain));
    forest.tree_output.push_back(output.at(t));
  }
  return forest;
}

}  // namespace

Forest forest_from_xgboost(std::span<const std::byte> ubjson, std::size_t n_rounds, Link link,
                           std::vector<double>* gain) {
  try {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(ubjson.data());
    return convert(json::from_ubjson(bytes, bytes + ubjson.size()), n_rounds, link, gain);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // of the JSON library, at() and stoi()
    throw Error(ErrorCode::kInternal, "XGBoost wrote a model that is not understood: {}", error.what());
  }
}

}  // namespace kolosal::model
