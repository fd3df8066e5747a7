#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kolosal/data/target.hpp"

namespace kolosal::pipeline {

enum class SplitKind { kHoldOut, kKFold, kRepeatedKFold };

/// How rows are split for validation.
struct SplitPlan {
  SplitKind kind = SplitKind::kKFold;
  std::size_t n_folds = 5;
  std::size_t n_repeats = 1;
  double valid_share = 0.1;             ///< kHoldOut only
  std::size_t max_valid_rows = 50'000;  ///< kHoldOut only
  bool stratify = true;                 ///< By class; regression: by quantile bins of the target.
  /// One group id per row: rows of one group are never on both sides. Empty: no groups.
  std::span<const std::int64_t> groups = {};
  /// One time per row: validation rows are later than training rows (expanding window). Empty: no order.
  std::span<const std::int64_t> times = {};
};

/// Row numbers of one train/validation split, both ascending.
struct Split {
  std::vector<std::uint32_t> train;
  std::vector<std::uint32_t> valid;
};

/// Splits `rows` (ascending row numbers of the table that y describes).
/// Every class has a row in each training part; the row of a class that has only one is never validated.
/// Groups and times come first: with them a class may be missing in a training part. Repeats are ignored when
/// there are times. Fewer groups or distinct times than folds: fewer folds. Groups and times: rows of a group
/// that validates leave training.
/// @throws Error kData when it is impossible: one group, fewer rows than folds, all times equal.
std::vector<Split> make_splits(const data::TargetView& y, std::span<const std::uint32_t> rows,
                               const SplitPlan& plan, std::uint64_t seed);

/// The plan for a table of this size (strategy section 1): n < 1,000: 5 folds twice; n < 20,000 and n x
/// columns < 2M: 5 folds; otherwise hold-out of max(10 %, 2,000), at most 50,000 rows. A hold-out is never
/// more than 25 %; up to there it grows until it has 30 rows of the rarer class of a binary target (when y
/// has values).
SplitPlan plan_for_size(std::size_t n_rows, std::size_t n_columns, const data::TargetView& y);

}  // namespace kolosal::pipeline
