#include "kolosal/model/xgboost_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

using nlohmann::json;

// As XGBoost: codes are float32 and whole.
constexpr std::uint32_t kMostCategories = 1U << 24;
constexpr std::size_t kMostWords = std::size_t{1} << 27;
constexpr int kMostFeatures = 1 << 20;
constexpr int kMostOutputs = 1 << 20;

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
    // JSON has as many digits as tell float32 numbers apart, and no more.
    for (double& value : condition_) value = static_cast<double>(static_cast<float>(value));
    const json params = tree.value("tree_param", json::object());
    if (const auto width = params.value("size_leaf_vector", std::string("1")); width != "0" && width != "1")
      throw Error(
          ErrorCode::kUnsupported,
          "an XGBoost model with {} values in a leaf (multi_strategy multi_output_tree) can not be read",
          width);
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
    std::size_t n_added = 0;
    while (!open.empty()) {
      // A damaged tree could share its parts, and be far larger than it looks.
      if (++n_added > left_.size()) throw std::out_of_range("a node with two parents");
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
      if (code >= kMostCategories) throw std::out_of_range("a category beyond the largest");
      const std::size_t word = static_cast<std::size_t>(forest.category_offset[at]) + code / 32;
      if (word >= kMostWords) throw std::out_of_range("sets of categories beyond all reason");
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

/// "gbtree" and what is around it.
struct Booster {
  explicit Booster(const json& learner) {
    const json& booster = learner.at("gradient_booster");
    name = booster.value("name", std::string("gbtree"));
    model = &(name == "dart" ? booster.at("gbtree") : booster).at("model");
    // Of dart beside its trees; since version 3.4 among them.
    const json& place = booster.contains("weight_drop") ? booster : *model;
    weights = place.value("weight_drop", std::vector<double>());
  }
  double weight(std::size_t tree) const { return weights.empty() ? 1 : weights.at(tree); }

  std::string name;
  std::vector<double> weights;  // dart: of each tree; else empty
  const json* model = nullptr;
};

int count_of(const json& params, const char* name, int most) {
  const int out = std::stoi(params.at(name).get<std::string>());
  if (out < 0 || out > most) throw std::out_of_range(std::string(name) + " is " + std::to_string(out));
  return out;
}

/// A forest without trees. base: how base scores become raw sums.
Forest empty_forest(const json& params, Link base) {
  Forest forest;
  forest.strict_less = true;
  forest.round_to_float = true;
  forest.link = base;
  forest.n_features = count_of(params, "num_feature", kMostFeatures);
  forest.n_outputs = std::max(1, count_of(params, "num_class", kMostOutputs));
  const auto base_score = read_base_score(params.at("base_score").get<std::string>());
  for (std::size_t k = 0; k < static_cast<std::size_t>(forest.n_outputs); ++k)
    forest.base_score.push_back(raw_sum_of(base_score.size() == 1 ? base_score[0] : base_score.at(k), base));
  return forest;
}

void add_trees(const Booster& booster, std::size_t n_trees, Forest& forest, std::vector<double>* gain) {
  const json& trees = booster.model->at("trees");
  const auto output = booster.model->at("tree_info").get<std::vector<std::int32_t>>();
  for (std::size_t t = 0; t < n_trees; ++t) {
    const std::size_t first_leaf = forest.leaf_value.size();
    forest.tree_root.push_back(Tree(trees.at(t)).add_to(forest, gain));
    forest.tree_output.push_back(output.at(t));
    if (const double weight = booster.weight(t); weight != 1)
      for (std::size_t leaf = first_leaf; leaf < forest.leaf_value.size(); ++leaf)
        forest.leaf_value[leaf] *= weight;
  }
}

Forest convert(const json& model, std::size_t n_rounds, Link link, std::vector<double>* gain) {
  const json& learner = model.at("learner");
  Forest forest = empty_forest(learner.at("learner_model_param"), link);
  if (gain) gain->assign(static_cast<std::size_t>(forest.n_features), 0.0);
  add_trees(Booster(learner), n_rounds * static_cast<std::size_t>(forest.n_outputs), forest, gain);
  return forest;
}

/// How the raw sums of an objective become predictions, and its base score a raw sum.
struct ObjectiveLinks {
  std::string_view name;
  Link link, base;
};
constexpr ObjectiveLinks kObjectives[] = {
    {"reg:squarederror", Link::kIdentity, Link::kIdentity},
    {"reg:linear", Link::kIdentity, Link::kIdentity},
    {"reg:squaredlogerror", Link::kIdentity, Link::kIdentity},
    {"reg:absoluteerror", Link::kIdentity, Link::kIdentity},
    {"reg:pseudohubererror", Link::kIdentity, Link::kIdentity},
    {"reg:quantileerror", Link::kIdentity, Link::kIdentity},
    {"reg:logistic", Link::kSigmoid, Link::kSigmoid},
    {"reg:gamma", Link::kExp, Link::kExp},
    {"reg:tweedie", Link::kExp, Link::kExp},
    {"count:poisson", Link::kExp, Link::kExp},
    {"survival:cox", Link::kExp, Link::kExp},
    {"survival:aft", Link::kExp, Link::kExp},
    {"rank:pairwise", Link::kIdentity, Link::kIdentity},
    {"rank:ndcg", Link::kIdentity, Link::kIdentity},
    {"rank:map", Link::kIdentity, Link::kIdentity},
    {"binary:logistic", Link::kSigmoid, Link::kSigmoid},
    {"binary:logitraw", Link::kIdentity, Link::kIdentity},
    {"multi:softprob", Link::kSoftmax, Link::kIdentity},
    {"multi:softmax", Link::kSoftmax, Link::kIdentity},
};

const ObjectiveLinks& links_of(const std::string& objective) {
  const auto* const found = std::ranges::find(kObjectives, objective, &ObjectiveLinks::name);
  if (found == std::end(kObjectives))
    throw Error(ErrorCode::kUnsupported,
                "an XGBoost model of the objective \"{}\" can not be read: how its trees become predictions "
                "is not known here",
                objective);
  return *found;
}

/// Says no before a parser does what a damaged file asks for: too deep for its recursion, or more values than
/// there are bytes (UBJSON has lists of values that take none).
class Limits final : public nlohmann::json_sax<json> {
 public:
  explicit Limits(std::size_t n_bytes) : n_left_(n_bytes) {}
  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool start_object(std::size_t) override { return count() && ++depth_ < kMostDepth; }
  bool key(string_t&) override { return count(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return count() && ++depth_ < kMostDepth; }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  static constexpr int kMostDepth = 32;  // XGBoost's models are 7 deep
  bool count() { return n_left_-- > 0; }
  bool leave() {
    --depth_;
    return true;
  }
  std::size_t n_left_;
  int depth_ = 0;
};

json parse(std::span<const std::byte> file, bool is_ubjson) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(file.data());
  const auto* const end = begin + file.size();
  Limits limits(file.size());
  const auto format = is_ubjson ? json::input_format_t::ubjson : json::input_format_t::json;
  if (!json::sax_parse(begin, end, &limits, format)) throw std::out_of_range("it is damaged or cut");
  return is_ubjson ? json::from_ubjson(begin, end) : json::parse(begin, end);
}

/// The levels of a category column: texts as bytes with their offsets, or numbers.
std::vector<std::string> read_levels(const json& encoding) {
  std::vector<std::string> out;
  const json& values = encoding.at("values");
  if (!encoding.contains("offsets")) {
    for (const json& value : values) out.push_back(value.dump());
    return out;
  }
  const auto offsets = encoding.at("offsets").get<std::vector<std::size_t>>();
  const auto bytes = values.get<std::vector<std::int32_t>>();
  for (std::size_t k = 0; k + 1 < offsets.size(); ++k) {
    std::string& level = out.emplace_back();
    for (std::size_t at = offsets[k]; at < offsets[k + 1]; ++at)
      level.push_back(static_cast<char>(bytes.at(at)));
  }
  return out;
}

std::string version_text(const json& model) {
  std::string out;
  const json version = model.value("version", json::array());
  for (const json& part : version) out += (out.empty() ? "" : ".") + part.dump();
  return out;
}

/// The trees of the rounds that count: see XgboostModel::n_rounds.
std::size_t count_rounds(const json& learner, const Booster& booster, XgboostModel& out) {
  const json& trees = booster.model->at("trees");
  std::vector<std::size_t> rounds;  // where the trees of each round begin
  if (booster.model->contains("iteration_indptr"))
    rounds = booster.model->at("iteration_indptr").get<std::vector<std::size_t>>();
  if (rounds.size() < 2 || rounds.back() != trees.size()) {
    out.n_rounds = trees.size() / static_cast<std::size_t>(out.forest.n_outputs);
    return trees.size();
  }
  out.n_rounds = rounds.size() - 1;
  const json attributes = learner.value("attributes", json::object());
  if (attributes.contains("best_iteration") && attributes.contains("scikit_learn")) {
    const auto best =
        static_cast<std::size_t>(std::stoul(attributes.at("best_iteration").get<std::string>()));
    if (best < out.n_rounds) {
      out.n_rounds_left_out = out.n_rounds - best - 1;
      out.n_rounds = best + 1;
    }
  }
  if (rounds[out.n_rounds] > trees.size()) throw std::out_of_range("rounds of more trees than there are");
  return rounds[out.n_rounds];
}

XgboostModel read(const json& model) {
  const json& learner = model.at("learner");
  const json& params = learner.at("learner_model_param");
  XgboostModel out;
  out.version = version_text(model);
  out.objective = learner.at("objective").at("name").get<std::string>();
  const ObjectiveLinks& links = links_of(out.objective);
  if (params.contains("num_target") && count_of(params, "num_target", kMostOutputs) > 1)
    throw Error(ErrorCode::kUnsupported, "an XGBoost model of several targets can not be read");
  out.forest = empty_forest(params, links.base);
  out.forest.link = links.link;
  out.feature_names = learner.value("feature_names", std::vector<std::string>());
  out.feature_types = learner.value("feature_types", std::vector<std::string>());

  const Booster booster(learner);
  if (booster.name == "gblinear") {
    out.linear = booster.model->at("weights").get<std::vector<double>>();
    const auto n_features = static_cast<std::size_t>(out.forest.n_features);
    if (out.linear.size() != (n_features + 1) * static_cast<std::size_t>(out.forest.n_outputs))
      throw std::out_of_range("gblinear has another number of weights than columns");
    // As XGBoost: the base score of the first class is that of all.
    std::ranges::fill(out.forest.base_score, out.forest.base_score.front());
    return out;
  }
  add_trees(booster, count_rounds(learner, booster, out), out.forest, nullptr);
  if (booster.model->contains("cats"))
    for (const json& encoding : booster.model->at("cats").value("enc", json::array()))
      out.levels.push_back(read_levels(encoding));
  return out;
}

/// Runs what reads, whose exceptions are the JSON library's, of at() and of stoi().
template <typename Body>
auto guarded(const Body& body) {
  try {
    return body();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kModel, "an XGBoost model is not understood: {}", error.what());
  }
}

}  // namespace

XgboostModel read_xgboost(std::span<const std::byte> file, bool is_ubjson) {
  return guarded([&] { return read(parse(file, is_ubjson)); });
}

Forest forest_from_xgboost(std::span<const std::byte> ubjson, std::size_t n_rounds, Link link,
                           std::vector<double>* gain) {
  return guarded([&] {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(ubjson.data());
    return convert(json::from_ubjson(bytes, bytes + ubjson.size()), n_rounds, link, gain);
  });
}

}  // namespace kolosal::model
