#include "kolosal/infer/forest/lane_program.hpp"

#include <algorithm>
#include <numeric>

namespace kolosal::infer {

using kernel::kLaneTrees;

std::optional<LaneProgram> LaneProgram::of(const model::Forest& forest, const BlockProgram& blocks) {
  if (blocks.has_categories() || blocks.columns().size() > kernel::kMostLaneColumns) return std::nullopt;
  const std::size_t n_trees = blocks.trees().size();
  const auto part_of = [&](std::size_t tree) -> const BlockProgram::Part& {
    return blocks.parts()[blocks.trees()[tree].first_part];
  };
  LaneProgram out;
  out.n_outputs_ = static_cast<std::size_t>(forest.n_outputs);
  out.leaf_width_ = static_cast<std::size_t>(forest.leaf_width);
  out.columns_ = blocks.columns();
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
      nodes.column[lane] = static_cast<std::uint8_t>(node.bins / kernel::kBlockRows);
      nodes.cut[lane] = static_cast<std::int8_t>(node.limit - 1);
      nodes.first[lane] = node.first;
      nodes.right[lane] = node.right;
    }
    out.trees_[order[i]] = {static_cast<std::uint32_t>(i), part.first_leaf, tree.output};
  }
  return out;
}

void LaneProgram::add(const std::uint16_t* bins, std::size_t stride, double* sums,
                      std::vector<std::uint8_t>& scratch) const {
  std::int8_t row[kernel::kMostLaneColumns] = {};
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const ByteColumn& column = columns_[c];
    const std::uint16_t bin = bins[column.column * stride];
    const int above = std::clamp(static_cast<int>(bin) - static_cast<int>(column.first_cut), 0, 255);
    const bool is_low = bin == kernel::kMissingBin && column.missing_is_low;
    row[c] = static_cast<std::int8_t>((is_low ? 0 : above) - 128);
  }
  scratch.resize(groups_.size() * kLaneTrees);
  for (std::size_t g = 0; g < groups_.size(); ++g)
    kernel::find_lane_leaves(nodes_.data() + groups_[g].first, groups_[g].n_nodes, row, columns_.size(),
                             scratch.data() + g * kLaneTrees);
  const auto values_of = [&](const Tree& tree) {
    return leaf_values_.data() + (tree.first_leaf + std::size_t{scratch[tree.lane]}) * leaf_width_;
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
