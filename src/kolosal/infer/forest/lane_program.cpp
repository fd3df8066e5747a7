#include "kolosal/infer/forest/lane_program.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "kolosal/model/leaf_rounding.hpp"
#include "kolosal/model/leaf_sums.hpp"

namespace kolosal::infer {
namespace {

using kernel::kLaneTrees;
using model::kSumTrees;

constexpr std::size_t kMostOutside = std::size_t{1} << 21;  // words: 16 MiB
constexpr std::size_t kMostSetColumns = 256;
/// To look up so many costs no more than lists of categories do.
constexpr std::size_t kFewColumns = 32;

/// Nodes that no row goes right at.
template <typename Nodes>
Nodes no_nodes() {
  Nodes out = {};
  std::fill_n(out.cut, kLaneTrees, std::int8_t{127});
  return out;
}

void set_ends(kernel::LaneNodes& nodes, std::size_t lane, const kernel::SpanNode& node) {
  nodes.first[lane] = node.first;
  nodes.right[lane] = node.right;
}

void set_ends(kernel::SmallLaneNodes& nodes, std::size_t lane, const kernel::SpanNode& node) {
  nodes.ends[lane] = static_cast<std::uint8_t>(node.first | node.right << 4);
}

}  // namespace

LaneProgram::LaneProgram(const model::Forest& forest, const BlockProgram& blocks)
    : n_outputs_(static_cast<std::size_t>(forest.n_outputs)),
      leaf_width_(static_cast<std::size_t>(forest.leaf_width)),
      known_columns_(blocks.columns().size(), -1),
      trees_(blocks.trees().size()),
      outputs_(trees_.size()),
      leaf_values_(blocks.leaf_values()),
      float_values_(model::as_floats(leaf_values_)) {}

std::optional<LaneProgram> LaneProgram::of(const model::Forest& forest, const BinnedFeatures& features,
                                           const BlockProgram& blocks) {
  LaneProgram out(forest, blocks);
  if (!out.find_columns(features, blocks)) return std::nullopt;
  const std::vector<std::uint32_t> order = out.order_trees(blocks);
  out.add_groups(blocks, order);
  const std::vector<Group> groups = out.groups_;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const BlockProgram::Tree& tree = blocks.trees()[order[i]];
    const BlockProgram::Part& part = blocks.parts()[tree.first_part];
    if (!out.add_tree(features, blocks, part, groups[i / kLaneTrees], i % kLaneTrees)) return std::nullopt;
    out.trees_[order[i]] = {static_cast<std::uint32_t>(i), part.first_leaf};
    out.outputs_[order[i]] = tree.output;
    if (i < out.n_woven_) out.first_leaf_.push_back(part.first_leaf);
  }
  out.groups_.clear();
  for (const Group& group : groups) {
    Group* const last = out.groups_.empty() ? nullptr : &out.groups_.back();
    if (last != nullptr && last->is_small == group.is_small && last->n_nodes == group.n_nodes)
      ++last->n_groups;
    else
      out.groups_.push_back(group);
  }
  out.known_columns_.clear();
  out.known_sets_.clear();
  return out;
}

LaneProgram::ByteSet LaneProgram::byte_set(const BinnedFeatures& features, std::uint32_t column,
                                           const std::uint32_t* set) {
  ByteSet out{column, std::vector<std::int8_t>(features.n_bins(column))};
  for (std::size_t bin = 0; bin < out.bytes.size(); ++bin)
    out.bytes[bin] = (set[bin / 32] >> (bin % 32)) & 1U ? -128 : 127;
  return out;
}

bool LaneProgram::find_columns(const BinnedFeatures& features, const BlockProgram& blocks) {
  std::size_t most_sets = kernel::kMostLaneColumns;
  for (const BlockProgram::Tree& tree : blocks.trees()) {
    if (tree.n_parts != 1) return false;
    const BlockProgram::Part& part = blocks.parts()[tree.first_part];
    for (std::uint32_t k = 0; k < part.n_nodes; ++k) {
      const std::size_t column = blocks.nodes()[part.first_node + k].bins / kernel::kBlockRows;
      if (column >= blocks.columns().size() || known_columns_[column] >= 0) continue;
      if (columns_.size() == kernel::kMostLaneColumns) return false;
      known_columns_[column] = static_cast<std::int32_t>(columns_.size());
      columns_.push_back(blocks.columns()[column]);
    }
    for (std::uint32_t m = 0; m < part.n_marks && known_sets_.size() <= most_sets; ++m) {
      const BlockProgram::Mark& mark = blocks.marks()[part.first_mark + m];
      const std::uint32_t column = mark.wide ? mark.column : blocks.columns()[mark.column].column;
      known_sets_.try_emplace(byte_set(features, column, features.sets() + mark.set), known_sets_.size());
    }
  }
  // As columns, as long as the kernel does not get slower by looking them up.
  most_sets = std::min(std::bit_ceil(std::max(columns_.size(), kFewColumns)), kernel::kMostLaneColumns) -
              columns_.size();
  if (known_sets_.size() > most_sets) known_sets_.clear();
  byte_sets_.resize(known_sets_.size());
  for (const auto& [set, number] : known_sets_) byte_sets_[number] = set;
  return true;
}

std::vector<std::uint32_t> LaneProgram::order_trees(const BlockProgram& blocks) {
  const auto n_nodes = [&](std::uint32_t tree) {
    return blocks.parts()[blocks.trees()[tree].first_part].n_nodes;
  };
  const auto n_steps = [&](const std::vector<std::uint32_t>& order) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < order.size(); i += kLaneTrees) {
      std::uint32_t most = 0;
      for (std::size_t k = i; k < std::min(i + kLaneTrees, order.size()); ++k)
        most = std::max(most, n_nodes(order[k]));
      sum += most;
    }
    return sum;
  };
  // Trees of one group should have about as many nodes: the largest decides how long it takes.
  std::vector<std::uint32_t> sorted(blocks.trees().size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::vector<std::uint32_t> woven = sorted;
  std::ranges::stable_sort(sorted, std::ranges::greater(), n_nodes);
  constexpr std::size_t kBlocks = kernel::kLeafBlocks, kTogether = kBlocks * kSumTrees;
  const std::size_t n_woven = n_outputs_ == 1 ? woven.size() / kTogether * kTogether : 0;
  for (std::size_t i = 0; i < n_woven; ++i)
    woven[i] = static_cast<std::uint32_t>(i / kTogether * kTogether + i % kBlocks * kSumTrees +
                                          i % kTogether / kBlocks);
  if (n_woven == 0 || 16 * n_steps(woven) > 17 * n_steps(sorted)) return sorted;
  n_woven_ = n_woven;
  return woven;
}

void LaneProgram::add_groups(const BlockProgram& blocks, const std::vector<std::uint32_t>& order) {
  std::uint32_t n_nodes = 0, n_small = 0;
  for (std::size_t i = 0; i < order.size(); i += kLaneTrees) {
    std::uint32_t n = 0;  // of the largest
    for (std::size_t k = i; k < std::min(i + kLaneTrees, order.size()); ++k)
      n = std::max(n, blocks.parts()[blocks.trees()[order[k]].first_part].n_nodes);
    const bool is_small = n < kernel::kSmallLeaves;
    groups_.push_back({is_small, is_small ? n_small : n_nodes, n, 1, n_nodes + n_small});
    (is_small ? n_small : n_nodes) += n;
  }
  nodes_.assign(n_nodes, no_nodes<kernel::LaneNodes>());
  small_nodes_.assign(n_small, no_nodes<kernel::SmallLaneNodes>());
  // One more is read beside the last.
  n_words_ = (n_nodes + n_small) / kernel::kMergedWords * kernel::kMergedWords + kernel::kMergedWords;
}

bool LaneProgram::add_tree(const BinnedFeatures& features, const BlockProgram& blocks,
                           const BlockProgram::Part& part, const Group& group, std::size_t lane) {
  const std::size_t n_columns = blocks.columns().size();
  const auto put = [&](auto& nodes, const kernel::SpanNode& node, std::size_t word) {
    set_ends(nodes, lane, node);
    const std::size_t column = node.bins / kernel::kBlockRows;
    if (column >= n_columns) {
      const BlockProgram::Mark& mark = blocks.marks()[part.first_mark + column - n_columns];
      const std::uint32_t binned = mark.wide ? mark.column : blocks.columns()[mark.column].column;
      if (byte_sets_.empty()) return add_set(features, binned, features.sets() + mark.set, word, lane);
      const std::size_t number = known_sets_.at(byte_set(features, binned, features.sets() + mark.set));
      nodes.column[lane] = static_cast<std::uint8_t>(columns_.size() + number);
      nodes.cut[lane] = 0;
      return true;
    }
    nodes.column[lane] = static_cast<std::uint8_t>(known_columns_[column]);
    nodes.cut[lane] = static_cast<std::int8_t>(node.limit - 1);
    return true;
  };
  for (std::uint32_t k = 0; k < part.n_nodes; ++k) {
    const kernel::SpanNode& node = blocks.nodes()[part.first_node + k];
    const std::size_t word = group.first_word + k;
    if (!(group.is_small ? put(small_nodes_[group.first + k], node, word)
                         : put(nodes_[group.first + k], node, word)))
      return false;
  }
  return true;
}

bool LaneProgram::add_set(const BinnedFeatures& features, std::uint32_t column, const std::uint32_t* set,
                          std::size_t word, std::size_t lane) {
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
    if (((set[bin / 32] >> (bin % 32)) & 1U) == 0) outside_[known->first + bin * n_words_ + word] |= bit;
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
  for (std::size_t i = 0; i < byte_sets_.size(); ++i)
    row[columns_.size() + i] = byte_sets_[i].bytes[bins[byte_sets_[i].column * stride]];
  const std::size_t n_columns = columns_.size() + byte_sets_.size();
  const std::uint64_t* outside = nullptr;
  if (!set_columns_.empty()) {
    const std::uint64_t* lists[kMostSetColumns];
    for (std::size_t i = 0; i < set_columns_.size(); ++i)
      lists[i] = outside_.data() + set_columns_[i].first + bins[set_columns_[i].column * stride] * n_words_;
    outside = lists[0];
    if (set_columns_.size() > 1) {
      scratch.outside.resize(n_words_);
      kernel::merge_bits(lists, set_columns_.size(), n_words_, scratch.outside.data());
      outside = scratch.outside.data();
    }
  }
  scratch.leaves.resize((trees_.size() + kLaneTrees - 1) / kLaneTrees * kLaneTrees);
  std::uint8_t* leaves = scratch.leaves.data();
  for (const Group& group : groups_) {
    const std::uint64_t* const words = outside == nullptr ? nullptr : outside + group.first_word;
    if (group.is_small)
      kernel::find_lane_leaves(small_nodes_.data() + group.first, group.n_nodes, group.n_groups, row,
                               n_columns, words, leaves);
    else
      kernel::find_lane_leaves(nodes_.data() + group.first, group.n_nodes, group.n_groups, row, n_columns,
                               words, leaves);
    leaves += group.n_groups * kLaneTrees;
  }
}

/// values: the leaf values, as either type.
template <typename T>
void LaneProgram::add_leaves(const T* values, double* sums, LaneScratch& scratch) const {
  if (n_outputs_ == 1) {
    constexpr std::size_t kTogether = kernel::kLeafBlocks * kSumTrees;
    for (std::size_t t = 0; t < n_woven_; t += kTogether) {
      double blocks[kernel::kLeafBlocks];
      kernel::sum_leaf_blocks(values, first_leaf_.data() + t, scratch.leaves.data() + t, kSumTrees, blocks);
      for (const double block : blocks) *sums += block;
    }
    model::add_leaf_blocks(
        n_woven_, trees_.size(),
        [values, leaves = scratch.leaves.data(), trees = trees_.data()](std::size_t t) {
          return static_cast<double>(values[trees[t].first_leaf + std::size_t{leaves[trees[t].lane]}]);
        },
        *sums);
    return;
  }
  const std::size_t n_trees = trees_.size();
  scratch.sums.assign(n_outputs_, 0.0);
  for (std::size_t t = 0; t < n_trees; ++t) {
    const std::size_t place = trees_[t].first_leaf + std::size_t{scratch.leaves[trees_[t].lane]};
    const T* const leaf = values + place * leaf_width_;
    if (leaf_width_ == 1)
      scratch.sums[outputs_[t]] += static_cast<double>(*leaf);
    else
      for (std::size_t j = 0; j < leaf_width_; ++j) scratch.sums[j] += static_cast<double>(leaf[j]);
    if ((t + 1) % kSumTrees != 0 && t + 1 != n_trees) continue;
    for (std::size_t j = 0; j < n_outputs_; ++j) sums[j] += scratch.sums[j];
    std::ranges::fill(scratch.sums, 0.0);
  }
}

void LaneProgram::add(const std::uint16_t* bins, std::size_t stride, double* sums,
                      LaneScratch& scratch) const {
  find_leaves(bins, stride, scratch);
  if (float_values_.empty())
    add_leaves(leaf_values_.data(), sums, scratch);
  else
    add_leaves(float_values_.data(), sums, scratch);
}

}  // namespace kolosal::infer
