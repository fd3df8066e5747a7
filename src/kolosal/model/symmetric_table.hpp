#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kolosal/kernel/symmetric_trees.hpp"

namespace kolosal::model {

/// The bin of a number: how many of the (at most 255, ascending) borders it reaches. NaN: 0.
std::uint8_t bin_of(const std::vector<double>& borders, double value);

/// Borders halfway between sorted values (without NaN) that cut them into at most max_bins (2 to 256) bins:
/// one per value when there are few, else of about equal counts.
std::vector<double> borders_between(const std::vector<double>& sorted, std::size_t max_bins);

/// A feature of the training rows as bins.
struct SymmetricFeature {
  std::vector<double> borders;
  /// Per row. Ordered features have one such array per permutation, the others one in all.
  std::vector<std::vector<std::uint8_t>> bins;
};

/// The training rows as symmetric trees are grown from them: bins of four features side by side, so that one
/// load of a row gives four.
class SymmetricTable {
 public:
  SymmetricTable() = default;
  /// Features with several arrays of bins all have the same number of them.
  SymmetricTable(std::vector<SymmetricFeature> features, std::size_t n_rows);

  std::size_t n_rows() const { return n_rows_; }
  std::size_t n_features() const { return borders_.size(); }
  std::size_t n_groups() const { return groups_.size(); }
  /// Orders of the rows that ordered features differ by; at least 1.
  std::size_t n_permutations() const { return n_permutations_; }
  const std::vector<double>& borders(std::size_t feature) const { return borders_[feature]; }
  std::size_t n_bins(std::size_t feature) const { return borders_[feature].size() + 1; }

  /// The features of a group, at most four.
  const std::vector<std::uint32_t>& features(std::size_t group) const { return groups_[group].features; }
  kernel::BinGroup group(std::size_t group, std::size_t permutation) const;
  /// The bins of the group of a feature by row, and the bits by which its own are shifted.
  struct Lane {
    const std::uint32_t* bins;
    unsigned shift;
  };
  Lane lane(std::size_t feature, std::size_t permutation) const;
  /// Cells of one slot of the histograms of a group.
  std::size_t stride(std::size_t group) const { return groups_[group].stride; }

 private:
  struct Group {
    std::vector<std::uint32_t> features;
    std::vector<std::vector<std::uint32_t>> bins;  // per permutation, or one
    std::uint32_t offset[4] = {};
    std::size_t stride = 0;
  };
  struct Place {
    std::size_t group;
    unsigned lane;
  };
  void add_group(std::vector<SymmetricFeature>& features, std::vector<std::uint32_t> members);
  const std::uint32_t* bins(std::size_t group, std::size_t permutation) const;

  std::size_t n_rows_ = 0;
  std::size_t n_permutations_ = 1;
  std::vector<std::vector<double>> borders_;
  std::vector<Group> groups_;
  std::vector<Place> place_;  // per feature
};

}  // namespace kolosal::model
