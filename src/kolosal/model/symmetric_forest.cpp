#include "kolosal/model/symmetric_forest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/kernel/symmetric_trees.hpp"
#include "kolosal/model/focal_loss.hpp"
#include "kolosal/model/leaf_sums.hpp"
#include "kolosal/model/link_functions.hpp"
#include "kolosal/model/symmetric_table.hpp"

namespace kolosal::model {
namespace {

constexpr std::size_t kBlock = 256;  // rows: their bins and leaves stay in the first cache level
constexpr std::uint8_t kMostDepth = 8;

[[noreturn]] void damaged(std::string_view what) {
  throw Error(ErrorCode::kModel, "the model's symmetric trees are damaged: {}", what);
}

template <typename T>
void append(std::vector<T>& all, const std::vector<T>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// Cuts what was appended into pieces again; sizes[i] says how long each is.
template <typename T>
std::vector<std::vector<T>> cut(const std::vector<T>& all, const std::vector<std::int64_t>& sizes) {
  std::vector<std::vector<T>> out;
  std::size_t at = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0 || static_cast<std::size_t>(size) > all.size() - at) damaged("the size of an input");
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(at);
    out.emplace_back(first, first + size);
    at += static_cast<std::size_t>(size);
  }
  if (at != all.size()) damaged("the size of the inputs");
  return out;
}

void check_input(const SymmetricForest& f, const SymmetricForest::Input& input) {
  if (input.index >= 0) {
    if (static_cast<std::size_t>(input.index) >= f.indices.size() ||
        input.bin_of_level.size() != f.indices[static_cast<std::size_t>(input.index)].n_levels() + 1)
      damaged("the levels of an input");
  } else if (input.column < 0 || input.column >= f.n_columns || input.borders.size() > 255 ||
             !std::ranges::is_sorted(input.borders)) {
    damaged("the borders of an input");
  }
}

void check_trees(const SymmetricForest& f) {
  std::size_t n_splits = 0, n_leaves = 0;
  for (const std::uint8_t depth : f.tree_depth) {
    if (depth > kMostDepth) damaged("the depth of a tree");
    n_splits += depth;
    n_leaves += std::size_t{1} << depth;
  }
  if (f.split_input.size() != n_splits || f.split_border.size() != n_splits) damaged("the number of splits");
  if (f.leaf_value.size() != n_leaves * static_cast<std::size_t>(f.n_outputs))
    damaged("the number of leaves");
  for (const std::int32_t input : f.split_input)
    if (input < 0 || static_cast<std::size_t>(input) >= f.inputs.size()) damaged("the input of a split");
}

}  // namespace

void apply_link(Link link, double parameter, std::size_t n_outputs, std::span<double> scores) {
  switch (link) {
    case Link::kIdentity:
      return;
    case Link::kSigmoid:
      for (double& v : scores) v = sigmoid(v);
      return;
    case Link::kExp:
      for (double& v : scores) v = std::exp(v);
      return;
    case Link::kFocal:
      for (double& v : scores) v = sigmoid(focal_log_odds(v, parameter));
      return;
    case Link::kSoftmax:
      scores_to_probabilities(scores, n_outputs);
      return;
  }
}

std::vector<std::uint8_t> SymmetricForest::bins(const data::Frame& x, std::size_t begin,
                                                std::size_t end) const {
  const std::size_t n = end - begin;
  std::vector<std::uint8_t> out(inputs.size() * n);
  std::vector<std::vector<std::uint32_t>> levels(indices.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = inputs[i];
    std::uint8_t* to = out.data() + i * n;
    if (input.index < 0) {
      const data::Column column = x.column(static_cast<std::size_t>(input.column)).slice(begin, n);
      std::vector<double> values(n);
      column.copy_numbers(std::span<double>(values));
      for (std::size_t r = 0; r < n; ++r) to[r] = bin_of(input.borders, values[r]);
      continue;
    }
    auto& level = levels[static_cast<std::size_t>(input.index)];
    if (level.empty()) {
      level.resize(n);
      indices[static_cast<std::size_t>(input.index)].find(x, begin, level);
    }
    for (std::size_t r = 0; r < n; ++r) to[r] = input.bin_of_level[level[r]];
  }
  return out;
}

void SymmetricForest::drop_unused() {
  std::vector<std::int32_t> new_input(inputs.size(), -1), new_index(indices.size(), -1);
  for (const std::int32_t input : split_input) new_input[static_cast<std::size_t>(input)] = 0;
  std::vector<Input> kept;
  std::vector<LevelIndex> kept_indices;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (new_input[i] < 0) continue;
    new_input[i] = static_cast<std::int32_t>(kept.size());
    kept.push_back(std::move(inputs[i]));
    if (kept.back().index < 0) continue;
    const auto index = static_cast<std::size_t>(kept.back().index);
    if (new_index[index] < 0) {
      new_index[index] = static_cast<std::int32_t>(kept_indices.size());
      kept_indices.push_back(std::move(indices[index]));
    }
    kept.back().index = new_index[index];
  }
  for (std::int32_t& input : split_input) input = new_input[static_cast<std::size_t>(input)];
  inputs = std::move(kept);
  indices = std::move(kept_indices);
}

void SymmetricForest::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  const auto n_out = static_cast<std::size_t>(n_outputs);
  context.parallel_blocks(x.n_rows(), kBlock, [&](std::size_t begin, std::size_t end) {
    const std::size_t n = end - begin;
    const std::vector<std::uint8_t> row_bins = bins(x, begin, end);
    const std::span<double> sums = out.subspan(begin * n_out, n * n_out);
    std::vector<double> block(sums.size());
    std::ranges::fill(sums, 0.0);
    std::uint8_t leaves[kBlock];
    const double* values = leaf_value.data();
    std::size_t split = 0;
    for (std::size_t t = 0; t < n_trees(); ++t) {
      const std::uint8_t depth = tree_depth[t];
      std::fill_n(leaves, n, std::uint8_t{0});
      for (unsigned level = 0; level < depth; ++level, ++split)
        kernel::add_leaf_bits(row_bins.data() + static_cast<std::size_t>(split_input[split]) * n,
                              split_border[split], level, n, leaves);
      for (std::size_t r = 0; r < n; ++r)
        for (std::size_t k = 0; k < n_out; ++k) block[r * n_out + k] += values[leaves[r] * n_out + k];
      values += n_out << depth;
      if ((t + 1) % kSumTrees != 0 && t + 1 != n_trees()) continue;
      for (std::size_t i = 0; i < block.size(); ++i) sums[i] += block[i];
      std::ranges::fill(block, 0.0);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += base_score[i % n_out];
    apply_link(link, link_parameter, n_out, sums);
  });
}

void SymmetricForest::save(artifact::Node& node) const {
  node.set("link", static_cast<std::int64_t>(link));
  if (link == Link::kFocal) node.set("link_parameter", link_parameter);
  node.set_array("base_score", base_score);
  for (std::size_t i = 0; i < indices.size(); ++i)
    indices[i].save(node.add_child("index " + std::to_string(i)));
  std::vector<std::int32_t> column, index;
  std::vector<std::int64_t> n_borders, n_levels;
  std::vector<double> borders;
  std::vector<std::uint8_t> bin_of_level;
  for (const Input& input : inputs) {
    column.push_back(input.column);
    index.push_back(input.index);
    n_borders.push_back(static_cast<std::int64_t>(input.borders.size()));
    n_levels.push_back(static_cast<std::int64_t>(input.bin_of_level.size()));
    append(borders, input.borders);
    append(bin_of_level, input.bin_of_level);
  }
  node.set("n_indices", indices.size());
  node.set_array("input_column", column);
  node.set_array("input_index", index);
  node.set_array("n_borders", n_borders);
  node.set_array("borders", borders);
  node.set_array("n_levels", n_levels);
  node.set_array("bin_of_level", bin_of_level);
  node.set_array("tree_depth", tree_depth);
  node.set_array("split_input", split_input);
  node.set_array("split_border", split_border);
  node.set_array("leaf_value", leaf_value);
}

SymmetricForest SymmetricForest::load(const artifact::Node& node, std::size_t n_columns,
                                      std::size_t n_outputs) {
  SymmetricForest out;
  out.n_columns = static_cast<std::int32_t>(n_columns);
  out.n_outputs = static_cast<std::int32_t>(n_outputs);
  const std::int64_t link = node.get_int("link"), n_indices = node.get_int("n_indices");
  if (link < 0 || link > static_cast<std::int64_t>(Link::kFocal)) damaged("the link");
  out.link = static_cast<Link>(link);
  if (out.link == Link::kFocal) out.link_parameter = node.get_double("link_parameter");
  out.base_score = node.get_vector<double>("base_score");
  if (out.base_score.size() != n_outputs) damaged("the base score");
  for (std::int64_t i = 0; i < n_indices; ++i)
    out.indices.push_back(LevelIndex::load(node.child("index " + std::to_string(i)), n_columns));

  const auto column = node.get_vector<std::int32_t>("input_column");
  const auto index = node.get_vector<std::int32_t>("input_index");
  auto borders = cut(node.get_vector<double>("borders"), node.get_vector<std::int64_t>("n_borders"));
  auto levels = cut(node.get_vector<std::uint8_t>("bin_of_level"), node.get_vector<std::int64_t>("n_levels"));
  if (index.size() != column.size() || borders.size() != column.size() || levels.size() != column.size())
    damaged("the number of inputs");
  for (std::size_t i = 0; i < column.size(); ++i) {
    out.inputs.push_back({column[i], index[i], std::move(borders[i]), std::move(levels[i])});
    check_input(out, out.inputs.back());
  }
  out.tree_depth = node.get_vector<std::uint8_t>("tree_depth");
  out.split_input = node.get_vector<std::int32_t>("split_input");
  out.split_border = node.get_vector<std::uint8_t>("split_border");
  out.leaf_value = node.get_vector<double>("leaf_value");
  check_trees(out);
  return out;
}

}  // namespace kolosal::model
