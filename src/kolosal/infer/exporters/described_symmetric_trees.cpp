#include "kolosal/infer/exporters/described_symmetric_trees.hpp"

#include "kolosal/core/error.hpp"
#include "kolosal/infer/exporters/level_probe.hpp"
#include "kolosal/model/symmetric_forest.hpp"

namespace kolosal::infer::exporters {
namespace {

using model::SymmetricForest;

/// The bin of a level or pair as a value, by a table that its index gives for all of them.
ValueId bin_of_levels(ModelDescriber& to, const SymmetricForest& trees, const SymmetricForest::Input& input,
                      const DescribedTable& table, const std::string& name) {
  const model::LevelIndex& index = trees.indices[static_cast<std::size_t>(input.index)];
  std::vector<std::size_t> columns;
  for (const std::int32_t c : index.columns()) columns.push_back(static_cast<std::size_t>(c));
  LevelOperation op{.kind = LevelOperation::Kind::kNumbers,
                    .in = table.columns[columns[0]].values.at(0),
                    .is_pair = columns.size() > 1};
  const std::size_t n_first = to.value(op.in).n_slots();
  std::size_t n_second = 1;
  if (op.is_pair) {
    op.in2 = table.columns[columns[1]].values.at(0);
    n_second = to.value(op.in2).n_slots();
  }
  if (n_first * n_second > kMostPairs)
    throw Error(
        ErrorCode::kUnsupported,
        "can not export: {} joins \"{}\" and \"{}\", which have {} pairs of levels, more than {}; train "
        "without it (--exclude-models {}), or use the model by kolosal.h",
        name, table.columns[columns[0]].name, table.columns[columns.back()].name, n_first * n_second,
        kMostPairs, name);
  data::Frame rows;
  for (std::size_t c = 0; c < table.header.n_columns(); ++c) {
    if (c != columns[0] && c != columns.back()) {  // not looked at
      rows.add(table.header.name(c), data::Column::from_float32(std::vector<float>(n_first * n_second)));
      continue;
    }
    std::vector<std::int32_t> codes(n_first * n_second);
    for (std::size_t i = 0; i < codes.size(); ++i)
      codes[i] = static_cast<std::int32_t>(c == columns[0] ? i / n_second : i % n_second) - 2;
    rows.add(table.header.name(c),
             data::Column::from_category(std::move(codes), table.header.column(c).dictionary()));
  }
  std::vector<std::uint32_t> level(rows.n_rows());
  index.find(rows, 0, level);
  for (const std::uint32_t l : level) op.numbers.push_back(input.bin_of_level[l]);
  op.first_out = to.add_number(name);
  const ValueId out = op.first_out;
  to.add(std::move(op));
  return out;
}

/// Adds one tree. Bit 0 of a leaf's number is the first split's: set when the bin is above its border.
void add_tree(const SymmetricForest& trees, std::size_t tree, std::size_t first_split, std::size_t first_leaf,
              model::Forest& out) {
  const std::size_t depth = trees.tree_depth[tree];
  const auto first_node = static_cast<std::int32_t>(out.feature.size());
  const auto leaf_of = [&](std::size_t path) { return ~static_cast<std::int32_t>(first_leaf + path); };
  out.tree_root.push_back(depth == 0 ? leaf_of(0) : first_node);
  out.tree_output.push_back(0);
  for (std::size_t level = 0; level < depth; ++level) {
    const auto input_number = trees.split_input[first_split + level];
    const auto& input = trees.inputs[static_cast<std::size_t>(input_number)];
    const std::size_t border = trees.split_border[first_split + level];
    // Bins above the border: numbers that reach borders[border]. A border that there is not is never reached.
    const double threshold = input.index >= 0                ? static_cast<double>(border) + 0.5
                             : border < input.borders.size() ? input.borders[border]
                                                             : std::numeric_limits<double>::infinity();
    for (std::size_t path = 0; path < std::size_t{1} << level; ++path) {
      const std::int32_t next = first_node + (std::int32_t{1} << (level + 1)) - 1;
      const auto child = [&](std::size_t to) {
        return level + 1 == depth ? leaf_of(to) : next + static_cast<std::int32_t>(to);
      };
      out.feature.push_back(input_number);
      out.threshold.push_back(threshold);
      out.left.push_back(child(path));
      out.right.push_back(child(path | std::size_t{1} << level));
      out.flags.push_back(model::kDefaultLeft);
      out.category_offset.push_back(0);
      out.category_words.push_back(0);
    }
  }
}

}  // namespace

ValueId describe_symmetric_trees(ModelDescriber& to, const artifact::Node& state,
                                 const model::Estimator& learner, const DescribedTable& table) {
  const SymmetricForest trees = SymmetricForest::load(state, table.columns.size(), learner.n_outputs());
  TreesOperation op;
  for (const SymmetricForest::Input& input : trees.inputs)
    op.features.push_back(input.index >= 0
                              ? bin_of_levels(to, trees, input, table, "ordered_boosting")
                              : table.columns[static_cast<std::size_t>(input.column)].values.at(0));
  model::Forest out;
  out.n_features = static_cast<std::int32_t>(trees.inputs.size());
  out.n_outputs = out.leaf_width = trees.n_outputs;
  out.strict_less = true;
  out.base_score = trees.base_score;
  out.leaf_value = trees.leaf_value;
  std::size_t split = 0, leaf = 0;
  for (std::size_t tree = 0; tree < trees.n_trees(); ++tree) {
    add_tree(trees, tree, split, leaf, out);
    split += trees.tree_depth[tree];
    leaf += std::size_t{1} << trees.tree_depth[tree];
  }
  op.forest = std::make_shared<const model::Forest>(std::move(out));
  const std::size_t width = learner.n_outputs();
  op.first_out = to.add_numbers("ordered_boosting", width);
  const ValueId first = op.first_out;
  to.add(std::move(op));
  return describe_link(to, trees.link, trees.link_parameter, first, width);
}

}  // namespace kolosal::infer::exporters
