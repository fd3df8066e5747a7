#pragma once

#include <cmath>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/row_step.hpp"

namespace kolosal::transform {

/// For every slot of a column's dictionary the slot of the same level in a step's own levels.
inline std::vector<std::size_t> slots_in(const Levels& levels, const data::Column& column) {
  std::vector<std::int32_t> codes(static_cast<std::size_t>(column.dictionary()->size()) + 2);
  for (std::size_t slot = 0; slot < codes.size(); ++slot) codes[slot] = static_cast<std::int32_t>(slot) - 2;
  const data::Column all = data::Column::from_category(std::move(codes), column.dictionary());
  const CodeView view = levels.codes(all);
  std::vector<std::size_t> out(view.size());
  for (std::size_t slot = 0; slot < out.size(); ++slot) out[slot] = Levels::slot(view[slot]);
  return out;
}

inline std::size_t slot_of(const RowCell& cell) {
  return Levels::slot(static_cast<std::int32_t>(cell.number));
}

/// Numbers that a step looks up by the level of a column.
struct LevelNumbers {
  bool passes = false;         ///< the cell itself comes first
  std::size_t width = 0;       ///< numbers per level
  std::vector<double> values;  ///< slot of the input's code x width

  /// Adds columns of a step's table (slot x its width), as this input's dictionary sees them.
  template <typename T>
  void add(const std::vector<std::size_t>& slots, std::span<const T> table, std::size_t table_width) {
    std::vector<double> all(slots.size() * (width + table_width));
    for (std::size_t s = 0; s < slots.size(); ++s) {
      for (std::size_t k = 0; k < width; ++k) all[s * (width + table_width) + k] = values[s * width + k];
      for (std::size_t k = 0; k < table_width; ++k)
        all[s * (width + table_width) + width + k] = static_cast<double>(table[slots[s] * table_width + k]);
    }
    width += table_width;
    values = std::move(all);
  }
};

/// A step that only looks levels up.
class LevelRow final : public RowStep {
 public:
  explicit LevelRow(std::vector<LevelNumbers> columns) : columns_(std::move(columns)) {}

  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
    std::size_t at = 0;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const LevelNumbers& column = columns_[c];
      if (column.passes) out[at++] = in[c];
      const double* values = column.values.data() + slot_of(in[c]) * column.width;
      for (std::size_t k = 0; k < column.width; ++k) out[at++].number = values[k];
    }
  }

 private:
  std::vector<LevelNumbers> columns_;
};

}  // namespace kolosal::transform
