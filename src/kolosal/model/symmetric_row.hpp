#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/core/spares.hpp"
#include "kolosal/kernel/forest_trees.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/symmetric_forest.hpp"

namespace kolosal::model {

/// A symmetric forest for one row at a time: 64 trees at once where it reads at most
/// kernel::kMostLaneColumns inputs, else one after the other. The numbers of SymmetricForest::predict(), to
/// the byte.
class SymmetricRow final : public RowEvaluator {
 public:
  /// forest must outlive it.
  explicit SymmetricRow(const SymmetricForest& forest);
  void predict(std::span<const data::RowCell> row, std::span<double> out) const override;

 private:
  struct Scratch {
    std::vector<std::int8_t> bins;  // 128 less than the bin, by input
    std::vector<std::uint32_t> levels;
    std::vector<std::uint8_t> leaves;  // by tree
  };
  void find_bins(std::span<const data::RowCell> row, Scratch& scratch) const;
  void find_leaves(Scratch& scratch) const;

  const SymmetricForest& forest_;
  std::vector<std::uint32_t> first_leaf_;  // by tree
  std::vector<float> float_values_;        // the leaf values, where floats hold all of them
  std::vector<kernel::LaneLevel> levels_;  // group by group; empty: too many inputs
  std::vector<std::size_t> n_levels_;      // by group
  mutable Spares<Scratch> spares_;
};

}  // namespace kolosal::model
