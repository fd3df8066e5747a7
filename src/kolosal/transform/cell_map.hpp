#pragma once

#include <cstddef>
#include <cstdint>

namespace kolosal::transform {

/// What a fitted step does to each cell of a number column by itself, in double. A Recipe applies such maps
/// one after another to a block of cells while it is in the cache, instead of making a column per step.
struct CellMap {
  enum class Kind : std::uint8_t {
    kFill,   ///< Cells that are not finite become `fill`.
    kScale,  ///< (x - centre) / scale, then cut to [-clip, clip] when clip is positive.
  };
  Kind kind = Kind::kFill;
  double fill = 0;
  double centre = 0;
  double scale = 1;
  double clip = 0;

  /// in and out may be the same.
  void apply(const double* in, double* out, std::size_t n) const;
};

}  // namespace kolosal::transform
