#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "kolosal/profile/column_summary_internal.hpp"
#include "kolosal/profile/flags_internal.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

using data::ColumnType;
using data::Task;

constexpr std::size_t kMinRows = 20;  // Below, nearly everything looks like a pattern.

void flag(ColumnProfile& column, FlagKind kind, Severity severity, std::string text) {
  column.flags.push_back({kind, severity, std::move(text)});
}

bool is_integer_key(const ColumnProfile& column) {
  if (column.type != ColumnType::kInt64 || !column.numbers || column.distinct_error > 0) return false;
  if (column.n_missing > 0 || column.n_distinct != column.n_rows || column.n_rows < kMinRows) return false;
  const bool is_sorted = column.order.ascending || column.order.descending;
  // A random part of a shuffled 1 .. n is nearly dense too; features rarely are.
  return is_sorted ||
         column.numbers->maximum - column.numbers->minimum <= 2 * static_cast<double>(column.n_rows);
}

bool is_text_key(const ColumnProfile& column) {
  return column.text && column.n_present() >= kMinRows && column.n_distinct == column.n_present() &&
         column.text->token_share == 1 && column.text->number_share < 1;
}

// ---- single columns ---------------------------------------------------------------------------------------

void flag_emptiness(ColumnProfile& c) {
  if (c.n_rows > 0 && c.n_present() == 0)
    return flag(c, FlagKind::kEmpty, Severity::kWarning, "all cells are missing");
  if (c.n_distinct == 1 && c.n_rows > 1) {
    if (c.n_missing == 0)
      flag(c, FlagKind::kConstant, Severity::kWarning, "constant");
    else
      flag(c, FlagKind::kOneValueOrMissing, Severity::kNote, "one value or missing");
  } else if (!c.top_levels.empty() && c.n_present() >= 200) {
    const double share = static_cast<double>(c.top_levels[0].n) / static_cast<double>(c.n_present());
    if (share >= 0.995)
      flag(c, FlagKind::kNearlyConstant, Severity::kNote,
           fmt::format("\"{}\" in {} of the cells", short_text(c.top_levels[0].level), share_text(share)));
  }
  if (2 * c.n_missing > c.n_rows)
    flag(c, FlagKind::kMostlyMissing, Severity::kWarning,
         fmt::format("{} of the cells are missing", share_text(c.missing_share())));
}

void flag_identity(ColumnProfile& c) {
  if (c.is_target) return;
  if (c.kind == Kind::kIdentifier)
    return flag(c, FlagKind::kIdentifier, Severity::kWarning,
                c.order.constant_step ? "counts the rows: an identifier, no feature"
                                      : "every cell differs: an identifier?");
  if (!c.text || c.n_present() < kMinRows) return;
  if (c.n_distinct * 10 >= c.n_present() * 9)
    return flag(c, FlagKind::kUniqueText, Severity::kNote,
                "nearly every cell differs: free text or an identifier?");
  if (c.kind == Kind::kCategory && c.n_distinct > 50)
    flag(c, FlagKind::kHighCardinality, Severity::kNote,
         fmt::format("{} levels, {} rows each on average", count_text(c.n_distinct),
                     number_text(static_cast<double>(c.n_present()) / static_cast<double>(c.n_distinct))));
  if (c.kind == Kind::kCategory && c.n_rare_levels > 5 && c.n_rare_levels * 5 > c.n_distinct)
    flag(c, FlagKind::kRareLevels, Severity::kNote,
         fmt::format("{} of {} levels have fewer than 5 rows", count_text(c.n_rare_levels),
                     count_text(c.n_distinct)));
}

void flag_texts(ColumnProfile& c) {
  if (!c.text) return;
  const TextSummary& text = *c.text;
  const auto mostly = [](double share) { return share >= 0.5; };
  if (mostly(text.number_share) && text.number_share < 1)
    flag(c, FlagKind::kMixedTypes, Severity::kWarning,
         fmt::format(
             "numbers mixed with texts such as \"{}\"; force the type with --types or name the text in "
             "--missing-tokens",
             short_text(text.example_other, 43)));
  else if (mostly(text.date_share))
    flag(c, FlagKind::kMixedTypes, Severity::kWarning,
         "dates mixed with other texts; force the type with --types");
  else if (mostly(text.hidden_number_share) && c.n_distinct > 10 && !c.is_target)
    flag(c, FlagKind::kNumbersInText, Severity::kWarning,
         fmt::format("numbers with a unit or signs, such as \"{}\"", short_text(text.example_other)));
  else if (mostly(text.other_date_share) && !c.is_target)
    flag(c, FlagKind::kDatesInText, Severity::kWarning,
         fmt::format("dates that are not ISO 8601, such as \"{}\"", short_text(text.example_other)));
  for (const LevelCount& level : c.top_levels)
    if (c.n_distinct > 1 && !c.is_target && is_placeholder_text(level.level)) {
      flag(c, FlagKind::kPlaceholder, Severity::kWarning,
           fmt::format("\"{}\" in {} may mean that the value is missing", short_text(level.level),
                       plural(level.n, "row")));
      break;
    }
}

/// The lowest or highest number when it looks like a code for "no value": -999 far below the rest.
void flag_placeholder_number(ColumnProfile& c) {
  constexpr std::array<double, 12> kCodes = {-1, -9,  -99,  -999,  -9999,  -99999,
                                             99, 999, 9999, 99999, 999999, -888};
  const NumberSummary& numbers = *c.numbers;
  if (is_time(c.type) || c.type == ColumnType::kBool || numbers.n < kMinRows) return;
  for (const LevelCount& level : c.top_levels) {
    for (const double code : kCodes) {
      if (level.n < 2 || level.level != exact_text(code, c.type)) continue;
      const bool is_low = code == numbers.minimum, is_high = code == numbers.maximum;
      const double range = numbers.quantiles[7] - numbers.quantiles[1];  // 5 % .. 95 %
      const bool is_far =
          is_low ? numbers.lower_quartile() - code > 2 * range : code - numbers.upper_quartile() > 2 * range;
      // -1 among numbers that are never negative else.
      const bool is_only_negative = is_low && numbers.n_negative == level.n && numbers.is_whole;
      if ((is_low || is_high) && ((is_far && range > 0) || (is_only_negative && code >= -9)))
        return flag(
            c, FlagKind::kPlaceholder, Severity::kWarning,
            fmt::format("{} in {} may mean that the value is missing", level.level, plural(level.n, "row")));
    }
  }
}

/// A cell so far out that a slip of the pen is likely.
bool has_extreme(const NumberSummary& numbers) {
  const double reach = 10 * (numbers.upper_quartile() - numbers.lower_quartile());
  return numbers.maximum > numbers.upper_quartile() + reach ||
         numbers.minimum < numbers.lower_quartile() - reach;
}

void flag_numbers(ColumnProfile& c) {
  if (!c.numbers || c.kind == Kind::kIdentifier || is_time(c.type) || c.type == ColumnType::kBool) return;
  const NumberSummary& numbers = *c.numbers;
  const auto n = static_cast<double>(numbers.n);
  if (numbers.n_infinite > 0)
    flag(c, FlagKind::kInfinite, Severity::kWarning,
         fmt::format("{} {} infinite", plural(numbers.n_infinite, "cell"),
                     numbers.n_infinite == 1 ? "is" : "are"));
  if (numbers.n < kMinRows || c.n_distinct < 3) return;
  if (numbers.is_whole && c.n_distinct <= 10 && c.n_present() >= 20 * c.n_distinct && !c.is_target)
    flag(c, FlagKind::kCategoryNumber, Severity::kNote,
         fmt::format("only {} different whole numbers: maybe a category", c.n_distinct));
  if (std::abs(numbers.skewness) > 2)
    flag(c, FlagKind::kSkewed, Severity::kNote,
         fmt::format("skewness {:.3g}: a long tail to the {}", numbers.skewness,
                     numbers.skewness > 0 ? "right" : "left"));
  if (numbers.n_far_outliers > 0 && (1000 * numbers.n_far_outliers >= numbers.n || has_extreme(numbers)))
    flag(c, FlagKind::kOutliers, Severity::kNote,
         fmt::format("{} ({}) lie{} far outside the middle half; range {} .. {}",
                     plural(numbers.n_far_outliers, "cell"),
                     share_text(static_cast<double>(numbers.n_far_outliers) / n),
                     numbers.n_far_outliers == 1 ? "s" : "", number_text(numbers.minimum),
                     number_text(numbers.maximum)));
  if (2 * numbers.n_zero >= numbers.n && c.n_distinct > 10)
    flag(c, FlagKind::kManyZeros, Severity::kNote,
         fmt::format("{} of the cells are 0", share_text(static_cast<double>(numbers.n_zero) / n)));
  flag_placeholder_number(c);
}

void flag_order(ColumnProfile& c) {
  if (c.n_present() < kMinRows || c.n_distinct < 5) return;
  const RowOrder& order = c.order;
  const bool is_sorted = order.ascending || order.descending;
  const char* way = order.descending ? "falling" : "rising";
  if (is_time(c.type) && is_sorted)
    return flag(
        c, FlagKind::kTimeOrder, Severity::kWarning,
        "the rows are in the order of this time: judge a model on later rows than it learned from (--time)");
  if (c.numbers && order.constant_step)
    return flag(c, FlagKind::kRowIndex, Severity::kNote, "the same step from row to row");
  if (c.numbers && is_sorted)
    return flag(c, FlagKind::kSortedRows, Severity::kNote, fmt::format("the rows are sorted by it, {}", way));
  const bool in_blocks = 5 * order.n_runs <= 6 * c.n_distinct && c.n_distinct * 2 <= c.n_present() &&
                         static_cast<double>(order.n_runs) * 2 < order.expected_runs;
  if (in_blocks && !c.is_target && (c.type == ColumnType::kInt64 || is_string(c.type)))
    flag(c, FlagKind::kGroupBlocks, Severity::kWarning,
         fmt::format(
             "equal values stand together ({} values in {} stretches of rows): if rows of one value belong "
             "together, keep them together (--group)",
             count_text(c.n_distinct), count_text(order.n_runs)));
}

// ---- the target -------------------------------------------------------------------------------------------

void flag_leak(ColumnProfile& c, const TableProfile& profile) {
  if (!c.target || !profile.target || c.n_present() < kMinRows) return;
  const TargetRelation& relation = *c.target;
  const std::string& target = profile.columns[profile.target->column].name;
  const bool regression = profile.target->task == Task::kRegression;
  const double score = regression ? relation.r2 : relation.auc;
  double correlation = 0;
  for (const Association& pair : profile.associations) {
    const ColumnProfile& other = profile.columns[pair.a == profile.target->column ? pair.b : pair.a];
    if ((pair.a == profile.target->column || pair.b == profile.target->column) && &other == &c &&
        pair.measure == Measure::kPearson)
      correlation = pair.strength();
  }
  if (score >= (regression ? 0.98 : 0.99))
    flag(c, FlagKind::kTargetLeak, Severity::kProblem,
         fmt::format(
             "alone predicts \"{}\" with {} {:.4f} out of sample: is it known when a prediction is made?",
             target, regression ? "R2" : "AUC", score));
  else if (regression && correlation >= 0.995)
    flag(c, FlagKind::kTargetLeak, Severity::kProblem,
         fmt::format("its correlation with \"{}\" is {:.4f}: is it known when a prediction is made?", target,
                     correlation));
  const double missing = relation.missing_auc;
  if (missing >= (regression ? 0.3 : 0.65))
    flag(c, FlagKind::kTellingMissing, Severity::kWarning,
         fmt::format("whether it is missing tells \"{}\" ({} {:.2f}): missing by chance it is not", target,
                     regression ? "correlation" : "AUC", missing));
}

void flag_target(TableProfile& profile) {
  const TargetSummary& target = *profile.target;
  ColumnProfile& c = profile.columns[target.column];
  if (target.n_missing > 0 && target.n_missing < c.n_rows)
    flag(c, FlagKind::kTargetMissing, Severity::kWarning,
         fmt::format("{} without a target can not be learned from", plural(target.n_missing, "row")));
  if (target.classes.size() >= 2) {
    const auto rarest = std::ranges::min_element(target.classes, {}, &LevelCount::n);
    const double share = static_cast<double>(rarest->n) / static_cast<double>(c.n_present());
    if (share < 0.1 && share * static_cast<double>(target.classes.size()) < 0.5)
      flag(c, FlagKind::kImbalanced, Severity::kWarning,
           fmt::format("class \"{}\" has only {} ({})", short_text(rarest->level), plural(rarest->n, "row"),
                       share_text(share)));
  }
  if (std::abs(target.row_autocorrelation) > 0.1 && std::abs(target.row_autocorrelation_z) > 6)
    flag(c, FlagKind::kTargetFollowsRows, Severity::kWarning,
         fmt::format(
             "neighbouring rows have {} targets (correlation {:.2f} from row to row; by chance 0 within "
             "{:.2g}): "
             "the order of the rows tells something; judge a model by time (--time) or by group (--group)",
             target.row_autocorrelation > 0 ? "similar" : "opposite", target.row_autocorrelation,
             2 / std::sqrt(static_cast<double>(c.n_present()))));
}

// ---- pairs and the table ----------------------------------------------------------------------------------

void flag_pairs(TableProfile& profile) {
  for (const Association& pair : profile.associations) {
    ColumnProfile& later = profile.columns[pair.b];
    const ColumnProfile& earlier = profile.columns[pair.a];
    if (earlier.is_target || later.is_target || pair.n < kMinRows || later.find(FlagKind::kDuplicateColumn) ||
        later.find(FlagKind::kNearDuplicate) || earlier.kind == Kind::kIdentifier ||
        later.kind == Kind::kIdentifier)
      continue;
    const bool both_numbers = pair.measure == Measure::kPearson;
    if (both_numbers && std::abs(pair.value) >= 0.999)
      flag(later, FlagKind::kNearDuplicate, Severity::kNote,
           fmt::format("tells the same as \"{}\" (correlation {:.4f})", earlier.name, pair.value));
    else if (!both_numbers && pair.adjusted >= 0.9995)
      flag(later, FlagKind::kNearDuplicate, Severity::kNote,
           fmt::format("goes with \"{}\" nearly without exception", earlier.name));
  }
  for (const MissingPair& pair : profile.missing.pairs) {
    ColumnProfile& later = profile.columns[pair.b];
    if (pair.correlation < 0.999 || later.n_missing < 5 || later.find(FlagKind::kMissingTogether) ||
        later.find(FlagKind::kDuplicateColumn))
      continue;
    flag(later, FlagKind::kMissingTogether, Severity::kNote,
         fmt::format("missing in the same rows as \"{}\"", profile.columns[pair.a].name));
  }
}

void flag_table(TableProfile& profile, std::size_t n_mostly_missing_rows) {
  const auto n = static_cast<double>(profile.n_rows);
  const auto add = [&](FlagKind kind, Severity severity, std::string text) {
    profile.flags.push_back({kind, severity, std::move(text)});
  };
  const auto severity = [&](std::size_t count) {
    return 100 * count > profile.n_rows ? Severity::kWarning : Severity::kNote;
  };
  if (const std::size_t k = profile.n_repeated_rows; k > 0)
    add(FlagKind::kRepeatedRows, severity(k),
        fmt::format("{} ({}) repeat{} an earlier row: copies in training and validation flatter a model",
                    plural(k, "row"), share_text(static_cast<double>(k) / n), k == 1 ? "s" : ""));
  const bool has_classes =
      profile.target && profile.target->is_usable && profile.target->task != Task::kRegression;
  if (const std::size_t k = profile.n_contradicting_rows; k > 0 && has_classes)
    add(FlagKind::kContradictingRows, severity(k),
        fmt::format("{} ({}) have the features of another row, but a different target", plural(k, "row"),
                    share_text(static_cast<double>(k) / n)));
  if (n_mostly_missing_rows > 0)
    add(FlagKind::kMissingRows, severity(n_mostly_missing_rows),
        fmt::format("in {} more than half of the cells are missing", plural(n_mostly_missing_rows, "row")));
}

bool same_cells(const data::Column& a, const data::Column& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.is_missing(i) != b.is_missing(i)) return false;
    if (a.is_missing(i)) continue;
    if (!is_string(a.type()) ? a.number(i) != b.number(i) : a.cell_text(i) != b.cell_text(i)) return false;
  }
  return true;
}

bool may_be_equal(const ColumnProfile& a, const ColumnProfile& b) {
  const bool both_numbers = a.numbers && b.numbers && is_time(a.type) == is_time(b.type);
  if (a.n_missing != b.n_missing || a.n_distinct != b.n_distinct || !(a.type == b.type || both_numbers))
    return false;
  if (a.order.n_runs != b.order.n_runs) return false;
  return !both_numbers || (a.numbers->minimum == b.numbers->minimum &&
                           a.numbers->maximum == b.numbers->maximum && a.numbers->mean == b.numbers->mean);
}

}  // namespace

Kind kind_of(const ColumnProfile& c) {
  if (c.type == ColumnType::kSparse) return Kind::kVector;
  if (c.n_present() == 0) return Kind::kEmpty;
  if (c.n_distinct == 1 && c.n_missing == 0) return Kind::kConstant;
  if (!c.is_target && (is_integer_key(c) || is_text_key(c))) return Kind::kIdentifier;
  if (is_time(c.type)) return Kind::kTime;
  if (c.type == ColumnType::kText) return Kind::kText;
  return c.type == ColumnType::kCategory || c.type == ColumnType::kBool ? Kind::kCategory : Kind::kNumber;
}

void find_duplicate_columns(TableProfile& profile, const data::Frame& table, const Context& context) {
  const std::size_t n = profile.columns.size();
  // Equal columns have equal summaries: they are neighbours in this order.
  std::vector<std::size_t> order(n), same_as(n, n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  const auto key = [&](std::size_t i) {
    const ColumnProfile& c = profile.columns[i];
    return std::tuple(c.n_distinct, c.n_missing, c.order.n_runs, i);
  };
  std::ranges::sort(order, {}, key);
  context.parallel_blocks(n, 1, [&](std::size_t k, std::size_t) {
    const std::size_t i = order[k];
    const ColumnProfile& c = profile.columns[i];
    if (c.n_present() == 0 || c.n_distinct < 2 || c.type == ColumnType::kSparse) return;
    for (std::size_t j = k; j-- > 0 && profile.columns[order[j]].order.n_runs == c.order.n_runs &&
                            profile.columns[order[j]].n_distinct == c.n_distinct;)
      if (may_be_equal(profile.columns[order[j]], c) && same_cells(table.column(order[j]), table.column(i)))
        same_as[i] = order[j];
  });
  for (std::size_t i = 0; i < n; ++i)
    if (same_as[i] < n)
      flag(profile.columns[i], FlagKind::kDuplicateColumn, Severity::kWarning,
           fmt::format("the same as \"{}\"", profile.columns[same_as[i]].name));
}

void add_column_flags(ColumnProfile& c) {
  flag_emptiness(c);
  if (c.kind == Kind::kEmpty || c.kind == Kind::kConstant) return;
  flag_identity(c);
  flag_texts(c);
  flag_numbers(c);
  flag_order(c);
}

void add_flags(TableProfile& profile, std::size_t n_mostly_missing_rows) {
  for (ColumnProfile& c : profile.columns) {
    add_column_flags(c);
    if (c.kind != Kind::kEmpty && c.kind != Kind::kConstant) flag_leak(c, profile);
  }
  if (profile.target) flag_target(profile);
  flag_pairs(profile);
  flag_table(profile, n_mostly_missing_rows);
  for (ColumnProfile& c : profile.columns)
    std::ranges::stable_sort(c.flags, std::greater<>(), &Flag::severity);
}

}  // namespace kolosal::profile
