#include "kolosal/infer/forest/lane_program.hpp"

#include <algorithm>
#include <numeric>

namespace kolosal::infer {
namespace {

using kernel::kLaneTrees;

constexpr std::size_t kMostOutside = std::size_t{1} << 21;  // words: 16 MiB
constexpr std::size_t kMostSetColumns = 256;

kernel::LaneNodes no_nodes() {
  kernel::LaneNodes out;
  std::fill_n(out.column, kLaneTrees, std::uint8_t{0});
  std::fill_n(out.cut, kLaneTrees, std::int8_t{127});
  std::fill_n(out.first, kLaneTrees, std::uint8_t{0});
  std::fill_n(out.right, kLaneTrees, std::uint8_t{0});
  return out;
}

}  // namespace

LaneProgram::LaneProgram(const model::Forest& forest, const BlockProgram& blocks)
    : n_outputs_(static_cast<std::size_t>(forest.n_outputs)),
      leaf_width_(static_cast<std::size_t>(forest.leaf_width)),
      known_columns_(blocks.columns().size(), -1),
      trees_(blocks.trees().size()),
      leaf_values_(blocks.leaf_values()) {}

std::optional<LaneProgram> LaneProgram::of(const model::Forest& forest, const BinnedFeatures& features,
                                           const BlockProgram& blocks) {
  const std::size_t n_trees = blocks.trees().size();
  const auto part_of = [&](std::size_t tree) -> const BlockProgram::Part& {
    return blocks.parts()[blocks.trees()[tree].first_part];
  };
  LaneProgram out(forest, blocks);
  // Trees of one group should have about as many nodes: the largest decides how long it takes.
  std::vector<std::uint32_t> order(n_trees);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return part_of(a).n_nodes > part_of(b).n_nodes; });
  out.add_groups(blocks, order);
  for (std::size_t i = 0; i < n_trees; ++i) {
    const BlockProgram::Tree& tree = blocks.trees()[order[i]];
    if (tree.n_parts != 1) return std::nullopt;
    const BlockProgram::Part& part = part_of(order[i]);
    if (!out.add_tree(features, blocks, part, out.groups_[i / kLaneTrees], i % kLaneTrees))
      return std::nullopt;
    out.trees_[order[i]] = {static_cast<std::uint32_t>(i), part.first_leaf, tree.output};
  }
  out.known_columns_.clear();
  return out;
}

void LaneProgram::add_groups(const BlockProgram& blocks, const std::vector<std::uint32_t>& order) {
  std::uint32_t n_nodes = 0;
  for (std::size_t i = 0; i < order.size(); i += kLaneTrees) {
    const BlockProgram::Part& largest = blocks.parts()[blocks.trees()[order[i]].first_part];
    groups_.push_back({n_nodes, largest.n_nodes});
    n_nodes += largest.n_nodes;
  }
  nodes_.assign(n_nodes, no_nodes());
  // One more is read beside the last.
  n_words_ = n_nodes / kernel::kMergedWords * kernel::kMergedWords + kernel::kMergedWords;
}

bool LaneProgram::add_tree(const BinnedFeatures& features, const BlockProgram& blocks,
                           const BlockProgram::Part& part, const Group& group, std::size_t lane) {
  const std::size_t n_columns = blocks.columns().size();
  for (std::uint32_t k = 0; k < part.n_nodes; ++k) {
    const kernel::SpanNode& node = blocks.nodes()[part.first_node + k];
    kernel::LaneNodes& nodes = nodes_[group.first + k];
    nodes.first[lane] = node.first;
    nodes.right[lane] = node.right;
    const std::size_t column = node.bins / kernel::kBlockRows;
    if (column >= n_columns) {
      const BlockProgram::Mark& mark = blocks.marks()[part.first_mark + column - n_columns];
      const std::uint32_t binned = mark.wide ? mark.column : blocks.columns()[mark.column].column;
      if (!add_set(features, binned, features.sets() + mark.set, group.first + k, lane)) return false;
      continue;
    }
    const std::optional<std::uint8_t> number = number_of(blocks, column);
    if (!number) return false;
    nodes.column[lane] = *number;
    nodes.cut[lane] = static_cast<std::int8_t>(node.limit - 1);
  }
  return true;
}

std::optional<std::uint8_t> LaneProgram::number_of(const BlockProgram& blocks, std::size_t block_column) {
  std::int32_t& number = known_columns_[block_column];
  if (number < 0) {
    if (columns_.size() == kernel::kMostLaneColumns) return std::nullopt;
    number = static_cast<std::int32_t>(columns_.size());
    columns_.push_back(blocks.columns()[block_column]);
  }
  return static_cast<std::uint8_t>(number);
}

bool LaneProgram::add_set(const BinnedFeatures& features, std::uint32_t column, const std::uint32_t* set,
                          std::size_t node, std::size_t lane) {
  const std::size_t n_bins = features.n_bins(column);
  auto known = std::ranges::find(set_columns_, column, &SetColumn::column);
  if (known == set_columns_.end()) {
    const std::size_t first = outside_.size();
    if (set_columns_.size() == kMostSetColumns || first + n_bins * n_words_ > kMostOutside) return false;
    outside_.resize(first + n_bins * n_words_, 0);
    known = set_columns_.insert(known, {column, static_cast<std::uint32_t>(first)});
  }
  const std::uint64_t bit = std::uint64_t{1} << lane;
  for (std::size_t bin = 0; bin < n_bins; ++bin)
    if (((set[bin / 32] >> (bin % 32)) & 1U) == 0) outside_[known->first + bin * n_words_ + node] |= bit;
  return true;
}

void LaneProgram::find_leaves(const std::uint16_t* bins, std::size_t stride, LaneScratch& scratch) const {
  std::int8_t row[kernel::kMostLaneColumns] = {};
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const ByteColumn& column = columns_[c];
    const std::uint16_t bin = bins[column.column * stride];
    const int above = std::clamp(static_cast<int>(bin) - static_cast<int>(column.first_cut), 0, 255);
    const bool is_low = bin == kernel::kMissingBin && column.missing_is_low;
    row[c] = static_cast<std::int8_t>((is_low ? 0 : above) - 128);
  }
  const std::uint64_t* outside = nullptr;
  if (!set_columns_.empty()) {
    const std::uint64_t* lists[kMostSetColumns];
    for (std::size_t i = 0; i < set_columns_.size(); ++i)
      lists[i] = outside_.data() + set_columns_[i].first + bins[set_columns_[i].column * stride] * n_words_;
    scratch.outside.resize(n_words_);
    kernel::merge_bits(lists, set_columns_.size(), n_words_, scratch.outside.data());
    outside = scratch.outside.data();
  }
  scratch.leaves.resize(groups_.size() * kLaneTrees);
  for (std::size_t g = 0; g < groups_.size(); ++g)
    kernel::find_lane_leaves(nodes_.data() + groups_[g].first, groups_[g].n_nodes, row, columns_.size(),
                             outside == nullptr ? nullptr : outside + groups_[g].first,
                             scratch.leaves.data() + g * kLaneTrees);
}

void LaneProgram::add(const std::uint16_t* bins, std::size_t stride, double* sums,
                      LaneScratch& scratch) const {
  find_leaves(bins, stride, scratch);
  const auto values_of = [&](const Tree& tree) {
    return leaf_values_.data() + (tree.first_leaf + std::size_t{scratch.leaves[tree.lane]}) * leaf_width_;
  };
  if (n_outputs_ == 1) {
    double sum = *sums;  // in a register: through memory each addition would wait for the store before
    for (const Tree& tree : trees_) sum += *values_of(tree);
    *sums = sum;
    return;
  }
  for (const Tree& tree : trees_) {
    const double* const values = values_of(tree);
    if (leaf_width_ == 1) {
      sums[tree.output] += *values;
      continue;
    }
    for (std::size_t j = 0; j < leaf_width_; ++j) sums[j] += values[j];
  }
}

}  // namespace kolosal::infer
