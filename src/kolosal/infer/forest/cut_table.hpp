#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/kernel/forest_bins.hpp"

namespace kolosal::infer {

/// A kernel::CutTable with its storage, for the cuts of one column and the type of the rows.
template <typename T>
class CutTableStorage {
 public:
  CutTableStorage() = default;
  /// cuts: ascending, NaN first, at most kernel::kMostCuts of them. float: each cut becomes the largest float
  /// that is not above it, which no float can tell from the cut.
  CutTableStorage(std::span<const double> cuts, kernel::MissingRule rule);

  /// Valid as long as this object stays where it is and is not changed.
  kernel::CutTable<T> view() const;

 private:
  void choose_cells();
  /// How many cuts lie in the fullest cell.
  std::size_t fullest_cell(const kernel::CutTable<T>& table) const;

  std::vector<T> cuts_;
  std::vector<std::uint16_t> first_;
  kernel::CutTable<T> table_;
  std::size_t n_cuts_ = 0;
};

extern template class CutTableStorage<float>;
extern template class CutTableStorage<double>;

}  // namespace kolosal::infer
