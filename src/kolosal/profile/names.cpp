#include <algorithm>
#include <array>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/profile/profile.hpp"

namespace kolosal::profile {

std::string_view flag_name(FlagKind kind) {
  constexpr std::array<std::pair<FlagKind, std::string_view>, 34> kNames{{
      {FlagKind::kEmpty, "empty"},
      {FlagKind::kConstant, "constant"},
      {FlagKind::kOneValueOrMissing, "one_value_or_missing"},
      {FlagKind::kNearlyConstant, "nearly_constant"},
      {FlagKind::kMostlyMissing, "mostly_missing"},
      {FlagKind::kIdentifier, "identifier"},
      {FlagKind::kUniqueText, "unique_text"},
      {FlagKind::kHighCardinality, "high_cardinality"},
      {FlagKind::kRareLevels, "rare_levels"},
      {FlagKind::kMixedTypes, "mixed_types"},
      {FlagKind::kNumbersInText, "numbers_in_text"},
      {FlagKind::kDatesInText, "dates_in_text"},
      {FlagKind::kCategoryNumber, "category_number"},
      {FlagKind::kSkewed, "skewed"},
      {FlagKind::kOutliers, "outliers"},
      {FlagKind::kManyZeros, "many_zeros"},
      {FlagKind::kInfinite, "infinite"},
      {FlagKind::kPlaceholder, "placeholder"},
      {FlagKind::kDuplicateColumn, "duplicate_column"},
      {FlagKind::kNearDuplicate, "near_duplicate"},
      {FlagKind::kMissingTogether, "missing_together"},
      {FlagKind::kImbalanced, "imbalanced"},
      {FlagKind::kTargetMissing, "target_missing"},
      {FlagKind::kUnusableTarget, "unusable_target"},
      {FlagKind::kTargetLeak, "target_leak"},
      {FlagKind::kTellingMissing, "telling_missing"},
      {FlagKind::kSortedRows, "sorted_rows"},
      {FlagKind::kRowIndex, "row_index"},
      {FlagKind::kTimeOrder, "time_order"},
      {FlagKind::kGroupBlocks, "group_blocks"},
      {FlagKind::kTargetFollowsRows, "target_follows_rows"},
      {FlagKind::kRepeatedRows, "repeated_rows"},
      {FlagKind::kContradictingRows, "contradicting_rows"},
      {FlagKind::kMissingRows, "missing_rows"},
  }};
  const auto found = std::ranges::find(kNames, kind, [](const auto& entry) { return entry.first; });
  KOLOSAL_ASSERT(found != kNames.end(), "all flags have a name");
  return found->second;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kEmpty:
      return "empty";
    case Kind::kConstant:
      return "constant";
    case Kind::kNumber:
      return "number";
    case Kind::kCategory:
      return "category";
    case Kind::kTime:
      return "time";
    case Kind::kText:
      return "text";
    case Kind::kIdentifier:
      return "identifier";
    case Kind::kVector:
      return "vector";
  }
  KOLOSAL_ASSERT(false, "all kinds have a name");
}

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kProblem:
      return "problem";
  }
  KOLOSAL_ASSERT(false, "all severities have a name");
}

std::string_view measure_name(Measure measure) {
  switch (measure) {
    case Measure::kPearson:
      return "pearson";
    case Measure::kCorrelationRatio:
      return "correlation_ratio";
    case Measure::kCramersV:
      return "cramers_v";
  }
  KOLOSAL_ASSERT(false, "all measures have a name");
}

const Flag* ColumnProfile::find(FlagKind wanted) const {
  const auto found = std::ranges::find(flags, wanted, &Flag::kind);
  return found == flags.end() ? nullptr : &*found;
}

}  // namespace kolosal::profile
