#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::profile {

inline constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

/// What is remarkable about a column or a table. flag_name() gives the name that JSON shows.
enum class FlagKind {
  kEmpty,              ///< All cells are missing.
  kConstant,           ///< One value in every row.
  kOneValueOrMissing,  ///< One value, or missing.
  kNearlyConstant,     ///< One value in 99.5 % of the present cells or more.
  kMostlyMissing,      ///< More than half of the cells are missing.
  kIdentifier,         ///< Names the row: a serial number or a key.
  kUniqueText,         ///< A text that is different in nearly every row.
  kHighCardinality,    ///< A category of many levels.
  kRareLevels,         ///< Many of the levels have a handful of rows.
  kMixedTypes,         ///< Numbers (or dates) and other texts in one column.
  kNumbersInText,      ///< Numbers with a unit or with signs for thousands: "1,200 EUR".
  kDatesInText,        ///< Dates written as no ISO 8601.
  kCategoryNumber,     ///< Whole numbers of few values: maybe codes.
  kSkewed,             ///< |skewness| above 2.
  kOutliers,           ///< Cells far outside the middle half.
  kManyZeros,          ///< Half of the cells or more are 0, the rest is spread.
  kInfinite,           ///< Holds infinities.
  kPlaceholder,        ///< A value such as -999 or "unknown" that may stand for a missing one.
  kDuplicateColumn,    ///< Equals an earlier column in every row.
  kNearDuplicate,      ///< Tells (nearly) the same as an earlier column.
  kMissingTogether,    ///< Missing in the same rows as an earlier column.
  kImbalanced,         ///< Of a target: a class with few rows.
  kTargetMissing,      ///< Of a target: rows without it.
  kUnusableTarget,     ///< Of a target: constant, empty, infinite, of a type that can not be one.
  kTargetLeak,         ///< Alone predicts the target nearly without an error.
  kTellingMissing,     ///< Whether the cell is missing tells much about the target.
  kSortedRows,         ///< The rows are in the order of this column.
  kRowIndex,           ///< Grows by the same step from row to row.
  kTimeOrder,          ///< The rows are in the order of this date, timestamp.
  kGroupBlocks,        ///< Equal values stand together: rows belong to groups.
  kTargetFollowsRows,  ///< Of a target: neighbouring rows are alike.
  kRepeatedRows,       ///< Of a table: rows that equal an earlier one.
  kContradictingRows,  ///< Of a table: equal features, different targets.
  kMissingRows,        ///< Of a table: rows of which most cells are missing.
};

std::string_view flag_name(FlagKind kind);

enum class Severity {
  kNote,     ///< Good to know.
  kWarning,  ///< Costs quality when it is overlooked, or may be a mistake in the data.
  kProblem,  ///< A model of this table would be wrong or impossible.
};

std::string_view severity_name(Severity severity);

struct Flag {
  FlagKind kind = FlagKind::kEmpty;
  Severity severity = Severity::kNote;
  std::string text;  ///< A sentence without its subject: "constant", "41 cells (0.3 %) lie far outside ...".
};

/// What a column can be used as. The type says how it is stored, the kind what it means.
enum class Kind { kEmpty, kConstant, kNumber, kCategory, kTime, kText, kIdentifier, kVector };

std::string_view kind_name(Kind kind);

/// Counts of values in bins of equal width. Far values may be left out at both ends, so that the middle can
/// be seen.
struct Histogram {
  double low = 0;   ///< Left edge of the first bin.
  double high = 0;  ///< Right edge of the last bin; it belongs to it.
  std::vector<std::size_t> counts;
  std::size_t n_below = 0;  ///< Finite cells under `low`.
  std::size_t n_above = 0;
};

/// The probabilities of NumberSummary::quantiles.
inline constexpr std::array<double, 9> kQuantiles = {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};

/// Statistics of the finite cells. Dates and timestamps: in nanoseconds. NaN where there is none.
///
/// Source: mean, sd (n - 1), skewness (G1) and kurtosis (excess, G2) and linear quantiles as pandas has them.
struct NumberSummary {
  std::size_t n = 0;  ///< Finite cells.
  double minimum = kNoNumber;
  double maximum = kNoNumber;
  double mean = kNoNumber;
  double sd = kNoNumber;
  double skewness = kNoNumber;
  double kurtosis = kNoNumber;
  std::array<double, kQuantiles.size()> quantiles{};
  std::size_t n_zero = 0;
  std::size_t n_negative = 0;
  std::size_t n_infinite = 0;
  bool is_whole = false;           ///< Every finite cell is a whole number.
  std::size_t n_outliers = 0;      ///< Beyond 1.5 interquartile ranges from the quartiles (Tukey); 0 where
                                   ///< the range is 0.
  std::size_t n_far_outliers = 0;  ///< Beyond 3.
  Histogram histogram;

  double median() const { return quantiles[4]; }
  double lower_quartile() const { return quantiles[3]; }
  double upper_quartile() const { return quantiles[5]; }
};

struct LevelCount {
  std::string level;
  std::size_t n = 0;
};

/// Lengths are in characters, words are what stands between blanks. Of a sample when the table is large.
struct TextSummary {
  std::size_t n_sampled = 0;
  double mean_length = 0;
  std::size_t longest = 0;
  double mean_words = 0;
  double number_share = 0;         ///< Of the present cells: a number.
  double date_share = 0;           ///< Of the present cells: a date in ISO 8601.
  double other_date_share = 0;     ///< Of the present cells: a date in another way of writing, as 31/12/2024.
  double hidden_number_share = 0;  ///< Of the present cells: a number with a unit or with thousands signs.
  double token_share = 0;          ///< Of the present cells: one word of letters, digits and _-.:#.
  std::string example_other;       ///< A cell that is no number, when most are.
};

/// How a column runs along the rows, over its present cells.
struct RowOrder {
  bool ascending = false;  ///< Never falls, and rises at least once.
  bool descending = false;
  bool strict = false;         ///< No two neighbours are equal.
  bool constant_step = false;  ///< Whole numbers (times) that grow by the same step.
  std::size_t n_runs = 0;      ///< Stretches of equal neighbours.
  double expected_runs = 0;    ///< Of the same cells in random order.
};

/// How a target behaves over a part of a column's values: for plots.
struct TargetBin {
  std::string label;  ///< A level, "missing", or "" for a stretch of numbers.
  double low = kNoNumber;
  double high = kNoNumber;
  std::size_t n = 0;
  double mean = kNoNumber;     ///< Regression: mean of the target. Binary: share of the second class.
  std::vector<double> shares;  ///< Multiclass: share per class.
};

/// What a column alone tells about the target.
///
/// The scores are out of sample: the rows are cut into 5 folds, and each is predicted by the average of the
/// target per bin (numbers: at most 32 bins of equal count; categories: each level) over the other four,
/// shrunk to the overall average by one row. Missing cells are a bin of their own.
struct TargetRelation {
  std::size_t n_rows = 0;                 ///< Rows looked at (a sample of large tables).
  double power = 0;                       ///< 0 .. 1 for every task: 2 AUC - 1, or R2; never below 0.
  double auc = kNoNumber;                 ///< Classes: one against the rest, averaged by class size.
  double accuracy = kNoNumber;            ///< Classes.
  double r2 = kNoNumber;                  ///< Regression.
  double mutual_information = kNoNumber;  ///< In nats, of the bins and the classes (regression: 10 bins of
                                          ///< equal count).
  double missing_auc = kNoNumber;         ///< AUC (regression: |correlation|) of the missing cells alone.
  std::vector<TargetBin> bins;
};

struct ColumnProfile {
  std::string name;
  data::ColumnType type = data::ColumnType::kText;
  std::string type_reason;  ///< Why it has this type; as the reader told.
  Kind kind = Kind::kEmpty;
  std::size_t n_rows = 0;
  std::size_t n_missing = 0;
  std::size_t n_distinct = 0;  ///< Of the present cells.
  double distinct_error = 0;   ///< Relative standard error of n_distinct; 0: exact.
  bool is_target = false;
  std::optional<NumberSummary> numbers;  ///< Numbers, booleans (0, 1) and times.
  std::optional<TextSummary> text;       ///< Categories and texts.
  std::vector<LevelCount> top_levels;    ///< The most frequent values, most frequent first.
  std::size_t n_rare_levels = 0;         ///< Levels with fewer than 5 rows; categories.
  RowOrder order;
  std::vector<float> missing_by_rows;  ///< Share of missing cells in up to 50 equal blocks of rows.
  std::optional<TargetRelation> target;
  std::vector<Flag> flags;

  std::size_t n_present() const { return n_rows - n_missing; }
  double missing_share() const {
    return n_rows ? static_cast<double>(n_missing) / static_cast<double>(n_rows) : 0;
  }
  const Flag* find(FlagKind kind) const;
};

/// What the number of an Association is.
enum class Measure {
  kPearson,           ///< Two numbers; rank_value is Spearman's.
  kCorrelationRatio,  ///< A category and a number: eta.
  kCramersV,          ///< Two categories.
};

std::string_view measure_name(Measure measure);

/// How strongly two columns go together, over the rows in which both are present.
struct Association {
  std::size_t a = 0;  ///< Index of the column; a < b.
  std::size_t b = 0;
  Measure measure = Measure::kPearson;
  double value = kNoNumber;       ///< NaN when one of them is constant over these rows.
  double rank_value = kNoNumber;  ///< Spearman's, for two numbers.
  /// Without the part that many levels reach by chance: Kelley's epsilon for eta, Bergsma's correction for
  /// V; else `value`.
  double adjusted = kNoNumber;
  std::size_t n = 0;

  /// The larger of |adjusted| and |rank_value|.
  double strength() const;
};

/// Rows by which cells are missing in them.
struct MissingPattern {
  std::vector<std::size_t> columns;  ///< Those that are missing; empty: complete rows.
  std::size_t n_rows = 0;
};

struct MissingPair {
  std::size_t a = 0;
  std::size_t b = 0;
  double correlation = 0;  ///< Pearson's, of the two columns of "is missing".
};

struct MissingSummary {
  std::size_t n_cells = 0;
  std::size_t n_complete_rows = 0;
  std::vector<MissingPattern> patterns;  ///< The most frequent, at most 12; most frequent first.
  std::size_t n_patterns = 0;
  std::vector<MissingPair> pairs;  ///< Of columns that are sometimes missing; |correlation| of 0.3 or more.
};

struct TargetSummary {
  std::size_t column = 0;
  bool is_usable = false;
  data::Task task = data::Task::kRegression;
  std::string task_reason;
  std::vector<LevelCount> classes;  ///< As classes are numbered; not for regression.
  std::size_t n_missing = 0;
  /// Correlation of the target with that of the row before (classes: the largest among the classes), and how
  /// many standard deviations it is from what random order gives (Wald and Wolfowitz 1943).
  double row_autocorrelation = kNoNumber;
  double row_autocorrelation_z = kNoNumber;
};

struct TableProfile {
  std::size_t n_rows = 0;
  std::size_t n_bytes = 0;               ///< In memory.
  std::size_t n_repeated_rows = 0;       ///< That equal an earlier row.
  std::size_t n_contradicting_rows = 0;  ///< Whose features equal those of a row with another target.
  std::vector<ColumnProfile> columns;
  std::optional<TargetSummary> target;
  MissingSummary missing;
  std::vector<std::size_t> associated_columns;  ///< Those whose pairs were looked at.
  std::size_t n_association_rows = 0;           ///< Rows looked at for them.
  std::vector<Association> associations;        ///< Every pair of associated_columns.
  std::vector<Flag> flags;                      ///< Of the table as a whole.
  std::vector<std::string> notes;               ///< What was left out or estimated, in whole sentences.
};

struct ProfileOptions {
  std::string target;  ///< "": none.
  std::string task = "auto";
  std::map<std::string, std::string> type_reasons;  ///< By column; as the reader told.
  bool associations = true;                         ///< Whether pairs of columns are looked at.
  bool plots = true;                                ///< Whether histograms and target bins are kept.
  std::size_t max_paired_columns = 100;
  std::size_t sample_rows = 50'000;  ///< At most so many rows are looked at for relations.
};

/// Looks at every column, at pairs of columns and at the rows.
///
/// Exact: all counts and statistics of single columns, repeated rows. Sampled, when the table is larger than
/// sample_rows: relations to the target and between columns; the sample is one row of each of as many equal
/// stretches of rows. Above 8 million rows distinct counts come from a HyperLogLog and quantiles from a
/// sample (the error is told). Missing: NaN and missing cells are left out everywhere; infinities are counted
/// and else left out. Edge: tables without rows or columns, of one row, of missing cells only have a profile
/// too. Cost: 1 million rows x 30 columns take about a second on 2 threads; per thread 16 bytes per row.
/// Threads: the same profile for any number of threads.
/// @throws Error kData when there is no column `target` (the nearest is named); kInterrupted.
TableProfile profile_table(const data::Frame& table, const ProfileOptions& options, const Context& context);

/// Looks at each column by itself, in the given rows: for plans of preprocessing, which need facts that are
/// cheap on any table and come from fitted rows alone.
///
/// Exact: types, missing and infinite cells, levels of categories and how many are rare. Everything else,
/// kind and flags too, is that of up to `sample_rows` of the rows, one of each of as many equal stretches.
/// Nothing is told of the target, of pairs, or of duplicates. Cost: 0.1 s for 1 million rows x 30 columns.
/// Threads: the same for any number of threads.
std::vector<ColumnProfile> profile_columns(const data::Frame& table, std::span<const std::uint32_t> rows,
                                           std::size_t sample_rows, const Context& context);

}  // namespace kolosal::profile
