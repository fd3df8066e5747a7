#include "kolosal/profile/profile.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/data/classes.hpp"
#include "kolosal/profile/cell_keys_internal.hpp"
#include "kolosal/profile/column_summary_internal.hpp"
#include "kolosal/profile/flags_internal.hpp"
#include "kolosal/profile/relations_internal.hpp"
#include "kolosal/profile/rows_internal.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

using data::Column;
using data::ColumnType;
using data::Task;

constexpr std::size_t kMaxClasses = 2'000;
constexpr std::size_t kTargetLevels = 5'000, kPairLevels = 64;
constexpr std::size_t kPairWork = 16'000'000;  // rows x pairs: about 0.1 s
constexpr std::size_t kMinPairRows = 4'096;

using Bits = std::vector<std::uint64_t>;

void check_stop(const Context& context) {
  if (context.should_stop()) throw Error(ErrorCode::kInterrupted, "stopped");
}

// ---- the target -------------------------------------------------------------------------------------------

/// The target as numbers per row, NaN where there is none.
struct Target {
  TargetSummary summary;
  std::vector<double> values;
  std::string problem;  // why it can not be used
};

Task wanted_task(const Column& column, const ProfileOptions& options, std::string& reason) {
  data::TaskChoice choice = data::choose_task(column);
  reason = std::move(choice.reason);
  if (options.task == "auto") return choice.task;
  reason = "asked for";
  const Task task = data::task_from_name(options.task);
  if (task == Task::kRegression && !column.is_numeric())
    throw Error(ErrorCode::kData,
                "target column \"{}\" holds {} values, which can not be a regression target; drop --task",
                options.target, data::type_name(column.type()));
  return task;
}

void set_classes(const Column& column, const ProfileOptions& options, Target& out) {
  const data::ClassLevels levels = data::class_levels(column);
  const std::size_t n = levels.names.size();
  if (n > kMaxClasses || (n > 50 && n * 2 > column.size())) {
    out.problem = fmt::format("{} different values are too many to be classes", count_text(n));
    return;
  }
  if (out.summary.task == Task::kBinary && options.task == "binary" && n > 2)
    throw Error(ErrorCode::kData,
                "target column \"{}\" has {} classes; --task binary needs 2: use --task multiclass",
                options.target, n);
  out.summary.task = n <= 2 ? Task::kBinary : Task::kMulticlass;
  out.summary.task_reason += fmt::format(", {} class{}", n, n == 1 ? "" : "es");
  for (std::size_t i = 0; i < n; ++i) out.summary.classes.push_back({levels.names[i], levels.counts[i]});
  out.values.reserve(column.size());
  for (const std::int32_t code : levels.codes)
    out.values.push_back(code < 0 ? kNoNumber : static_cast<double>(code));
}

Target read_target(const Column& column, std::size_t index, const ProfileOptions& options) {
  Target out;
  out.summary.column = index;
  if (column.type() == ColumnType::kSparse) {
    out.problem = "vectors can not be a target";
    return out;
  }
  out.summary.n_missing = column.n_missing();
  if (is_time(column.type())) {
    out.problem =
        fmt::format("{} values can not be a target; numbers and classes can", data::type_name(column.type()));
    return out;
  }
  if (out.summary.n_missing == column.size()) {
    out.problem = "there is no value to learn from";
    return out;
  }
  out.summary.task = wanted_task(column, options, out.summary.task_reason);
  if (out.summary.task != Task::kRegression) {
    set_classes(column, options, out);
  } else {
    out.values.resize(column.size());
    column.copy_numbers(out.values);
    for (double& value : out.values)
      if (std::isinf(value)) value = kNoNumber;
  }
  double low = kNoNumber, high = kNoNumber;
  for (const double value : out.values) {
    low = std::fmin(low, value);
    high = std::fmax(high, value);
  }
  if (out.problem.empty() && !(low < high)) out.problem = "only one value: there is nothing to learn";
  return out;
}

/// Of the class (or number) that is most correlated from row to row.
void add_row_correlation(Target& target, const Context& context) {
  std::vector<double> present;
  for (const double value : target.values)
    if (!std::isnan(value)) present.push_back(value);
  const std::size_t n_classes = target.summary.classes.size();
  std::vector<SerialCorrelation> found(n_classes > 2 ? n_classes : 1);
  context.parallel_blocks(found.size(), 1, [&](std::size_t k, std::size_t) {
    if (n_classes <= 2) {
      found[k] = serial_correlation(present);
      return;
    }
    std::vector<double> is_class(present.size());
    for (std::size_t i = 0; i < present.size(); ++i) is_class[i] = present[i] == static_cast<double>(k);
    found[k] = serial_correlation(is_class);
  });
  const auto size = [](const SerialCorrelation& c) { return std::isnan(c.z) ? 0 : std::abs(c.z); };
  const SerialCorrelation best = *std::ranges::max_element(found, {}, size);
  target.summary.row_autocorrelation = best.value;
  target.summary.row_autocorrelation_z = best.z;
}

// ---- relations --------------------------------------------------------------------------------------------

SampledTarget sample_target(const Target& target, std::span<const std::uint32_t> rows) {
  SampledTarget out;
  out.task = target.summary.task;
  out.n_classes = target.summary.classes.size();
  for (const std::uint32_t row : rows) out.values.push_back(target.values[row]);
  if (out.task != Task::kRegression) return out;
  std::vector<double> sorted = out.values;
  std::ranges::sort(sorted);
  for (const double value : out.values) {
    const auto below = static_cast<std::size_t>(std::ranges::lower_bound(sorted, value) - sorted.begin());
    out.tenths.push_back(static_cast<std::uint8_t>(10 * below / sorted.size()));
  }
  return out;
}

bool can_relate(const ColumnProfile& column) {
  return column.kind != Kind::kEmpty && column.kind != Kind::kConstant && column.kind != Kind::kVector &&
         (column.n_distinct >= 2 || column.n_missing > 0);
}

void relate_columns(const data::Frame& table, const Target& target, const ProfileOptions& options,
                    const Context& context, TableProfile& out) {
  std::vector<std::uint32_t> rows = draw_rows(out.n_rows, options.sample_rows, 2);
  std::erase_if(rows, [&](std::uint32_t row) { return std::isnan(target.values[row]); });
  if (rows.size() < 2) return;
  const SampledTarget sampled = sample_target(target, rows);
  context.parallel_blocks(table.n_columns(), 1, [&](std::size_t c, std::size_t) {
    ColumnProfile& column = out.columns[c];
    if (context.should_stop() || column.is_target || !can_relate(column)) return;
    if (column.type == ColumnType::kText && 2 * column.n_distinct > column.n_present()) return;
    const SampledCells cells = sample_cells(table.column(c), rows, kTargetLevels);
    column.target = relate_to_target(cells, sampled, options.plots);
  });
}

bool can_pair(const ColumnProfile& column) {
  if (!can_relate(column) || column.n_distinct < 2) return false;
  // Keys and texts go with everything; a target is worth a look in any case.
  return column.is_target || (column.kind != Kind::kText && column.kind != Kind::kIdentifier);
}

std::vector<std::size_t> paired_columns(const ProfileOptions& options, TableProfile& out) {
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < out.columns.size(); ++c)
    if (can_pair(out.columns[c])) columns.push_back(c);
  const std::size_t n_all = columns.size();
  if (n_all <= options.max_paired_columns) return columns;
  std::ranges::stable_sort(columns, std::greater<>(), [&](std::size_t c) {
    const ColumnProfile& column = out.columns[c];
    return column.is_target ? 2.0 : column.target ? column.target->power : 0.0;
  });
  columns.resize(options.max_paired_columns);
  std::ranges::sort(columns);
  out.notes.push_back(
      fmt::format("Pairs were looked at among {} of {} columns: those that {}.", count_text(columns.size()),
                  count_text(n_all),
                  out.target && out.target->is_usable ? "alone tell most about the target" : "come first"));
  return columns;
}

void associate_columns(const data::Frame& table, const ProfileOptions& options, const Context& context,
                       TableProfile& out) {
  const std::vector<std::size_t> columns = paired_columns(options, out);
  if (columns.size() < 2) return;
  const std::size_t n_pairs = columns.size() * (columns.size() - 1) / 2;
  const std::size_t most = std::min(options.sample_rows, std::max(kMinPairRows, kPairWork / n_pairs));
  const std::vector<std::uint32_t> rows = draw_rows(out.n_rows, most, 3);
  std::vector<SampledCells> cells(columns.size());
  context.parallel_blocks(columns.size(), 1, [&](std::size_t i, std::size_t) {
    cells[i] = sample_cells(table.column(columns[i]), rows, kPairLevels);
  });
  out.associated_columns = columns;
  out.n_association_rows = rows.size();
  out.associations = associate(cells, columns, context);
  if (rows.size() < out.n_rows)
    out.notes.push_back(fmt::format("Relations between columns are those of {} drawn evenly from the table.",
                                    plural(rows.size(), "row")));
}

void tell_estimates(const TableProfile& profile, std::vector<std::string>& notes) {
  for (const ColumnProfile& column : profile.columns)
    if (column.distinct_error > 0 && column.type != ColumnType::kSparse) {
      notes.push_back(
          fmt::format("Distinct values are estimates with a standard error of {:.1f} %; quantiles, "
                      "histograms and frequent values "
                      "come from {} drawn evenly.",
                      100 * column.distinct_error, plural(kSortedCells, "row")));
      return;
    }
}

}  // namespace

TableProfile profile_table(const data::Frame& table, const ProfileOptions& options, const Context& context) {
  TableProfile out;
  out.n_rows = table.n_rows();
  out.n_bytes = table.n_bytes();
  out.columns.resize(table.n_columns());
  std::size_t target_index = table.n_columns();
  if (!options.target.empty()) {
    static_cast<void>(table.column(options.target));  // throws with the nearest name
    target_index = *table.find(options.target);
  }
  const bool has_target = target_index < table.n_columns();

  // The rows, the target and each column are one task each; the longest ones come first.
  Target target;
  std::vector<Bits> missing(table.n_columns());
  context.parallel_blocks(table.n_columns() + 2, 1, [&](std::size_t task, std::size_t) {
    if (context.should_stop()) return;
    if (task == 0) {
      const RepeatedRows repeated = count_repeated_rows(table, target_index, context);
      out.n_repeated_rows = repeated.n_repeated;
      out.n_contradicting_rows = repeated.n_contradicting;
    } else if (task == 1) {
      if (has_target) target = read_target(table.column(target_index), target_index, options);
    } else {
      const std::size_t c = task - 2;
      ColumnProfile& column = out.columns[c];
      column.name = table.name(c);
      const auto reason = options.type_reasons.find(column.name);
      if (reason != options.type_reasons.end()) column.type_reason = reason->second;
      column.is_target = c == target_index;
      missing[c] = missing_bits(table.column(c));
      summarize_column(table.column(c), missing[c], kExactRows, column);
      column.kind = kind_of(column);
      if (!options.plots && column.numbers) column.numbers->histogram = {};
    }
  });
  check_stop(context);
  std::size_t n_mostly_missing_rows = 0;
  out.missing = summarize_missing(out.n_rows, missing, n_mostly_missing_rows, context);
  find_duplicate_columns(out, table, context);
  check_stop(context);

  if (has_target) {
    target.summary.is_usable = target.problem.empty();
    if (target.summary.is_usable) add_row_correlation(target, context);
    out.target = target.summary;
    if (target.summary.is_usable) relate_columns(table, target, options, context, out);
    if (!target.problem.empty())
      out.columns[target_index].flags.push_back(
          {FlagKind::kUnusableTarget, Severity::kProblem, target.problem});
  }
  check_stop(context);
  if (options.associations) associate_columns(table, options, context, out);
  check_stop(context);
  add_flags(out, n_mostly_missing_rows);
  tell_estimates(out, out.notes);
  return out;
}

}  // namespace kolosal::profile
