#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::automl {

/// How well rows of one table can be told from those of another ("adversarial validation").
struct Shift {
  double auc = 0.5;      ///< of a forest that tells them apart, on rows that it did not see
  double deviation = 0;  ///< standard error of the AUC (Hanley and McNeil 1982)
  std::vector<std::pair<std::string, double>> columns;  ///< by falling share of the forest's gain, at most 3

  /// Beyond chance, and by enough to matter: scores on validation rows may not hold for the other rows.
  bool is_notable() const { return auc - 2 * deviation > 0.55; }
};

/// Both tables have the same columns, with shared dictionaries; texts are left out. Up to 10,000 rows of each
/// are looked at, drawn by context.seed.
Shift measure_shift(const data::Frame& train, const data::Frame& test, const Context& context);

/// For the user: how well, by which columns, and what it means.
std::string describe(const Shift& shift);

}  // namespace kolosal::automl
