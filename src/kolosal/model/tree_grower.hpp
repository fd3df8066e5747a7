#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kolosal/model/binned_table.hpp"

namespace kolosal::model {

/// How impure a set of rows is.
enum class Criterion : std::uint8_t {
  kVariance,  ///< Squared error; for two classes the same splits as Gini.
  kEntropy,   ///< Two classes, or several.
  kGini,      ///< Several classes.
};

struct TreeParams {
  Criterion criterion = Criterion::kVariance;
  bool random_threshold =
      false;  ///< Extremely randomized: one threshold per feature, drawn in the range of the node.
  std::size_t max_features = 1;  ///< Features tried per node (more when all of these are constant there).
  std::size_t max_depth = 0;     ///< 0: no limit.
  std::size_t min_samples_split = 2;
  std::size_t min_samples_leaf = 1;  ///< Rows, not weights.
};

/// The rows that trees are grown from. Categories are numbers here: bins are ranks by the mean target (see
/// BaggedForest), so that "rank <= b" is a set of levels.
struct TreeData {
  struct Feature {
    std::vector<std::uint8_t> bin;         ///< per training row; 0 = missing
    const BinnedColumn* column = nullptr;  ///< its thresholds; null for a category
    std::uint8_t n_bins = 0;
  };
  std::vector<Feature> features;
  std::vector<double> target;  ///< number, 0/1, or class index
  std::size_t n_classes = 0;   ///< More than 2: one value per class in each leaf.
  std::size_t n_rows() const { return target.size(); }
  std::size_t leaf_width() const { return n_classes > 2 ? n_classes : 1; }
};

/// A grown tree. Children < 0 are leaves: ~child is the leaf's number.
struct Tree {
  struct Node {
    std::int32_t feature;
    std::int32_t left, right;
    bool missing_left;
    std::uint8_t bin;  ///< Category: ranks up to this one go left.
    double threshold;  ///< Number: values up to this one go left.
  };
  std::int32_t root = -1;
  std::vector<Node> nodes;
  std::vector<double> leaf_value;        ///< n_leaves x leaf_width: mean target, or class shares
  std::vector<double> feature_decrease;  ///< Weighted decrease of impurity by feature.
};

/// Grows one tree. weight: of each row; rows with weight 0 are left out (a bootstrap draws weights 0, 1, 2,
/// ...). Returns nothing when should_stop() became true before it was finished; polled about every half
/// millisecond.
std::optional<Tree> grow_tree(const TreeData& data, std::span<const double> weight, const TreeParams& params,
                              std::uint64_t seed, const std::function<bool()>& should_stop);

}  // namespace kolosal::model
