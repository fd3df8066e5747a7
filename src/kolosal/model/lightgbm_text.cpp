#include "kolosal/model/lightgbm_text.hpp"

#include <charconv>
#include <optional>
#include <string>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

[[noreturn]] void unreadable(std::string_view what) {
  throw Error(ErrorCode::kInternal, "LightGBM wrote a model that is not understood: {}", what);
}

/// Reads numbers separated by blanks.
class Numbers {
 public:
  explicit Numbers(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  template <typename T>
  T next() {
    while (at_ != end_ && *at_ == ' ') ++at_;
    T value{};
    const auto [stop, error] = std::from_chars(at_, end_, value);
    // A value beyond the range of double ("1e400") has no place in a model.
    if (error != std::errc{}) unreadable(std::string(at_, end_).substr(0, 40));
    at_ = stop;
    return value;
  }

  template <typename T>
  std::vector<T> read(std::size_t n) {
    std::vector<T> out(n);
    for (T& value : out) value = next<T>();
    return out;
  }

 private:
  const char* at_;
  const char* end_;
};

/// The lines of a tree that matter, still as text.
struct TreeText {
  std::size_t n_leaves = 0;
  std::size_t n_categorical = 0;
  std::string_view split_feature, split_gain, threshold, decision_type, left_child, right_child, leaf_value,
      cat_boundaries, cat_threshold;
};

class Reader {
 public:
  Reader(std::string_view text, std::vector<double>* gain) : rest_(text), gain_(gain) {}

  Forest read() {
    read_header();
    for (std::optional<TreeText> tree = read_tree(); tree; tree = read_tree()) add(*tree);
    return std::move(forest_);
  }

 private:
  std::optional<std::string_view> line() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return out;
  }

  static std::string_view key_of(std::string_view line) { return line.substr(0, line.find('=')); }
  static std::string_view value_of(std::string_view line) {
    const std::size_t equals = line.find('=');
    return equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
  }

  void read_header() {
    while (const auto text = line()) {
      const std::string_view key = key_of(*text);
      if (key == "num_tree_per_iteration") forest_.n_outputs = Numbers(value_of(*text)).next<std::int32_t>();
      if (key == "max_feature_idx") forest_.n_features = Numbers(value_of(*text)).next<std::int32_t>() + 1;
      if (key == "average_output") forest_.average = true;
      if (key == "tree_sizes") break;
    }
    if (forest_.n_features <= 0 || forest_.n_outputs <= 0) unreadable("no max_feature_idx");
    forest_.base_score.assign(static_cast<std::size_t>(forest_.n_outputs), 0.0);
    if (gain_) gain_->assign(static_cast<std::size_t>(forest_.n_features), 0.0);
  }

  std::optional<TreeText> read_tree() {
    auto text = line();
    while (text && key_of(*text) != "Tree" && *text != "end of trees") text = line();
    if (!text || *text == "end of trees") return std::nullopt;
    TreeText tree;
    while ((text = line()) && !text->empty()) {
      const std::string_view key = key_of(*text), value = value_of(*text);
      if (key == "num_leaves")
        tree.n_leaves = Numbers(value).next<std::size_t>();
      else if (key == "num_cat")
        tree.n_categorical = Numbers(value).next<std::size_t>();
      else if (key == "split_feature")
        tree.split_feature = value;
      else if (key == "split_gain")
        tree.split_gain = value;
      else if (key == "threshold")
        tree.threshold = value;
      else if (key == "decision_type")
        tree.decision_type = value;
      else if (key == "left_child")
        tree.left_child = value;
      else if (key == "right_child")
        tree.right_child = value;
      else if (key == "leaf_value")
        tree.leaf_value = value;
      else if (key == "cat_boundaries")
        tree.cat_boundaries = value;
      else if (key == "cat_threshold")
        tree.cat_threshold = value;
      else if (key == "is_linear" && value != "0")
        unreadable("linear trees");
    }
    if (tree.n_leaves == 0) unreadable("a tree without leaves");
    return tree;
  }

  void add(const TreeText& tree) {
    const auto first_leaf = static_cast<std::int32_t>(forest_.leaf_value.size());
    const auto first_node = static_cast<std::int32_t>(forest_.feature.size());
    forest_.tree_output.push_back(static_cast<std::int32_t>(forest_.n_trees()) % forest_.n_outputs);
    forest_.tree_root.push_back(tree.n_leaves == 1 ? ~first_leaf : first_node);
    Numbers leaf(tree.leaf_value);
    for (std::size_t i = 0; i < tree.n_leaves; ++i) forest_.leaf_value.push_back(leaf.next<double>());
    if (tree.n_leaves == 1) return;

    const auto first_word = static_cast<std::int32_t>(forest_.category_bits.size());
    std::vector<std::int32_t> boundaries;
    if (tree.n_categorical > 0) {
      boundaries = Numbers(tree.cat_boundaries).read<std::int32_t>(tree.n_categorical + 1);
      for (const std::uint32_t word :
           Numbers(tree.cat_threshold).read<std::uint32_t>(static_cast<std::size_t>(boundaries.back())))
        forest_.category_bits.push_back(word);
    }
    Numbers feature(tree.split_feature), gain(tree.split_gain), threshold(tree.threshold),
        type(tree.decision_type), left(tree.left_child), right(tree.right_child);
    const auto global = [&](std::int32_t child) {
      return child >= 0 ? first_node + child : ~(first_leaf + ~child);
    };
    for (std::size_t i = 0; i + 1 < tree.n_leaves; ++i) {
      forest_.feature.push_back(feature.next<std::int32_t>());
      forest_.threshold.push_back(threshold.next<double>());
      forest_.left.push_back(global(left.next<std::int32_t>()));
      forest_.right.push_back(global(right.next<std::int32_t>()));
      if (gain_) (*gain_)[static_cast<std::size_t>(forest_.feature.back())] += gain.next<double>();
      add_kind(type.next<unsigned>(), boundaries, first_word);
    }
  }

  /// decision_type: bit 0 categorical, bit 1 missing goes left, bits 2-3 missing type (0 none, 1 zero, 2
  /// NaN).
  void add_kind(unsigned type, const std::vector<std::int32_t>& boundaries, std::int32_t first_word) {
    unsigned flags = 0;
    std::int32_t offset = 0, words = 0;
    if (type & 1U) {
      // A missing or unknown category is in no set, so it goes right.
      flags = kCategorical;
      const auto k = static_cast<std::size_t>(forest_.threshold.back());
      if (k + 1 >= boundaries.size()) unreadable("a category set is absent");
      offset = first_word + boundaries[k];
      words = boundaries[k + 1] - boundaries[k];
      forest_.threshold.back() = 0;
    } else {
      if (type & 2U) flags |= kDefaultLeft;
      const unsigned missing = (type >> 2) & 3U;
      if (missing == 0) flags |= kNanIsZero;
      if (missing == 1) flags |= kZeroIsMissing;
    }
    forest_.flags.push_back(static_cast<std::uint8_t>(flags));
    forest_.category_offset.push_back(offset);
    forest_.category_words.push_back(words);
  }

  std::string_view rest_;
  std::vector<double>* gain_;
  Forest forest_;
};

}  // namespace

Forest forest_from_lightgbm(std::string_view text, std::vector<double>* gain) {
  return Reader(text, gain).read();
}

}  // namespace kolosal::model
