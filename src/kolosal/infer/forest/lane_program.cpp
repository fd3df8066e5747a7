#include "kolosal/infer/forest/lane_program.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

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
      leaf_values_(blocks.leaf_values()) {
  const auto is_float = [](double value) { return static_cast<double>(static_cast<float>(value)) == value; };
  if (std::ranges::all_of(leaf_values_, is_float))
    float_values_.assign(leaf_values_.begin(), leaf_values_.end());
}

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
  if (!out.find_columns(features, blocks)) return std::nullopt;
  out.add_groups(blocks, order);
  for (std::size_t i = 0; i < n_trees; ++i) {
    const BlockProgram::Tree& tree = blocks.trees()[order[i]];
    const BlockProgram::Part& part = part_of(order[i]);
    if (!out.add_tree(features, blocks, part, out.groups_[i / kLaneTrees], i % kLaneTrees))
      return std::nullopt;
    out.trees_[order[i]] = {static_cast<std::uint32_t>(i), part.first_leaf};
    out.outputs_[order[i]] = tree.output;
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

void LaneProgram::add_groups(const BlockProgram& blocks, const std::vector<std::uint32_t>& order) {
  std::uint32_t n_nodes = 0, n_small = 0;
  for (std::size_t i = 0; i < order.size(); i += kLaneTrees) {
    const std::uint32_t n = blocks.parts()[blocks.trees()[order[i]].first_part].n_nodes;  // of the largest
    const bool is_small = n < kernel::kSmallLeaves;
    groups_.push_back({is_small, is_small ? n_small : n_nodes, n, n_nodes + n_small});
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
  scratch.leaves.resize(groups_.size() * kLaneTrees);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Group& group = groups_[g];
    const std::uint64_t* const words = outside == nullptr ? nullptr : outside + group.first_word;
    std::uint8_t* const leaves = scratch.leaves.data() + g * kLaneTrees;
    if (group.is_small)
      kernel::find_lane_leaves(small_nodes_.data() + group.first, group.n_nodes, row, n_columns, words,
                               leaves);
    else
      kernel::find_lane_leaves(nodes_.data() + group.first, group.n_nodes, row, n_columns, words, leaves);
  }
}

/// values: the leaf values, as either type.
template <typename T>
void LaneProgram::add_leaves(const T* values, double* sums, LaneScratch& scratch) const {
  const std::uint8_t* const leaves = scratch.leaves.data();
  const std::size_t n_trees = trees_.size();
  const auto place_of = [&](std::size_t tree) {
    return trees_[tree].first_leaf + std::size_t{leaves[trees_[tree].lane]};
  };
  if (n_outputs_ == 1) {
    constexpr std::size_t kBlocks = 4;  // at once
    std::size_t t = 0;
    for (; t + kBlocks * kSumTrees <= n_trees; t += kBlocks * kSumTrees) {
      double block[kBlocks] = {};
      for (std::size_t i = t; i < t + kSumTrees; ++i)
#pragma GCC unroll 4
        for (std::size_t b = 0; b < kBlocks; ++b)
          block[b] += static_cast<double>(values[place_of(i + b * kSumTrees)]);
      for (const double part : block) *sums += part;
    }
    while (t < n_trees) {
      double block = 0;
      for (const std::size_t end = std::min(t + kSumTrees, n_trees); t < end; ++t)
        block += static_cast<double>(values[place_of(t)]);
      *sums += block;
    }
    return;
  }
  scratch.sums.assign(n_outputs_, 0.0);
  for (std::size_t t = 0; t < n_trees; ++t) {
    const T* const leaf = values + place_of(t) * leaf_width_;
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
