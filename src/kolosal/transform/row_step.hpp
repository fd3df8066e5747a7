#pragma once

#include <span>

#include "kolosal/data/row_cell.hpp"

namespace kolosal::transform {

using data::RowArena;
using data::RowCell;
using data::SparseEntry;

/// A fitted step for one row, without columns (Transformer::row_step()). The transformer must outlive it.
/// Threads: const use is safe from many threads, each with an arena of its own.
class RowStep {
 public:
  virtual ~RowStep() = default;
  /// in: the cells of the step's input columns. out: those of the columns that it makes, in its order; what
  /// they point to is in the arena or as old as the input. The values are those of Transformer::transform().
  virtual void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const = 0;
};

}  // namespace kolosal::transform
