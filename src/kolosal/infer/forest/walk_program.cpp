#include "kolosal/infer/forest/walk_program.hpp"

#include <algorithm>

#include "kolosal/model/leaf_sums.hpp"

namespace kolosal::infer {
namespace {

constexpr std::uint16_t kNoColumn = 65535;
constexpr std::size_t kBytesTogether = std::size_t{1} << 18;  // half of a level-two cache
constexpr std::size_t kMostTogether = 8192;

constexpr std::size_t with_room_to_walk(std::size_t n_rows) {
  return (n_rows + kernel::kWalkRows - 1) / kernel::kWalkRows * kernel::kWalkRows;
}

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
  for (const std::uint32_t n_levels : out.n_levels_) out.most_levels_ = std::max(out.most_levels_, n_levels);
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
  std::vector<std::uint32_t> level{0};
  for (std::size_t i = 0; i < order.size(); ++i) {
    kernel::WalkNode node;
    std::uint32_t set = 0, leaf = 0;
    double value = 0;
    if (order[i] < 0) {
      node = {kernel::kMissingBin, 0, static_cast<std::uint32_t>(first + i)};
      leaf = static_cast<std::uint32_t>(~order[i]);
      value = forest.leaf_value[leaf];
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
      level.insert(level.end(), 2, level[i] + 1);
    }
    nodes_.push_back(node);
    set_of_node_.push_back(set);
    if (leaf_width_ == 1)
      node_values_.push_back(value);
    else
      leaf_of_node_.push_back(leaf);
  }
  n_levels_.push_back(level.back());
}

std::size_t WalkProgram::rows_together() const {
  const std::size_t n = kBytesTogether / (sizeof(std::uint16_t) * width()) / kernel::kMostBinned;
  return std::clamp(n * kernel::kMostBinned, kernel::kMostBinned, kMostTogether);
}

void WalkProgram::gather(const std::uint16_t* bins, std::size_t stride, std::size_t n, std::size_t at,
                         WalkScratch& scratch) const {
  const std::size_t n_cells = with_room_to_walk(at + n) * width();
  if (scratch.rows.size() < n_cells) scratch.rows.resize(n_cells);
  for (std::size_t c = 0; c < columns_.size(); ++c)
    kernel::spread_bins(bins + columns_[c].column * stride, n, columns_[c].missing_is_low,
                        scratch.rows.data() + at * width() + c * kernel::kWalkGroup, width());
}

void WalkProgram::add_leaf(std::size_t tree, std::uint32_t end, double* sums) const {
  if (leaf_width_ == 1) {
    sums[outputs_[tree]] += node_values_[end];
    return;
  }
  const std::size_t leaf = leaf_of_node_[end];
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
  scratch.ends.resize(with_room_to_walk(n));
  scratch.sums.assign(n * n_outputs_, 0.0);
  for (std::size_t t = 0; t < roots_.size(); ++t) {
    if (has_categories_[t]) {
      for (std::size_t r = 0; r < n; ++r)
        scratch.ends[r] = kernel::walk_with_sets(nodes_.data(), roots_[t], cells_of(r, scratch), sets);
    } else {
      kernel::walk_rows(nodes_.data(), roots_[t], n_levels_[t], scratch.rows.data(), width(), n,
                        scratch.ends.data());
    }
    if (n_outputs_ == 1) {
      double* const own = scratch.sums.data();
      const std::uint32_t* const ends = scratch.ends.data();
      for (std::size_t r = 0; r < n; ++r) own[r] += node_values_[ends[r]];
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
    const std::uint16_t* const row = cells_of(r, scratch);
    if (any_categories_) {
      for (std::size_t t = 0; t < n_trees; ++t)
        scratch.ends[t] = kernel::walk_with_sets(nodes_.data(), roots_[t], row, sets);
    } else {
      kernel::walk_trees(nodes_.data(), roots_.data(), n_trees, most_levels_, row, scratch.ends.data());
    }
    if (n_outputs_ == 1) {
      for (std::size_t t = 0; t < n_trees;) {
        const std::size_t end = std::min(t + model::kSumTrees, n_trees);
        double sum = 0;  // in a register: through memory each addition would wait for the store before
        for (; t < end; ++t) sum += node_values_[scratch.ends[t]];
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
