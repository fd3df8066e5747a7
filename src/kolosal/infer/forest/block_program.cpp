#include "kolosal/infer/forest/block_program.hpp"

#include <algorithm>
#include <cstring>

#include "kolosal/model/leaf_sums.hpp"

namespace kolosal::infer {
namespace {

using kernel::kBlockRows;
using kernel::kMostBinned;
static_assert(kBlockRows == kMostBinned, "a block of bins is a block of rows");

constexpr std::uint32_t kCutsOfByte = 255;
constexpr std::size_t kByteClasses = 256;
constexpr std::uint32_t kIsMark = 1U << 31;  // while the number of columns is not known

}  // namespace

std::optional<BlockProgram> BlockProgram::of(const model::Forest& forest, const BinnedFeatures& features,
                                             const std::vector<std::uint32_t>& n_leaves) {
  BlockProgram out;
  out.n_outputs_ = static_cast<std::size_t>(forest.n_outputs);
  out.leaf_width_ = static_cast<std::size_t>(forest.leaf_width);
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    const std::vector<TreePart> parts = parts_of_tree(forest, t, n_leaves);
    if (parts.empty()) return std::nullopt;
    out.trees_.push_back({static_cast<std::uint32_t>(out.parts_.size()),
                          static_cast<std::uint32_t>(parts.size()),
                          static_cast<std::uint32_t>(forest.tree_output[t])});
    for (const TreePart& part : parts) out.add_part(forest, features, part);
  }
  const std::size_t n_bytes = (out.columns_.size() + out.most_marks_) * kBlockRows;
  if (n_bytes >= kIsMark) return std::nullopt;
  for (kernel::SpanNode& node : out.nodes_)
    if (node.bins & kIsMark)
      node.bins = static_cast<std::uint32_t>((node.bins & ~kIsMark) + out.columns_.size() * kBlockRows);
  out.known_columns_.clear();
  return out;
}

std::uint32_t BlockProgram::column_of(std::uint32_t column, bool missing_is_low, std::uint16_t first_cut) {
  const auto [at, is_new] = known_columns_.try_emplace({column, missing_is_low, first_cut},
                                                       static_cast<std::uint32_t>(columns_.size()));
  if (is_new) columns_.push_back({column, missing_is_low, first_cut});
  return at->second;
}

void BlockProgram::add_part(const model::Forest& forest, const BinnedFeatures& features,
                            const TreePart& part) {
  Part made;
  made.first_node = static_cast<std::uint32_t>(nodes_.size());
  made.n_nodes = static_cast<std::uint32_t>(part.nodes.size());
  made.first_mark = static_cast<std::uint32_t>(marks_.size());
  made.first_leaf = static_cast<std::uint32_t>(leaf_values_.size() / leaf_width_);
  made.first_link = static_cast<std::uint32_t>(links_.size());
  for (const TreePart::Node& node : part.nodes) {
    const BinnedSplit& split = features.split(node.node);
    kernel::SpanNode span{0, 0, node.first, node.right, 0};
    if (split.is_category) {
      span.bins = static_cast<std::uint32_t>((marks_.size() - made.first_mark) * kBlockRows) | kIsMark;
      const bool wide = features.n_bins(split.column) > kByteClasses;
      marks_.push_back({wide ? split.column : column_of(split.column, false, 0), split.set, wide});
    } else {
      const std::uint32_t first_cut = split.cut / kCutsOfByte * kCutsOfByte;
      span.bins = static_cast<std::uint32_t>(
          column_of(split.column, split.missing_is_left, static_cast<std::uint16_t>(first_cut)) * kBlockRows);
      span.limit = static_cast<std::int8_t>(static_cast<std::int32_t>(split.cut - first_cut) - 127);
    }
    nodes_.push_back(span);
  }
  made.n_marks = static_cast<std::uint32_t>(marks_.size()) - made.first_mark;
  most_marks_ = std::max<std::size_t>(most_marks_, made.n_marks);
  for (std::size_t exit = 0; exit < part.exits.size(); ++exit) {
    const TreePart::Exit& to = part.exits[exit];
    if (to.leaf < 0) {
      links_.push_back({static_cast<std::uint8_t>(exit), static_cast<std::uint8_t>(to.part)});
      leaf_values_.insert(leaf_values_.end(), leaf_width_, 0.0);
      continue;
    }
    const auto values = forest.leaf_value.begin() +
                        static_cast<std::ptrdiff_t>(static_cast<std::size_t>(to.leaf) * leaf_width_);
    leaf_values_.insert(leaf_values_.end(), values, values + static_cast<std::ptrdiff_t>(leaf_width_));
  }
  made.n_links = static_cast<std::uint32_t>(links_.size()) - made.first_link;
  parts_.push_back(made);
}

void BlockProgram::narrow(const std::uint16_t* bins, std::size_t n, BlockScratch& scratch) const {
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const ByteColumn& column = columns_[c];
    kernel::narrow_bins(bins + column.column * kMostBinned, n, column.first_cut, column.missing_is_low,
                        scratch.block.data() + c * kBlockRows);
  }
}

void BlockProgram::run_part(const BinnedFeatures& features, const Part& part, const std::uint16_t* bins,
                            std::size_t n, BlockScratch& scratch) const {
  for (std::uint32_t m = 0; m < part.n_marks; ++m) {
    const Mark& mark = marks_[part.first_mark + m];
    std::int8_t* const out = scratch.block.data() + (columns_.size() + m) * kBlockRows;
    const std::uint32_t* const set = features.sets() + mark.set;
    if (mark.wide) {
      const std::uint16_t* const classes = bins + mark.column * kMostBinned;
      for (std::size_t r = 0; r < n; ++r)
        out[r] = (set[classes[r] / 32] >> (classes[r] % 32)) & 1U ? -128 : 127;
    } else {
      kernel::mark_outside(scratch.block.data() + mark.column * kBlockRows,
                           reinterpret_cast<const std::uint8_t*>(set), n, out);
    }
  }
  kernel::find_leaves(nodes_.data() + part.first_node, part.n_nodes, scratch.block.data(), n,
                      scratch.leaves.data());
}

void BlockProgram::run_parts(const BinnedFeatures& features, const Tree& tree, const std::uint16_t* bins,
                             std::size_t n, BlockScratch& scratch) const {
  std::memset(scratch.parts.data(), 0, n);
  for (std::uint32_t p = 0; p < tree.n_parts; ++p) {
    const auto number = static_cast<std::uint8_t>(p);
    if (std::memchr(scratch.parts.data(), number, n) == nullptr) continue;
    const Part& part = parts_[tree.first_part + p];
    run_part(features, part, bins, n, scratch);
    kernel::take_leaves(number, scratch.leaves.data(), n, scratch.parts.data(), scratch.local.data());
    for (std::uint32_t i = 0; i < part.n_links; ++i) {
      const Link& link = links_[part.first_link + i];
      kernel::enter_part(number, link.exit, link.part, scratch.local.data(), n, scratch.parts.data());
    }
  }
}

void BlockProgram::add(const BinnedFeatures& features, const std::uint16_t* bins, std::size_t n, double* sums,
                       BlockScratch& scratch) const {
  scratch.block.resize((columns_.size() + most_marks_) * kBlockRows);
  scratch.leaves.resize(kBlockRows);
  scratch.parts.resize(kBlockRows);
  scratch.local.resize(kBlockRows);
  narrow(bins, n, scratch);
  // With several outputs each has its sums side by side until the block of trees ends.
  const bool apart = leaf_width_ == 1 && n_outputs_ > 1;
  scratch.sums.assign(apart ? n_outputs_ * kBlockRows : n * n_outputs_, 0.0);
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    add_tree(features, trees_[t], bins, n, scratch);
    if ((t + 1) % model::kSumTrees != 0 && t + 1 != trees_.size()) continue;
    const std::size_t row = apart ? 1 : n_outputs_, output = apart ? kBlockRows : 1;
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t j = 0; j < n_outputs_; ++j)
        sums[r * n_outputs_ + j] += scratch.sums[r * row + j * output];
    std::ranges::fill(scratch.sums, 0.0);
  }
}

void BlockProgram::add_tree(const BinnedFeatures& features, const Tree& tree, const std::uint16_t* bins,
                            std::size_t n, BlockScratch& scratch) const {
  double* const out = scratch.sums.data() + (leaf_width_ == 1 ? tree.output * kBlockRows : 0);
  const Part& root = parts_[tree.first_part];
  if (tree.n_parts == 1) {
    run_part(features, root, bins, n, scratch);
    if (leaf_width_ == 1)
      return kernel::add_leaves(leaf_values_.data() + root.first_leaf, std::size_t{root.n_nodes} + 1,
                                scratch.leaves.data(), n, out);
    std::memset(scratch.parts.data(), 0, n);
    std::memcpy(scratch.local.data(), scratch.leaves.data(), n);
  } else {
    run_parts(features, tree, bins, n, scratch);
  }
  for (std::size_t r = 0; r < n; ++r) {
    const std::size_t leaf = parts_[tree.first_part + scratch.parts[r]].first_leaf + scratch.local[r];
    const double* const values = leaf_values_.data() + leaf * leaf_width_;
    for (std::size_t j = 0; j < leaf_width_; ++j) out[r * leaf_width_ + j] += values[j];
  }
}

}  // namespace kolosal::infer
