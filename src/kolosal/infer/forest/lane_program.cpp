#include "kolosal/infer/forest/lane_program.hpp"

#include <algorithm>
#include <numeric>

namespace kolosal::infer {

using kernel::kLaneTrees;

namespace {

constexpr std::size_t kMostOutsideWords = std::size_t{1} << 20;

}  // namespace

std::optional<LaneProgram> LaneProgram::of(const model::Forest& forest, const BinnedFeatures& features,
                                           const BlockProgram& blocks) {
  const std::size_t n_trees = blocks.trees().size();
  const auto part_of = [&](std::size_t tree) -> const BlockProgram::Part& {
    return blocks.parts()[blocks.trees()[tree].first_part];
  };
  LaneProgram out;
  out.n_outputs_ = static_cast<std::size_t>(forest.n_outputs);
  out.leaf_width_ = static_cast<std::size_t>(forest.leaf_width);
  out.leaf_values_ = blocks.leaf_values();
  out.trees_.resize(n_trees);
  // Trees of one group should have about as many nodes: the largest decides how long it takes.
  std::vector<std::uint32_t> order(n_trees);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return part_of(a).n_nodes > part_of(b).n_nodes; });
  kernel::LaneNodes never;
  std::fill_n(never.column, kLaneTrees, std::uint8_t{0});
  std::fill_n(never.cut, kLaneTrees, std::int8_t{127});
  std::fill_n(never.first, kLaneTrees, std::uint8_t{0});
  std::fill_n(never.right, kLaneTrees, std::uint8_t{0});
  std::vector<std::int32_t> number_of(blocks.columns().size(), -1);
  for (std::size_t i = 0; i < n_trees; ++i) {
    const BlockProgram::Tree& tree = blocks.trees()[order[i]];
    if (tree.n_parts != 1) return std::nullopt;
    const BlockProgram::Part& part = part_of(order[i]);
    if (i % kLaneTrees == 0) {
      out.groups_.push_back({static_cast<std::uint32_t>(out.nodes_.size()), part.n_nodes});
      out.nodes_.insert(out.nodes_.end(), part.n_nodes, never);
    }
    const std::size_t lane = i % kLaneTrees;
    for (std::uint32_t k = 0; k < part.n_nodes; ++k) {
      const kernel::SpanNode& node = blocks.nodes()[part.first_node + k];
      kernel::LaneNodes& nodes = out.nodes_[out.groups_.back().first + k];
      nodes.first[lane] = node.first;
      nodes.right[lane] = node.right;
      if (blocks.set_split(part, node)) continue;
      std::int32_t& number = number_of[node.bins / kernel::kBlockRows];
      if (number < 0) {
        if (out.columns_.size() == kernel::kMostLaneColumns) return std::nullopt;
        number = static_cast<std::int32_t>(out.columns_.size());
        out.columns_.push_back(blocks.columns()[node.bins / kernel::kBlockRows]);
      }
      nodes.column[lane] = static_cast<std::uint8_t>(number);
      nodes.cut[lane] = static_cast<std::int8_t>(node.limit - 1);
    }
    out.trees_[order[i]] = {static_cast<std::uint32_t>(i), part.first_leaf, tree.output};
  }
  if (!out.add_sets(features, blocks, order)) return std::nullopt;
  return out;
}

bool LaneProgram::add_sets(const BinnedFeatures& features, const BlockProgram& blocks,
                           const std::vector<std::uint32_t>& order) {
  std::vector<std::int32_t> number_of(features.n_columns(), -1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const BlockProgram::Part& part = blocks.parts()[blocks.trees()[order[i]].first_part];
    for (std::uint32_t k = 0; k < part.n_nodes; ++k) {
      const auto split = blocks.set_split(part, blocks.nodes()[part.first_node + k]);
      if (!split) continue;
      const std::size_t n_bins = features.n_bins(split->column);
      std::int32_t& number = number_of[split->column];
      if (number < 0) {
        if (outside_.size() + n_bins * nodes_.size() > kMostOutsideWords) return false;
        number = static_cast<std::int32_t>(categories_.size());
        categories_.push_back({split->column, outside_.size()});
        outside_.resize(outside_.size() + n_bins * nodes_.size());
      }
      const std::uint32_t* const set = features.sets() + split->set;
      const std::size_t node = groups_[i / kLaneTrees].first + k;
      const std::size_t first = categories_[static_cast<std::size_t>(number)].first;
      for (std::size_t bin = 0; bin < n_bins; ++bin)
        if (((set[bin / 32] >> (bin % 32)) & 1U) == 0)
          outside_[first + bin * nodes_.size() + node] |= std::uint64_t{1} << (i % kLaneTrees);
    }
  }
  return true;
}

void LaneProgram::find_outside(const std::uint16_t* bins, std::size_t stride, LaneScratch& scratch) const {
  const std::size_t n = nodes_.size();
  scratch.outside.resize(n + 1);  // the kernel reads a word more
  std::uint64_t* const out = scratch.outside.data();
  for (std::size_t c = 0; c < categories_.size(); ++c) {
    const std::uint64_t* const of_bin =
        outside_.data() + categories_[c].first + bins[categories_[c].column * stride] * n;
    if (c == 0)
      std::copy_n(of_bin, n, out);
    else
      for (std::size_t i = 0; i < n; ++i) out[i] |= of_bin[i];
  }
}

void LaneProgram::add(const std::uint16_t* bins, std::size_t stride, double* sums,
                      LaneScratch& scratch) const {
  std::int8_t row[kernel::kMostLaneColumns] = {};
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const ByteColumn& column = columns_[c];
    const std::uint16_t bin = bins[column.column * stride];
    const int above = std::clamp(static_cast<int>(bin) - static_cast<int>(column.first_cut), 0, 255);
    const bool is_low = bin == kernel::kMissingBin && column.missing_is_low;
    row[c] = static_cast<std::int8_t>((is_low ? 0 : above) - 128);
  }
  if (!categories_.empty()) find_outside(bins, stride, scratch);
  scratch.leaves.resize(groups_.size() * kLaneTrees);
  for (std::size_t g = 0; g < groups_.size(); ++g)
    kernel::find_lane_leaves(nodes_.data() + groups_[g].first, groups_[g].n_nodes, row, columns_.size(),
                             categories_.empty() ? nullptr : scratch.outside.data() + groups_[g].first,
                             scratch.leaves.data() + g * kLaneTrees);
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
