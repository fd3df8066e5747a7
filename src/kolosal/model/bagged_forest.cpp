#include "kolosal/model/bagged_forest.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>

#include "kolosal/core/row_sample.hpp"
#include "kolosal/model/category_rank.hpp"
#include "kolosal/model/training_rows.hpp"

namespace kolosal::model {
namespace {

/// Number of features that "auto", "sqrt", "log2" or a share such as "0.5" means.
std::size_t count_features(const std::string& text, std::size_t n, bool classification, const char* name) {
  const auto total = static_cast<double>(n);
  double wanted = 0;
  if (text == "sqrt" || (text == "auto" && classification)) {
    wanted = std::sqrt(total);
  } else if (text == "log2") {
    wanted = std::log2(total);
  } else if (text == "auto") {
    wanted = total;
  } else {
    double share = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
    if (error != std::errc() || end != text.data() + text.size() || !(share > 0) || share > 1)
      throw Error(ErrorCode::kInvalidParameter,
                  "{}: max_features must be auto, sqrt, log2 or a share above 0 and at most 1: {}", name,
                  text);
    wanted = share * total;
  }
  return std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, n);
}

/// Which levels go left, as bits by code: one set per category column and rank, shared by all nodes that cut
/// there.
class CategorySets {
 public:
  CategorySets(const BinnedTable& table, const std::vector<std::vector<std::uint8_t>>& rank_of_bin,
               Forest& forest)
      : table_(table), rank_of_bin_(rank_of_bin), forest_(forest) {}

  std::int32_t n_words(std::size_t feature) const {
    return static_cast<std::int32_t>((table_.columns[feature].bin_of_code.size() + 31) / 32);
  }

  std::int32_t offset(std::size_t feature, std::uint8_t rank) {
    const auto [found, is_new] =
        offsets_.try_emplace({feature, rank}, static_cast<std::int32_t>(forest_.category_bits.size()));
    if (!is_new) return found->second;
    const auto& bins = table_.columns[feature].bin_of_code;
    std::vector<std::uint32_t> words(static_cast<std::size_t>(n_words(feature)), 0);
    for (std::size_t code = 0; code < bins.size(); ++code)
      if (bins[code] > 0 && rank_of_bin_[feature][bins[code]] <= rank) words[code / 32] |= 1U << (code % 32);
    forest_.category_bits.insert(forest_.category_bits.end(), words.begin(), words.end());
    return found->second;
  }

 private:
  const BinnedTable& table_;
  const std::vector<std::vector<std::uint8_t>>& rank_of_bin_;
  Forest& forest_;
  std::map<std::pair<std::size_t, std::uint8_t>, std::int32_t> offsets_;
};

/// Appends trees to a forest. Leaves of one class only are stored once: most leaves of a fully grown tree are
/// such.
class ForestAssembler {
 public:
  ForestAssembler(Forest& forest, CategorySets& sets, const TreeData& data, double offset)
      : forest_(forest), sets_(sets), data_(data), offset_(offset), width_(data.leaf_width()) {}

  void add(const Tree& tree) {
    const auto first_node = static_cast<std::int32_t>(forest_.feature.size());
    const std::vector<std::int32_t> leaf = add_leaves(tree);
    auto child = [&](std::int32_t c) { return c < 0 ? ~leaf[static_cast<std::size_t>(~c)] : first_node + c; };
    forest_.tree_root.push_back(child(tree.root));
    forest_.tree_output.push_back(0);
    for (const Tree::Node& node : tree.nodes) {
      const auto f = static_cast<std::size_t>(node.feature);
      const bool is_category = data_.features[f].column == nullptr;
      forest_.feature.push_back(node.feature);
      forest_.threshold.push_back(node.threshold);
      forest_.left.push_back(child(node.left));
      forest_.right.push_back(child(node.right));
      forest_.flags.push_back(static_cast<std::uint8_t>((is_category ? kCategorical : 0) |
                                                        (node.missing_left ? kDefaultLeft : 0)));
      forest_.category_offset.push_back(is_category ? sets_.offset(f, node.bin) : 0);
      forest_.category_words.push_back(is_category ? sets_.n_words(f) : 0);
    }
  }

 private:
  std::vector<std::int32_t> add_leaves(const Tree& tree) {
    std::vector<std::int32_t> out;
    for (std::size_t at = 0; at < tree.leaf_value.size(); at += width_) {
      const std::span<const double> value(tree.leaf_value.data() + at, width_);
      const auto next = static_cast<std::int32_t>(forest_.leaf_value.size() / width_);
      std::int32_t leaf = next;
      if (data_.n_classes > 0 &&
          std::all_of(value.begin(), value.end(), [](double v) { return v == 0 || v == 1; })) {
        const auto one = static_cast<std::size_t>(std::find(value.begin(), value.end(), 1.0) - value.begin());
        leaf = pure_.try_emplace(one, next).first->second;
      }
      if (leaf == next)
        for (double v : value) forest_.leaf_value.push_back(v + offset_);
      out.push_back(leaf);
    }
    return out;
  }

  Forest& forest_;
  CategorySets& sets_;
  const TreeData& data_;
  double offset_;
  std::size_t width_;
  std::map<std::size_t, std::int32_t> pure_;  // position of the 1 -> leaf
};

/// For all nodes of the trees: they are many, and arrays that grow by doubling would take twice as much.
void reserve(Forest& forest, const std::vector<std::optional<Tree>>& trees) {
  std::size_t n = 0, n_leaf_values = 0;
  for (const auto& tree : trees) {
    if (!tree) continue;
    n += tree->nodes.size();
    n_leaf_values += tree->leaf_value.size();
  }
  forest.feature.reserve(n);
  forest.threshold.reserve(n);
  forest.left.reserve(n);
  forest.right.reserve(n);
  forest.flags.reserve(n);
  forest.category_offset.reserve(n);
  forest.category_words.reserve(n);
  forest.leaf_value.reserve(n_leaf_values);
}

/// How often each row is drawn, with replacement; without bootstrap: once each, or a sample without
/// replacement.
std::vector<double> row_weights(std::size_t n_rows, const BaggedForestParams& params,
                                const std::vector<double>& base, Rng& rng) {
  const auto n_drawn = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::round(params.max_samples * static_cast<double>(n_rows))));
  std::vector<double> weight(n_rows, params.bootstrap || n_drawn < n_rows ? 0.0 : 1.0);
  if (params.bootstrap) {
    for (std::size_t i = 0; i < n_drawn; ++i) weight[rng.below(n_rows)] += 1;
  } else if (n_drawn < n_rows) {
    for (const std::uint32_t row : draw_rows(n_rows, n_drawn, rng)) weight[row] = 1;
  }
  for (std::size_t i = 0; i < base.size(); ++i) weight[i] *= base[i];
  return weight;
}

/// The training rows, with categories replaced by ranks.
struct RankedData {
  TreeData trees;
  std::vector<std::vector<std::uint8_t>> rank_of_bin;  // per column; empty for numbers
};

RankedData gather(const BinnedTable& table, const data::TargetView& y, std::span<const std::uint32_t> rows,
                  const std::vector<double>& weights, const Context& context) {
  RankedData out;
  out.trees.target = target_of(y, rows);
  out.trees.n_classes = y.task == data::Task::kRegression ? 0 : std::max<std::size_t>(2, y.n_classes);
  out.trees.features.resize(table.columns.size());
  out.rank_of_bin.resize(table.columns.size());
  context.parallel_blocks(table.columns.size(), 1, [&](std::size_t c, std::size_t) {
    const BinnedColumn& column = table.columns[c];
    TreeData::Feature& feature = out.trees.features[c];
    feature.n_bins = column.n_bins;
    feature.column = column.is_category ? nullptr : &column;
    feature.bin.resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) feature.bin[i] = column.bin[rows[i]];
    if (!column.is_category) return;
    out.rank_of_bin[c] =
        rank_bins(feature.bin, column.n_bins, out.trees.target, weights, out.trees.n_classes);
    for (std::uint8_t& b : feature.bin) b = out.rank_of_bin[c][b];
  });
  return out;
}

void add_importance(const Tree& tree, std::vector<double>& importance) {
  double total = 0;
  for (double decrease : tree.feature_decrease) total += std::max(0.0, decrease);
  if (total > 0)
    for (std::size_t f = 0; f < importance.size(); ++f)
      importance[f] += std::max(0.0, tree.feature_decrease[f]) / total;
}

}  // namespace

BaggedForest::BaggedForest(Params params, bool random_threshold, const char* name)
    : params_(std::move(params)), random_threshold_(random_threshold), name_(name) {
  count_features(params_.max_features, 1, true, name_);
}

std::shared_ptr<const Prepared> BaggedForest::prepare(const TrainingData& data,
                                                      const Context& context) const {
  return BinnedTable::of(*data.x, context);
}

TreeParams BaggedForest::tree_params(std::size_t n_features, bool classification,
                                     std::size_t n_classes) const {
  TreeParams out;
  if (classification && params_.criterion == "entropy")
    out.criterion = Criterion::kEntropy;
  else if (n_classes > 2)
    out.criterion = Criterion::kGini;
  out.random_threshold = random_threshold_;
  out.max_features = count_features(params_.max_features, n_features, classification, name_);
  out.max_depth = static_cast<std::size_t>(params_.max_depth);
  out.min_samples_split = static_cast<std::size_t>(params_.min_samples_split);
  out.min_samples_leaf = static_cast<std::size_t>(params_.min_samples_leaf);
  return out;
}

FitReport BaggedForest::do_fit(const TrainingData& data, const Prepared* prepared, RowSplit rows,
                               const Context& context) {
  std::shared_ptr<const Prepared> own;
  if (!prepared) {
    own = prepare(data, context);
    prepared = own.get();
  }
  const auto* table = dynamic_cast<const BinnedTable*>(prepared);
  KOLOSAL_ASSERT(table && table->n_rows == data.x->n_rows(), "prepared is of prepare() on the same data");
  const bool classification = data.y.task != data::Task::kRegression;

  const std::vector<double> base = weights_of(data.y, rows.train, is_balanced(params_.class_weight, name_));
  RankedData ranked = gather(*table, data.y, rows.train, base, context);
  // Small sums lose fewer digits: regression targets are taken from their mean.
  const double centre = classification ? 0.0 : mean_target(data.y, rows.train)[0];
  for (double& value : ranked.trees.target) value -= centre;

  const TreeParams params = tree_params(table->columns.size(), classification, ranked.trees.n_classes);
  std::vector<std::optional<Tree>> trees(static_cast<std::size_t>(params_.n_estimators));
  context.parallel_blocks(trees.size(), 1, [&](std::size_t t, std::size_t) {
    if (context.should_stop()) return;
    Rng rng(derive_seed(context.seed, {"bootstrap", t}));
    const std::vector<double> weight = row_weights(rows.train.size(), params_, base, rng);
    trees[t] = grow_tree(ranked.trees, weight, params, derive_seed(context.seed, {"tree", t}),
                         [&] { return context.should_stop(); });
  });

  forest_ = Forest();
  forest_.n_features = static_cast<std::int32_t>(table->columns.size());
  forest_.n_outputs = static_cast<std::int32_t>(data.y.n_outputs());
  forest_.leaf_width = static_cast<std::int32_t>(ranked.trees.leaf_width());
  forest_.average = true;
  forest_.base_score.assign(data.y.n_outputs(), 0.0);
  importance_.assign(table->columns.size(), 0.0);
  reserve(forest_, trees);
  CategorySets sets(*table, ranked.rank_of_bin, forest_);
  ForestAssembler assembler(forest_, sets, ranked.trees, centre);
  for (std::optional<Tree>& tree : trees) {
    if (!tree) continue;
    assembler.add(*tree);
    add_importance(*tree, importance_);
    tree.reset();
  }
  if (forest_.n_trees() == 0)
    throw Error(ErrorCode::kBudget, "the time ended before the first tree of {}", name_);
  const double total = std::accumulate(importance_.begin(), importance_.end(), 0.0);
  for (double& value : importance_)
    value = total > 0 ? value / total : 1.0 / static_cast<double>(importance_.size());

  FitReport report;
  report.n_rounds = forest_.n_trees();
  report.stopped_by_deadline = forest_.n_trees() < trees.size();
  report.valid_prediction.resize(rows.valid.size() * data.y.n_outputs());
  if (!rows.valid.empty()) forest_.predict(data.x->take(rows.valid), report.valid_prediction, context);
  return report;
}

void BaggedForest::do_predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  forest_.predict(x, out, context);
}

void BaggedForest::do_save(artifact::Node& node) const {
  forest_.save(node.add_child("forest"));
  node.set_array("importance", importance_);
}

void BaggedForest::do_load(const artifact::Node& node) {
  forest_ = Forest::load(node.child("forest"));
  importance_ = node.get_vector<double>("importance");
  if (static_cast<std::size_t>(forest_.n_outputs) != n_outputs() ||
      static_cast<std::size_t>(forest_.n_features) != feature_names().size())
    throw Error(ErrorCode::kModel, "a forest is damaged: {} outputs and {} columns instead of {} and {}",
                forest_.n_outputs, forest_.n_features, n_outputs(), feature_names().size());
}

EstimatorInfo bagged_forest_info(const char* name, const char* summary, bool random_threshold) {
  using P = BaggedForestParams;
  auto table = [=] {
    return ParamTable<P>()
        .param("n_estimators", &P::n_estimators, "Number of trees.")
        .limits(1, 100'000)
        .param("max_features", &P::max_features,
               "Columns tried per split: a share such as 0.5, sqrt, log2, or auto (sqrt for classes, all for "
               "numbers).")
        .param("criterion", &P::criterion, "Impurity for classes; numbers use the squared error.",
               choice({"gini", "entropy"}))
        .param("max_depth", &P::max_depth, "Most splits on a path; 0: no limit.")
        .limits(0, 1e6)
        .param("min_samples_split", &P::min_samples_split, "Fewest rows of a node that is split.")
        .limits(2, 1e9)
        .param("min_samples_leaf", &P::min_samples_leaf, "Fewest rows of a leaf.", log_range(1, 20))
        .limits(1, 1e9)
        .param("bootstrap", &P::bootstrap, "Grow each tree on rows drawn with replacement.")
        .param("max_samples", &P::max_samples, "Rows drawn per tree, as a share of all.")
        .limits(1e-6, 1)
        .param("class_weight", &P::class_weight, "none, or balanced: classes count equally.",
               choice({"none", "balanced"}));
  };
  EstimatorInfo info;
  info.name = name;
  info.summary = summary;
  info.tasks = {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression};
  info.handles_missing = info.handles_categories = true;
  info.params = table().specs();
  for (ParamSpec& spec : info.params)
    if (spec.name == "bootstrap") spec.default_value = !random_threshold;
  info.make = [=](const ParamMap& params) -> std::unique_ptr<Estimator> {
    P read = table().read(params, name);
    if (!params.contains("bootstrap")) read.bootstrap = !random_threshold;
    return std::make_unique<BaggedForest>(std::move(read), random_threshold, name);
  };
  return info;
}

}  // namespace kolosal::model
