#pragma once

#include <vector>

#include "kolosal/automl/assembly.hpp"

namespace kolosal::automl {

/// The blend without those of its large members that do not earn what they cost: all that need more room than
/// a near cache has, and without which the score is as good, to a small part of what it is uncertain by, and
/// still above that of every trial. After the deadline, and without a score, nothing is left out.
///
/// A member of little weight may have most of the trees; the last digit of the score is not worth twice the
/// time of every prediction.
Blend lighter(Blend blend, const std::vector<TrialResult>& results, const ValidRows& valid,
              const metric::Metric& metric, const Context& context);

}  // namespace kolosal::automl
