#include "kolosal/model/symmetric_row.hpp"

#include <algorithm>

#include "kolosal/model/leaf_rounding.hpp"
#include "kolosal/model/leaf_sums.hpp"
#include "kolosal/model/symmetric_table.hpp"

namespace kolosal::model {
namespace {

using kernel::kLaneTrees;

std::int8_t signed_byte(std::uint8_t bin) { return static_cast<std::int8_t>(static_cast<int>(bin) - 128); }

kernel::LaneLevel no_splits() {
  kernel::LaneLevel out;
  std::fill_n(out.column, kLaneTrees, std::uint8_t{0});
  std::fill_n(out.cut, kLaneTrees, std::int8_t{127});
  return out;
}

}  // namespace

SymmetricRow::SymmetricRow(const SymmetricForest& forest)
    : forest_(forest), float_values_(as_floats(forest.leaf_value)) {
  std::size_t n_leaves = 0;
  for (const std::uint8_t depth : forest.tree_depth) {
    first_leaf_.push_back(static_cast<std::uint32_t>(n_leaves));
    n_leaves += std::size_t{1} << depth;
  }
  if (forest.inputs.size() > kernel::kMostLaneColumns) return;
  std::size_t split = 0;
  for (std::size_t first = 0; first < forest.n_trees(); first += kLaneTrees) {
    const std::size_t n = std::min(kLaneTrees, forest.n_trees() - first);
    const auto depths = std::span(forest.tree_depth).subspan(first, n);
    n_levels_.push_back(std::ranges::max(depths));
    const std::size_t group = levels_.size();
    levels_.resize(group + n_levels_.back(), no_splits());
    for (std::size_t lane = 0; lane < n; ++lane)
      for (std::size_t level = 0; level < depths[lane]; ++level, ++split) {
        levels_[group + level].column[lane] = static_cast<std::uint8_t>(forest.split_input[split]);
        levels_[group + level].cut[lane] = signed_byte(forest.split_border[split]);
      }
  }
}

void SymmetricRow::find_bins(std::span<const data::RowCell> row, Scratch& scratch) const {
  scratch.levels.resize(forest_.indices.size());
  for (std::size_t i = 0; i < scratch.levels.size(); ++i) scratch.levels[i] = forest_.indices[i].find(row);
  scratch.bins.resize(std::max(forest_.inputs.size(), kernel::kMostLaneColumns));
  for (std::size_t i = 0; i < forest_.inputs.size(); ++i) {
    const SymmetricForest::Input& input = forest_.inputs[i];
    scratch.bins[i] = signed_byte(
        input.index < 0 ? bin_of(input.borders, row[static_cast<std::size_t>(input.column)].number)
                        : input.bin_of_level[scratch.levels[static_cast<std::size_t>(input.index)]]);
  }
}

void SymmetricRow::find_leaves(Scratch& scratch) const {
  scratch.leaves.resize((forest_.n_trees() + kLaneTrees - 1) / kLaneTrees * kLaneTrees);
  if (n_levels_.empty()) {
    std::size_t split = 0;
    for (std::size_t t = 0; t < forest_.n_trees(); ++t) {
      unsigned leaf = 0;
      for (unsigned level = 0; level < forest_.tree_depth[t]; ++level, ++split) {
        const auto input = static_cast<std::size_t>(forest_.split_input[split]);
        leaf |= static_cast<unsigned>(scratch.bins[input] > signed_byte(forest_.split_border[split]))
                << level;
      }
      scratch.leaves[t] = static_cast<std::uint8_t>(leaf);
    }
    return;
  }
  const kernel::LaneLevel* levels = levels_.data();
  for (std::size_t g = 0; g < n_levels_.size(); levels += n_levels_[g++])
    kernel::find_symmetric_leaves(levels, n_levels_[g], scratch.bins.data(), forest_.inputs.size(),
                                  scratch.leaves.data() + g * kLaneTrees);
}

void SymmetricRow::predict(std::span<const data::RowCell> row, std::span<double> out) const {
  const auto scratch = spares_.take();
  find_bins(row, *scratch);
  find_leaves(*scratch);
  std::ranges::copy(forest_.base_score, out.begin());
  const auto n_out = static_cast<std::size_t>(forest_.n_outputs);
  const auto leaf = [first = first_leaf_.data(), leaves = scratch->leaves.data()](std::size_t t) {
    return first[t] + std::size_t{leaves[t]};
  };
  for (std::size_t k = 0; k < n_out; ++k) {
    double sum = 0;
    if (n_out == 1 && !float_values_.empty())
      add_leaf_blocks(
          0, forest_.n_trees(),
          [=, values = float_values_.data()](std::size_t t) { return static_cast<double>(values[leaf(t)]); },
          sum);
    else
      add_leaf_blocks(
          0, forest_.n_trees(),
          [=, values = forest_.leaf_value.data() + k](std::size_t t) { return values[leaf(t) * n_out]; },
          sum);
    out[k] += sum;
  }
  apply_link(forest_.link, forest_.link_parameter, n_out, out);
}

}  // namespace kolosal::model
