#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/text_value.hpp"
#include "kolosal/io/column_builder_internal.hpp"
#include "kolosal/io/column_parts_internal.hpp"

namespace kolosal::io {
namespace {

using data::ColumnType;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::size_t value_bytes(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return 1;
    case ColumnType::kFloat32:
    case ColumnType::kCategory:
      return 4;
    default:
      return 8;
  }
}

bool needs_kinds(ColumnType type) {
  return is_moment_type(type) || type == ColumnType::kFloat64 || type == ColumnType::kFloat32;
}

bool has_bitmap(ColumnType type) {
  return type != ColumnType::kFloat64 && type != ColumnType::kFloat32 && type != ColumnType::kCategory;
}

// Whether a cell of a string column is missing.
bool is_missing_string(const Cell& cell, const MissingTokens& missing) {
  if (cell.absent) return true;
  const std::string_view text = trim(cell.text());
  return text.empty() ? !cell.quoted && missing.contains(text) : missing.contains(text);
}

// "3.0" for a column that is whole by the user's word.
bool read_whole_float(std::string_view text, char decimal, std::int64_t& value) {
  double number = 0;
  if (!read_float(text, decimal, number) || number != std::floor(number) || std::abs(number) > 0x1p53)
    return false;
  value = static_cast<std::int64_t>(number);
  return true;
}

// Whether the kinds hold a complete pair of one family, or only the plain words true and false.
bool is_bool(std::uint32_t kinds) {
  const auto only = [kinds](std::uint32_t pair) { return (kinds & ~pair) == 0; };
  const auto both = [kinds](std::uint32_t pair) { return kinds == pair; };
  return only(kind::kTrue | kind::kFalse) || both(kind::kYes | kind::kNo) || both(kind::kT | kind::kF) ||
         both(kind::kY | kind::kN);
}

// The order of day and month that fits all cells. False: none does.
bool choose_date_order(std::uint32_t kinds, DateOrder& order, bool& guessed) {
  guessed = false;
  const std::uint32_t days = kinds & kind::kMoment;
  if (days == kind::kYmd) {
    order = DateOrder::kYmd;
    return true;
  }
  if ((days & kind::kYmd) != 0 ||
      (days & (kind::kMonthFirst | kind::kDayFirst)) == (kind::kMonthFirst | kind::kDayFirst))
    return false;
  if ((days & kind::kMonthFirst) != 0) {
    order = DateOrder::kMonthFirst;
  } else if ((days & kind::kDayFirst) != 0) {
    order = DateOrder::kDayFirst;
  } else {
    order = (days & kind::kEitherSlash) != 0 ? DateOrder::kMonthFirst : DateOrder::kDayFirst;
    guessed = true;
  }
  return true;
}

bool plan_moment(const std::string& name, std::uint32_t kinds, ColumnPlan& plan,
                 std::vector<std::string>& notes) {
  bool guessed = false;
  if (!choose_date_order(kinds, plan.order, guessed)) return false;
  plan.type = (kinds & kind::kHasTime) != 0 ? ColumnType::kTimestamp : ColumnType::kDate;
  const char* const order = plan.order == DateOrder::kMonthFirst ? "month/day/year" : "day/month/year";
  plan.reason =
      plan.order == DateOrder::kYmd ? "every cell is a date" : fmt::format("every cell is a date, {}", order);
  if (guessed)
    notes.push_back(
        fmt::format("column '{}': no day is above 12, so the order of day and month is a guess: {}. Write "
                    "the dates as year-month-day to be sure.",
                    name, order));
  return true;
}

bool plan_number(const std::string& name, std::uint32_t kinds, char decimal, ColumnPlan& plan,
                 std::vector<std::string>& notes) {
  const std::uint32_t wrong = decimal == ',' ? kind::kFloatPoint : kind::kFloatComma;
  if ((kinds & ~kind::kNumber) != 0 || (kinds & wrong) != 0) return false;
  plan.decimal = decimal;
  if ((kinds & (kind::kFloat | kind::kFloatPoint | kind::kFloatComma)) != 0) {
    plan.type = ColumnType::kFloat64;
    plan.reason = "every cell is a number";
    return true;
  }
  if ((kinds & kind::kLeadingZero) != 0) {
    plan.undecided = true;
    plan.reason = "digits with leading zeros are names, not numbers";
    return true;
  }
  plan.type = (kinds & kind::kBigInt) != 0 ? ColumnType::kFloat64 : ColumnType::kInt64;
  plan.reason = "every cell is a whole number";
  if ((kinds & kind::kBigInt) != 0) {
    plan.reason += ", some beyond 64 bits";
    notes.push_back(
        fmt::format("column '{}': whole numbers beyond 64 bits are read as floats, which keep about 16 "
                    "digits. Force it to text if they are names.",
                    name));
  }
  return true;
}

ColumnType type_of(const std::string& column, const std::string& name) {
  const std::optional<ColumnType> type = data::type_from_name(name);
  if (!type || *type == ColumnType::kSparse) {
    const std::vector<std::string> known{"bool",     "int",  "float", "float32",
                                         "category", "text", "date",  "timestamp"};
    const std::string nearest = nearest_name(name, known);
    throw Error(ErrorCode::kInvalidParameter, "unknown type of column '{}': '{}'; {}the types are {}", column,
                name, nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest),
                fmt::join(known, ", "));
  }
  return *type;
}

}  // namespace

void ColumnStats::merge(const ColumnStats& later) {
  kinds |= later.kinds;
  n_present += later.n_present;
  n_empty += later.n_empty;
  n_missing += later.n_missing;
  text_bytes += later.text_bytes;
  if (!first_text && first_text_value.empty()) {
    first_text = later.first_text;
    first_text_value = later.first_text_value;
    first_text_line = later.first_text_line;
  }
}

ColumnPlan forced_plan(const ReadOptions& options, const std::string& column) {
  ColumnPlan plan;
  auto chosen = options.types.find(column);
  if (chosen == options.types.end()) chosen = options.types.find("*");
  if (chosen == options.types.end()) return plan;
  plan.forced = true;
  plan.type = type_of(column, chosen->second);
  plan.verbatim = plan.type == ColumnType::kText;
  plan.decimal = options.decimal == ',' ? ',' : '.';
  plan.reason = "as asked for";
  return plan;
}

void add_to_stats(const Cell& cell, const ColumnPlan& plan, const MissingTokens& missing,
                  ColumnStats& stats) {
  if (plan.verbatim && !cell.absent) {
    ++stats.n_present;
    stats.text_bytes += cell.size;
    return;
  }
  const std::string_view text = trim(cell.text());
  if (cell.absent || (text.empty() && !cell.quoted && missing.contains(text)) ||
      (!text.empty() && missing.contains(text))) {
    ++stats.n_missing;
    return;
  }
  stats.text_bytes += cell.size;
  if (text.empty()) {
    ++stats.n_empty;
    return;
  }
  ++stats.n_present;
  // A forced date still needs the order of day and month, and a forced float the decimal sign.
  if ((stats.kinds & kind::kText) != 0 || (plan.forced && !needs_kinds(plan.type))) return;
  stats.kinds |= cell.string ? classify_string(text) : classify(text);
  if ((stats.kinds & kind::kText) != 0 && !stats.first_text) {
    stats.first_text = cell.transient ? nullptr : cell.begin;
    stats.first_text_value = text.substr(0, 60);
  }
}

void add_to_stats(const RowBlock& block, std::size_t column, const ColumnPlan& plan,
                  const MissingTokens& missing, ColumnStats& stats) {
  for (std::size_t row = 0; row < block.n_rows; ++row)
    add_to_stats(block.cell(row, column), plan, missing, stats);
}

bool is_moment_type(ColumnType type) { return type == ColumnType::kDate || type == ColumnType::kTimestamp; }

char infer_decimal(const std::vector<ColumnStats>& stats) {
  bool comma = false;
  for (const ColumnStats& column : stats) {
    if ((column.kinds & ~kind::kNumber) != 0) continue;
    if ((column.kinds & kind::kFloatPoint) != 0 && (column.kinds & kind::kFloatComma) == 0) return '.';
    comma = comma || ((column.kinds & kind::kFloatComma) != 0 && (column.kinds & kind::kFloatPoint) == 0);
  }
  return comma ? ',' : '.';
}

ColumnPlan plan_column(const std::string& name, const ColumnStats& stats, char decimal,
                       std::vector<std::string>& notes) {
  ColumnPlan plan;
  if (stats.kinds == 0) {
    plan.type = ColumnType::kFloat64;
    plan.reason = "no value present";
    return plan;
  }
  if (is_bool(stats.kinds)) {
    plan.type = ColumnType::kBool;
    plan.reason = "every cell is a yes or a no";
    return plan;
  }
  if ((stats.kinds & ~(kind::kMoment | kind::kHasTime)) == 0 && plan_moment(name, stats.kinds, plan, notes))
    return plan;
  if (plan_number(name, stats.kinds, decimal, plan, notes)) return plan;
  plan.undecided = true;
  if (!stats.first_text_value.empty())
    plan.reason = fmt::format("line {} has '{}'", stats.first_text_line, stats.first_text_value);
  else
    plan.reason = "cells of several kinds";
  return plan;
}

void settle_forced_plan(const ColumnStats& stats, char decimal, ColumnPlan& plan) {
  bool guessed = false;
  if (!choose_date_order(stats.kinds, plan.order, guessed)) plan.order = DateOrder::kYmd;
  plan.decimal = decimal;
}

std::size_t estimated_bytes(const ColumnPlan& plan, const ColumnStats& stats) {
  const std::size_t n_rows = stats.n_present + stats.n_empty + stats.n_missing;
  if (plan.undecided) return n_rows * value_bytes(ColumnType::kCategory);
  const std::size_t values = n_rows * value_bytes(plan.type) + (has_bitmap(plan.type) ? n_rows / 8 : 0);
  return plan.type == ColumnType::kText ? values + stats.text_bytes : values;
}

ColumnBuilder::ColumnBuilder(ColumnPlan plan, const std::vector<ColumnStats>& parts,
                             const std::vector<std::size_t>& n_rows_of)
    : plan_(std::move(plan)), parts_(parts.size()) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts_[i].first_row = n_rows_;
    parts_[i].n_rows = n_rows_of[i];
    parts_[i].text_begin = text_bytes_;
    n_rows_ += n_rows_of[i];
    text_bytes_ += parts[i].text_bytes;
  }
  if (plan_.undecided && n_rows_ < kMinCategoryRows) plan_.undecided = false;
  if (plan_.undecided) plan_.type = ColumnType::kCategory;
  take_totals(parts);
  allocate();
  if (plan_.type != ColumnType::kText) return;
  buffers_->text = PageBuffer(text_bytes_);
  for (Part& part : parts_) part.text_data = buffers_->text_at(part.text_begin);
}

void ColumnBuilder::take_totals(const std::vector<ColumnStats>& parts) {
  ColumnStats total;
  for (const ColumnStats& part : parts) total.merge(part);
  n_present_ = total.n_present + total.n_empty;
  const bool as_string = plan_.type == ColumnType::kText || plan_.type == ColumnType::kCategory;
  has_missing_ = total.n_missing > 0 || (!as_string && total.n_empty > 0);
  max_levels_ = plan_.undecided ? std::min(kMaxCategoryLevels, n_present_ / 2)
                                : std::numeric_limits<std::int32_t>::max();
}

ColumnBuilder::~ColumnBuilder() = default;

ColumnBuilder::ColumnBuilder(ColumnBuilder&& other) noexcept
    : plan_(std::move(other.plan_)),
      n_rows_(other.n_rows_),
      n_present_(other.n_present_),
      text_bytes_(other.text_bytes_),
      has_missing_(other.has_missing_),
      max_levels_(other.max_levels_),
      buffers_(std::move(other.buffers_)),
      parts_(std::move(other.parts_)),
      too_many_levels_(other.too_many_levels_.load()),
      infinite_(other.infinite_.load()),
      wrong_(other.wrong_.load()),
      distinct_texts_(std::move(other.distinct_texts_)),
      dictionary_(std::move(other.dictionary_)) {}

void ColumnBuilder::allocate() {
  buffers_ = std::make_shared<Buffers>();
  const bool text = plan_.type == ColumnType::kText;
  const std::size_t n_values = text ? n_rows_ + 1 : n_rows_;
  buffers_->values = PageBuffer(n_values * value_bytes(plan_.type));
  if (has_missing_ && has_bitmap(plan_.type)) buffers_->bits = data::all_present(n_rows_);
  if (text) buffers_->as<std::int64_t>()[0] = 0;
}

void ColumnBuilder::set_missing(std::size_t row) {
  switch (plan_.type) {
    case ColumnType::kFloat64:
      buffers_->as<double>()[row] = kNan;
      return;
    case ColumnType::kFloat32:
      buffers_->as<float>()[row] = static_cast<float>(kNan);
      return;
    case ColumnType::kCategory:
      buffers_->as<std::int32_t>()[row] = data::kMissingCode;
      return;
    case ColumnType::kBool:
      buffers_->as<std::uint8_t>()[row] = 0;
      break;
    case ColumnType::kText:
      break;
    default:
      buffers_->as<std::int64_t>()[row] = 0;
      break;
  }
  // Parts do not begin at multiples of 8 rows, so two threads may meet in one byte.
  std::atomic_ref<std::uint8_t> byte(buffers_->bits[row >> 3]);
  byte.fetch_and(static_cast<std::uint8_t>(~(1U << (row & 7))), std::memory_order_relaxed);
}

template <typename Store>
void ColumnBuilder::fill_typed(std::size_t row, const RowBlock& block, std::size_t column,
                               const MissingTokens& missing, BadCell& bad, Store&& store) {
  for (std::size_t i = 0; i < block.n_rows; ++i, ++row) {
    const Cell& cell = block.cell(i, column);
    const std::string_view text = trim(cell.text());
    if (cell.absent || text.empty() || missing.contains(text)) {
      set_missing(row);
    } else if (!store(row, text)) {
      if (!bad.found)  // rows come in order
        bad = {cell.begin, std::string(text.substr(0, 60)), row, column, true};
      if (has_missing_) set_missing(row);
    }
  }
}

void ColumnBuilder::fill(std::size_t part_index, std::size_t first_row, const RowBlock& block,
                         std::size_t column, const MissingTokens& missing, BadCell& bad) {
  Part& part = parts_[part_index];
  const std::size_t row = part.first_row + first_row;
  Buffers& out = *buffers_;
  switch (plan_.type) {
    case ColumnType::kBool:
      return fill_typed(
          row, block, column, missing, bad,
          [values = out.as<std::uint8_t>()](std::size_t i, auto text) { return read_bool(text, values[i]); });
    case ColumnType::kInt64:
      return fill_typed(row, block, column, missing, bad,
                        [this, values = out.as<std::int64_t>()](std::size_t i, std::string_view text) {
                          return read_int(text, values[i]) ||
                                 (plan_.forced && read_whole_float(text, plan_.decimal, values[i]));
                        });
    case ColumnType::kFloat64:
      return fill_typed(row, block, column, missing, bad,
                        [&, values = out.as<double>()](std::size_t i, auto text) {
                          const bool good = read_float(text, plan_.decimal, values[i]);
                          if (good && std::isinf(values[i])) infinite_.store(true, std::memory_order_relaxed);
                          return good;
                        });
    case ColumnType::kFloat32:
      return fill_typed(row, block, column, missing, bad,
                        [&, values = out.as<float>()](std::size_t i, auto text) {
                          double value = 0;
                          const bool good = read_float(text, plan_.decimal, value);
                          values[i] = static_cast<float>(value);
                          if (good && std::isinf(values[i])) infinite_.store(true, std::memory_order_relaxed);
                          return good;
                        });
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return fill_typed(row, block, column, missing, bad,
                        [&, values = out.as<std::int64_t>()](std::size_t i, auto text) {
                          if (!read_moment(text, plan_.order, values[i])) return false;
                          if (plan_.type == ColumnType::kDate) values[i] = data::floor_to_day(values[i]);
                          return true;
                        });
    case ColumnType::kCategory:
      return fill_codes(part, row, block, column, missing);
    case ColumnType::kText:
      return fill_text(part, first_row, block, column, missing);
    case ColumnType::kSparse:
      break;
  }
  KOLOSAL_ASSERT(false, "no plan asks for a sparse column");
}

void ColumnBuilder::fill_codes(Part& part, std::size_t row, const RowBlock& block, std::size_t column,
                               const MissingTokens& missing) {
  if (too_many_levels_.load(std::memory_order_relaxed)) return;
  // Levels are copied: seen in place, they would keep the whole of a mapped file in memory.
  if (!part.levels) part.levels = std::make_unique<LevelTable>();
  std::int32_t* const codes = buffers_->as<std::int32_t>();
  for (std::size_t i = 0; i < block.n_rows; ++i) {
    const Cell& cell = block.cell(i, column);
    codes[row + i] =
        is_missing_string(cell, missing) ? data::kMissingCode : part.levels->find_or_add(cell.text(), true);
  }
  // The whole column has no fewer levels than one of its parts, so this too depends on the table alone.
  if (part.levels->size() > max_levels_) too_many_levels_.store(true, std::memory_order_relaxed);
}

void ColumnBuilder::fill_text(Part& part, std::size_t first_row, const RowBlock& block, std::size_t column,
                              const MissingTokens& missing) {
  if (first_row == 0) part.text_size = 0;
  std::int64_t* const ends = buffers_->as<std::int64_t>() + part.first_row + first_row + 1;
  for (std::size_t i = 0; i < block.n_rows; ++i) {
    const Cell& cell = block.cell(i, column);
    if (plan_.verbatim ? cell.absent : is_missing_string(cell, missing)) {
      set_missing(part.first_row + first_row + i);
    } else if (cell.size > 0) {
      std::memcpy(part.text_data + part.text_size, cell.begin, cell.size);
      part.text_size += cell.size;
    }
    ends[i] = static_cast<std::int64_t>(part.text_begin + part.text_size);
  }
}

// Makes the dictionary of the column, sorted bytewise. False: it is text.
bool ColumnBuilder::merge_levels(const Context& context) {
  if (too_many_levels_) return false;
  LevelTable all;
  for (const Part& part : parts_) {
    if (!part.levels) continue;
    for (const std::string_view level : part.levels->levels()) all.find_or_add(level, false);
    if (all.size() > max_levels_) return false;
  }
  std::vector<std::int32_t> order(all.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  const auto& levels = all.levels();
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return levels[static_cast<std::size_t>(a)] < levels[static_cast<std::size_t>(b)];
  });
  std::vector<std::int32_t> rank(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    rank[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);

  std::vector<std::size_t> n_words(parts_.size());
  context.parallel_blocks(parts_.size(), 1, [&](std::size_t begin, std::size_t) {
    const Part& part = parts_[begin];
    if (!part.levels) return;
    std::vector<std::int32_t> code_of;
    std::vector<std::size_t> words_of;
    for (const std::string_view level : part.levels->levels()) {
      code_of.push_back(rank[static_cast<std::size_t>(all.find(level))]);
      words_of.push_back(count_words(level));
    }
    std::int32_t* codes = buffers_->as<std::int32_t>() + part.first_row;
    for (std::size_t i = 0; i < part.n_rows; ++i) {
      if (codes[i] < 0) continue;
      n_words[begin] += words_of[static_cast<std::size_t>(codes[i])];
      codes[i] = code_of[static_cast<std::size_t>(codes[i])];
    }
  });
  std::size_t words = 0;
  for (const std::size_t n : n_words) words += n;
  if (plan_.undecided && words > kMaxCategoryWords * n_present_) return false;

  std::vector<std::string> sorted;
  sorted.reserve(order.size());
  for (const std::int32_t i : order) sorted.emplace_back(levels[static_cast<std::size_t>(i)]);
  dictionary_ = std::make_shared<const data::Dictionary>(std::move(sorted));
  return true;
}

bool ColumnBuilder::needs_second_fill(const Context& context) {
  if (plan_.type != ColumnType::kCategory || dictionary_) return false;
  if (merge_levels(context)) {
    if (plan_.undecided)
      plan_.reason = fmt::format("{}; {} levels in {} cells", plan_.reason, dictionary_->size(), n_present_);
    for (Part& part : parts_) part.levels.reset();
    return false;
  }
  for (Part& part : parts_) part.levels.reset();
  plan_.type = ColumnType::kText;
  plan_.undecided = false;
  allocate();
  buffers_->text = PageBuffer(text_bytes_);
  for (Part& part : parts_) part.text_data = buffers_->text_at(part.text_begin);
  return true;
}

data::Column ColumnBuilder::finish() {
  const std::uint8_t* const bits = buffers_->bits.empty() ? nullptr : buffers_->bits.data();
  std::shared_ptr<const void> owner = buffers_;
  if (plan_.type == ColumnType::kText)
    return data::Column::wrap_text(buffers_->as<std::int64_t>(), buffers_->text_at(0), n_rows_, bits, 0,
                                   owner);
  return data::Column::wrap(plan_.type, buffers_->values.data(), n_rows_, bits, 0, owner, dictionary_);
}

}  // namespace kolosal::io
