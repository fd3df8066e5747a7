#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/column.hpp"
#include "kolosal/transform/cell_map.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

/// The cells of a number (or time) column after some maps; they are computed block by block, when asked for.
class CellSource {
 public:
  explicit CellSource(data::Column column, std::vector<CellMap> maps = {})
      : column_(std::move(column)), maps_(std::move(maps)) {}

  std::size_t size() const { return column_.size(); }
  const data::Column& column() const { return column_; }
  const std::vector<CellMap>& maps() const { return maps_; }
  /// The cells [begin, begin + n); `buffer` has room for them and is used when there is something to compute.
  const double* read(std::size_t begin, std::size_t n, double* buffer) const;
  /// The cells of the given ascending rows.
  const double* read_rows(std::span<const std::uint32_t> rows, double* buffer) const;
  /// Writes the cells [begin, begin + n) to out.
  void write(std::size_t begin, std::size_t n, double* out) const;

 private:
  data::Column column_;
  std::vector<CellMap> maps_;
};

/// One per column of x.
std::vector<CellSource> sources_of(const data::Frame& x);

/// The float64 columns of all sources (of the same number of rows), made in parallel over columns and rows. A
/// float64 column without maps is passed on.
std::vector<data::Column> make_columns(std::span<const CellSource> x, const Context& context);

}  // namespace kolosal::transform
