#include "kolosal/infer/forest/walk_program.hpp"

#include <algorithm>

#include "kolosal/model/leaf_sums.hpp"

namespace kolosal::infer {
namespace {

constexpr std::uint16_t kNoColumn = 65535;

}  // namespace

std::optional<WalkProgram> WalkProgram::of(const model::Forest& forest, const BinnedFeatures& features) {
  if (2 * features.n_columns() >= kernel::kCategoryColumn) return std::nullopt;
  WalkProgram out;
  out.n_outputs_ = static_cast<std::size_t>(forest.n_outputs);
  out.leaf_width_ = static_cast<std::size_t>(forest.leaf_width);
  out.column_numbers_.assign(2 * features.n_columns(), kNoColumn);
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    out.add_tree(forest, features, forest.tree_root[t]);
    out.outputs_.push_back(static_cast<std::uint32_t>(forest.tree_output[t]));
  }
  if (!out.any_categories_) out.set_of_node_.clear();
  out.leaf_values_ = forest.leaf_value;
  return out;
}

std::uint16_t WalkProgram::column_of(std::uint32_t column, bool missing_is_low) {
  std::uint16_t& number = column_numbers_[2 * std::size_t{column} + missing_is_low];
  if (number == kNoColumn) {
    number = static_cast<std::uint16_t>(columns_.size());
    columns_.push_back({column, missing_is_low});
  }
  return number;
}

// Level by level, so that the nodes that every row comes to lie together.
void WalkProgram::add_tree(const model::Forest& forest, const BinnedFeatures& features, std::int32_t root) {
  const std::size_t first = nodes_.size();
  roots_.push_back(static_cast<std::uint32_t>(first));
  has_categories_.push_back(0);
  std::vector<std::int32_t> order{root};
  for (std::size_t i = 0; i < order.size(); ++i) {
    kernel::WalkNode node;
    std::uint32_t set = 0, leaf = 0;
    if (order[i] < 0) {
      node = {kernel::kMissingBin, 0, static_cast<std::uint32_t>(first + i)};
      leaf = static_cast<std::uint32_t>(~order[i]);
    } else {
      const auto at = static_cast<std::size_t>(order[i]);
      const BinnedSplit& split = features.split(at);
      node.left = static_cast<std::uint32_t>(first + order.size());
      node.column = column_of(split.column, split.missing_is_left);
      if (split.is_category) {
        node.column = static_cast<std::uint16_t>(node.column | kernel::kCategoryColumn);
        set = split.set;
        has_categories_.back() = 1;
        any_categories_ = true;
      } else {
        node.cut = static_cast<std::uint16_t>(split.cut);
      }
      order.push_back(forest.left[at]);
      order.push_back(forest.right[at]);
    }
    nodes_.push_back(node);
    set_of_node_.push_back(set);
    leaf_of_node_.push_back(leaf);
  }
}

void WalkProgram::gather(const std::uint16_t* bins, std::size_t stride, std::size_t n, std::size_t at,
                         WalkScratch& scratch) const {
  const std::size_t n_cells = (at + n) * width();
  if (scratch.rows.size() < n_cells) scratch.rows.resize(n_cells);
  for (std::size_t c = 0; c < columns_.size(); ++c)
    kernel::spread_bins(bins + columns_[c].column * stride, n, columns_[c].missing_is_low,
                        scratch.rows.data() + at * width() + c, width());
}

void WalkProgram::add_leaf(std::size_t tree, std::uint32_t end, double* sums) const {
  const std::size_t leaf = leaf_of_node_[end];
  if (leaf_width_ == 1) {
    sums[outputs_[tree]] += leaf_values_[leaf];
    return;
  }
  for (std::size_t j = 0; j < leaf_width_; ++j) sums[j] += leaf_values_[leaf * leaf_width_ + j];
}

void WalkProgram::end_block(std::size_t tree, double* sums, WalkScratch& scratch) const {
  if ((tree + 1) % model::kSumTrees != 0 && tree + 1 != roots_.size()) return;
  for (std::size_t i = 0; i < scratch.sums.size(); ++i) sums[i] += scratch.sums[i];
  std::ranges::fill(scratch.sums, 0.0);
}

void WalkProgram::add_gathered(const BinnedFeatures& features, std::size_t n, double* sums,
                               WalkScratch& scratch) const {
  const kernel::WalkSets sets{set_of_node_.data(), features.sets()};
  scratch.ends.resize(n);
  scratch.sums.assign(n * n_outputs_, 0.0);
  for (std::size_t t = 0; t < roots_.size(); ++t) {
    const std::uint16_t* const rows = scratch.rows.data();
    if (has_categories_[t]) {
      for (std::size_t r = 0; r < n; ++r)
        scratch.ends[r] = kernel::walk_with_sets(nodes_.data(), roots_[t], rows + r * width(), sets);
    } else {
      kernel::walk_rows(nodes_.data(), roots_[t], rows, width(), n, scratch.ends.data());
    }
    if (n_outputs_ == 1) {
      double* const own = scratch.sums.data();
      const std::uint32_t* const ends = scratch.ends.data();
      for (std::size_t r = 0; r < n; ++r) own[r] += leaf_values_[leaf_of_node_[ends[r]]];
    } else {
      for (std::size_t r = 0; r < n; ++r) add_leaf(t, scratch.ends[r], scratch.sums.data() + r * n_outputs_);
    }
    end_block(t, sums, scratch);
  }
}

void WalkProgram::add_trees(const BinnedFeatures& features, const std::uint16_t* bins, std::size_t stride,
                            std::size_t n, double* sums, WalkScratch& scratch) const {
  gather(bins, stride, n, 0, scratch);
  const kernel::WalkSets sets{set_of_node_.data(), features.sets()};
  const std::size_t n_trees = roots_.size();
  scratch.ends.resize(n_trees);
  for (std::size_t r = 0; r < n; ++r) {
    const std::uint16_t* const row = scratch.rows.data() + r * width();
    if (any_categories_) {
      for (std::size_t t = 0; t < n_trees; ++t)
        scratch.ends[t] = kernel::walk_with_sets(nodes_.data(), roots_[t], row, sets);
    } else {
      kernel::walk_trees(nodes_.data(), roots_.data(), n_trees, row, scratch.ends.data());
    }
    if (n_outputs_ == 1) {
      for (std::size_t t = 0; t < n_trees;) {
        const std::size_t end = std::min(t + model::kSumTrees, n_trees);
        double sum = 0;  // in a register: through memory each addition would wait for the store before
        for (; t < end; ++t) sum += leaf_values_[leaf_of_node_[scratch.ends[t]]];
        sums[r] += sum;
      }
      continue;
    }
    scratch.sums.assign(n_outputs_, 0.0);
    for (std::size_t t = 0; t < n_trees; ++t) {
      add_leaf(t, scratch.ends[t], scratch.sums.data());
      end_block(t, sums + r * n_outputs_, scratch);
    }
  }
}

}  // namespace kolosal::infer
