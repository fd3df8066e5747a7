#pragma once

#include <string_view>

#include "kolosal/core/error.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::metric {

/// @throws Error kData when a target is below `limit`, or equal to it unless `inclusive`.
inline void require_targets(const data::TargetView& y, std::string_view metric, double limit,
                            bool inclusive) {
  for (const double value : y.values)
    if (inclusive ? value < limit : value <= limit)
      throw Error(ErrorCode::kData,
                  "{} needs targets {} {}, but there is {}; use another metric, for example mae", metric,
                  inclusive ? "of at least" : "above", limit, value);
}

}  // namespace kolosal::metric
