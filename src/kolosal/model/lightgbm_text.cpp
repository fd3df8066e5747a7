#include "kolosal/model/lightgbm_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

[[noreturn]] void unreadable(std::string_view what) {
  throw Error(ErrorCode::kModel, "a LightGBM model is not understood: {}", what);
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
    if (error != std::errc{}) unreadable(at_ == end_ ? "a list of numbers is too short" : shown());
    at_ = stop;
    return value;
  }

  template <typename T>
  std::vector<T> read(std::size_t n) {
    // Each takes a character at least: a number of values beyond that is damage, and no reason to reserve it.
    if (n > static_cast<std::size_t>(end_ - at_)) unreadable("a list of numbers is too short");
    std::vector<T> out(n);
    for (T& value : out) value = next<T>();
    return out;
  }

 private:
  std::string shown() const { return std::string(at_, end_).substr(0, 40); }

  const char* at_;
  const char* end_;
};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// The lines of a tree that matter, still as text.
struct TreeText {
  std::size_t n_leaves = 0;
  std::size_t n_categorical = 0;
  bool is_linear = false;
  std::string_view split_feature, split_gain, threshold, decision_type, left_child, right_child, leaf_value,
      cat_boundaries, cat_threshold, leaf_const, num_features, leaf_features, leaf_coeff;

  void set(std::string_view key, std::string_view value) {
    if (key == "num_leaves") n_leaves = Numbers(value).next<std::size_t>();
    if (key == "num_cat") n_categorical = Numbers(value).next<std::size_t>();
    if (key == "is_linear") is_linear = value != "0";
    if (key == "split_feature") split_feature = value;
    if (key == "split_gain") split_gain = value;
    if (key == "threshold") threshold = value;
    if (key == "decision_type") decision_type = value;
    if (key == "left_child") left_child = value;
    if (key == "right_child") right_child = value;
    if (key == "leaf_value") leaf_value = value;
    if (key == "cat_boundaries") cat_boundaries = value;
    if (key == "cat_threshold") cat_threshold = value;
    if (key == "leaf_const") leaf_const = value;
    if (key == "num_features") num_features = value;
    if (key == "leaf_features") leaf_features = value;
    if (key == "leaf_coeff") leaf_coeff = value;
  }
};

class Reader {
 public:
  Reader(std::string_view text, std::vector<double>* gain, Forest begun)
      : rest_(text), most_(static_cast<std::int64_t>(text.size())), gain_(gain) {
    out_.forest = std::move(begun);
  }

  LightgbmModel read() {
    read_header();
    for (std::optional<TreeText> tree = read_tree(); tree; tree = read_tree()) add(*tree);
    read_end();
    if (has_linear_) out_.linear_leaves = std::move(linear_);
    return std::move(out_);
  }

 private:
  Forest& forest() { return out_.forest; }

  std::optional<std::string_view> line() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (out.ends_with('\r')) out.remove_suffix(1);
    return out;
  }

  static std::string_view key_of(std::string_view line) { return line.substr(0, line.find('=')); }
  static std::string_view value_of(std::string_view line) {
    const std::size_t equals = line.find('=');
    return equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
  }

  /// A number of things of which each has a place in the text.
  std::int32_t count_of(std::string_view value, std::string_view what) const {
    const auto out = Numbers(value).next<std::int64_t>();
    if (out < 0 || out > most_) unreadable(fmt::format("{} is {}", what, out));
    return static_cast<std::int32_t>(out);
  }

  void read_header() {
    Forest& f = forest();
    while (const auto text = line()) {
      const std::string_view key = key_of(*text), value = value_of(*text);
      if (key == "version") out_.version = value;
      if (key == "objective") out_.objective = value;
      if (key == "feature_names") out_.feature_names = words_of(value);
      if (key == "feature_infos") out_.feature_infos = words_of(value);
      if (key == "num_tree_per_iteration") f.n_outputs = count_of(value, key);
      if (key == "max_feature_idx") f.n_features = count_of(value, key) + 1;
      if (key == "average_output") f.average = true;
      if (key == "tree_sizes") break;
    }
    if (f.n_features <= 0 || f.n_outputs <= 0) unreadable("no max_feature_idx");
    f.base_score.assign(static_cast<std::size_t>(f.n_outputs), 0.0);
    if (gain_ && f.n_trees() == 0) gain_->assign(static_cast<std::size_t>(f.n_features), 0.0);
  }

  std::optional<TreeText> read_tree() {
    auto text = line();
    while (text && key_of(*text) != "Tree" && *text != "end of trees") text = line();
    if (!text) unreadable("it ends before its last tree");
    if (*text == "end of trees") return std::nullopt;
    TreeText tree;
    while ((text = line()) && !text->empty()) tree.set(key_of(*text), value_of(*text));
    if (tree.n_leaves == 0) unreadable("a tree without leaves");
    if (tree.n_leaves > static_cast<std::size_t>(most_)) unreadable("a tree of more leaves than there are");
    return tree;
  }

  void read_end() {
    constexpr std::string_view kLevels = "pandas_categorical:";
    while (const auto text = line())
      if (text->starts_with(kLevels)) out_.pandas_categorical = text->substr(kLevels.size());
    if (out_.pandas_categorical == "null" || out_.pandas_categorical == "[]") out_.pandas_categorical.clear();
  }

  void add(const TreeText& tree) {
    Forest& f = forest();
    const auto first_leaf = static_cast<std::int32_t>(f.leaf_value.size());
    const auto first_node = static_cast<std::int32_t>(f.feature.size());
    f.tree_output.push_back(static_cast<std::int32_t>(f.n_trees()) % f.n_outputs);
    f.tree_root.push_back(tree.n_leaves == 1 ? ~first_leaf : first_node);
    Numbers leaf(tree.leaf_value);
    for (std::size_t i = 0; i < tree.n_leaves; ++i) f.leaf_value.push_back(leaf.next<double>());
    add_linear(tree, static_cast<std::size_t>(first_leaf));
    if (tree.n_leaves > 1) add_nodes(tree, first_node, first_leaf);
  }

  void add_nodes(const TreeText& tree, std::int32_t first_node, std::int32_t first_leaf) {
    Forest& f = forest();
    const auto first_word = static_cast<std::int32_t>(f.category_bits.size());
    const std::vector<std::int32_t> boundaries = add_sets(tree);
    Numbers feature(tree.split_feature), gain(tree.split_gain), threshold(tree.threshold),
        type(tree.decision_type), left(tree.left_child), right(tree.right_child);
    const auto n_nodes = static_cast<std::int32_t>(tree.n_leaves) - 1;
    for (std::int32_t i = 0; i < n_nodes; ++i) {
      // Nodes are numbered as they were split, so a child comes after its parent.
      const auto global = [&](std::int32_t child) {
        const bool is_good = child >= 0 ? child > i && child < n_nodes : ~child <= n_nodes;
        if (!is_good) unreadable(fmt::format("node {} of a tree has the child {}", i, child));
        return child >= 0 ? first_node + child : ~(first_leaf + ~child);
      };
      f.feature.push_back(feature.next<std::int32_t>());
      if (f.feature.back() < 0 || f.feature.back() >= f.n_features)
        unreadable(fmt::format("a node reads feature {} of {}", f.feature.back(), f.n_features));
      f.threshold.push_back(threshold.next<double>());
      f.left.push_back(global(left.next<std::int32_t>()));
      f.right.push_back(global(right.next<std::int32_t>()));
      if (gain_) (*gain_)[static_cast<std::size_t>(f.feature.back())] += gain.next<double>();
      add_kind(type.next<unsigned>(), boundaries, first_word);
    }
  }

  /// Adds the words of the sets of categories of a tree; returns where each set begins among them.
  std::vector<std::int32_t> add_sets(const TreeText& tree) {
    if (tree.n_categorical == 0) return {};
    if (tree.n_categorical > static_cast<std::size_t>(most_)) unreadable("num_cat is too large");
    const auto boundaries = Numbers(tree.cat_boundaries).read<std::int32_t>(tree.n_categorical + 1);
    if (boundaries.front() != 0 || !std::ranges::is_sorted(boundaries)) unreadable("cat_boundaries fall");
    for (const std::uint32_t word :
         Numbers(tree.cat_threshold).read<std::uint32_t>(static_cast<std::size_t>(boundaries.back())))
      forest().category_bits.push_back(word);
    return boundaries;
  }

  void add_linear(const TreeText& tree, std::size_t first_leaf) {
    if (!tree.is_linear && !has_linear_) return;
    const Forest& f = forest();
    if (!has_linear_) {  // the leaves of the trees before are numbers
      linear_.constant.assign(f.leaf_value.begin(),
                              f.leaf_value.begin() + static_cast<std::ptrdiff_t>(first_leaf));
      linear_.first.assign(first_leaf + 1, 0);
      has_linear_ = true;
    }
    if (!tree.is_linear) {
      linear_.constant.insert(linear_.constant.end(),
                              f.leaf_value.begin() + static_cast<std::ptrdiff_t>(first_leaf),
                              f.leaf_value.end());
      linear_.first.resize(f.leaf_value.size() + 1, linear_.feature.size());
      return;
    }
    Numbers constant(tree.leaf_const), n_terms(tree.num_features), feature(tree.leaf_features),
        coefficient(tree.leaf_coeff);
    for (std::size_t i = 0; i < tree.n_leaves; ++i) {
      linear_.constant.push_back(constant.next<double>());
      for (auto n = n_terms.next<std::uint32_t>(); n > 0; --n) {
        linear_.feature.push_back(feature.next<std::int32_t>());
        if (linear_.feature.back() < 0 || linear_.feature.back() >= f.n_features)
          unreadable(fmt::format("a leaf reads feature {} of {}", linear_.feature.back(), f.n_features));
        linear_.coefficient.push_back(coefficient.next<double>());
      }
      linear_.first.push_back(linear_.feature.size());
    }
  }

  /// decision_type: bit 0 categorical, bit 1 missing goes left, bits 2-3 missing type (0 none, 1 zero, 2
  /// NaN).
  void add_kind(unsigned type, const std::vector<std::int32_t>& boundaries, std::int32_t first_word) {
    Forest& f = forest();
    unsigned flags = 0;
    std::int32_t offset = 0, words = 0;
    if (type & 1U) {
      // A missing or unknown category is in no set, so it goes right.
      flags = kCategorical;
      const double set = f.threshold.back();
      if (!(set >= 0 && set + 1 < static_cast<double>(boundaries.size())))
        unreadable("a category set is absent");
      const auto k = static_cast<std::size_t>(set);
      offset = first_word + boundaries[k];
      words = boundaries[k + 1] - boundaries[k];
      f.threshold.back() = 0;
    } else {
      if (type & 2U) flags |= kDefaultLeft;
      const unsigned missing = (type >> 2) & 3U;
      if (missing == 0) flags |= kNanIsZero;
      if (missing == 1) flags |= kZeroIsMissing;
    }
    f.flags.push_back(static_cast<std::uint8_t>(flags));
    f.category_offset.push_back(offset);
    f.category_words.push_back(words);
  }

  std::string_view rest_;
  std::int64_t most_;  // of anything that has a place in the text
  std::vector<double>* gain_;
  LightgbmModel out_;
  LinearLeaves linear_;
  bool has_linear_ = false;
};

}  // namespace

LightgbmModel read_lightgbm(std::string_view text, std::vector<double>* gain) {
  // Nodes, leaves and words of sets are counted by int32.
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    unreadable("it has more than 2 GiB");
  return Reader(text, gain, {}).read();
}

Forest forest_from_lightgbm(std::string_view text, std::vector<double>* gain, Forest begun) {
  LightgbmModel model = Reader(text, gain, std::move(begun)).read();
  if (!model.linear_leaves.is_empty()) unreadable("its leaves are linear functions");
  return std::move(model.forest);
}

}  // namespace kolosal::model
