#pragma once

#include <map>
#include <string>
#include <vector>

#include "kolosal/transform/cell_source_internal.hpp"

namespace kolosal::transform {

/// A frame some of whose float64 columns are still to be computed: they hold the cells that the maps of their
/// name are applied to.
class LazyFrame {
 public:
  explicit LazyFrame(data::Frame frame) : frame_(std::move(frame)) {}

  const data::Frame& frame() const { return frame_; }
  /// A frame with the same cells to compute, where a step has replaced its columns.
  void replace(data::Frame frame) { frame_ = std::move(frame); }
  void add_map(const std::string& column, const CellMap& map) { maps_[column].push_back(map); }
  std::vector<CellSource> sources(const std::vector<std::string>& columns) const;
  /// Computes those of the columns that are not computed yet.
  void compute(const std::vector<std::string>& columns, const Context& context);
  data::Frame compute_all(const Context& context);

 private:
  data::Frame frame_;
  std::map<std::string, std::vector<CellMap>, std::less<>> maps_;
};

}  // namespace kolosal::transform
