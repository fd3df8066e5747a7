#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <optional>

#include "kolosal/data/text_value.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct DatePartsParams {
  std::string parts = "year,month,day,weekday,hour,minute,day_of_year,epoch";
  bool cyclic = false;
  std::string cycles = "hour,day";
  std::string since;
  bool differences = false;
  bool drop_constant = true;
};

constexpr std::int64_t kNsPerDay = 86'400'000'000'000;
constexpr std::size_t kMaxDifferenceColumns =
    8;  // 28 pairs; a table with more time columns gives those of the first 8
const std::vector<std::string> kParts = {
    "year",   "quarter",     "month",      "week",           "day",          "weekday", "hour", "minute",
    "second", "day_of_year", "is_weekend", "is_month_start", "is_month_end", "epoch"};
const std::vector<std::string> kCycles = {"second",       "minute", "hour", "weekday",
                                          "day_of_month", "month",  "day"};
constexpr double kTurn = 2 * std::numbers::pi;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::min();

struct Moment {
  std::int64_t day = 0;  // since 1970-01-01
  std::int64_t ns = 0;   // within the day, 0 <= ns < kNsPerDay
  std::int64_t year = 1970, month = 1, day_of_month = 1, day_of_year = 1;
};

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Proleptic Gregorian calendar by whole-number arithmetic (Hinnant, "chrono-compatible low-level date
// algorithms").
Moment moment_of(std::int64_t ns) {
  Moment out;
  // Not ns - day * kNsPerDay: that overflows on the earliest day that int64 holds.
  const std::int64_t rest = ns % kNsPerDay;
  out.day = ns / kNsPerDay - (rest < 0 ? 1 : 0);
  out.ns = rest < 0 ? rest + kNsPerDay : rest;
  const std::int64_t z = out.day + 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const std::int64_t day_of_era = z - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t march_day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * march_day + 2) / 153;
  out.day_of_month = march_day - (153 * march_month + 2) / 5 + 1;
  out.month = march_month < 10 ? march_month + 3 : march_month - 9;
  out.year = year_of_era + era * 400 + (out.month <= 2 ? 1 : 0);
  constexpr std::int64_t kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  out.day_of_year = kBefore[out.month - 1] + out.day_of_month + (is_leap(out.year) && out.month > 2 ? 1 : 0);
  return out;
}

std::int64_t weekday_of(const Moment& m) { return ((m.day + 3) % 7 + 7) % 7; }  // 0 = Monday

// Weeks of a year by ISO 8601: 53 when it begins or (in a leap year) has its second day on a Thursday.
std::int64_t weeks_of(std::int64_t year) {
  const auto last_weekday = [](std::int64_t y) { return (y + y / 4 - y / 100 + y / 400) % 7; };  // 0 = Sunday
  return last_weekday(year) == 4 || last_weekday(year - 1) == 3 ? 53 : 52;
}

std::int64_t week_of(const Moment& m) {
  const std::int64_t week = (m.day_of_year - weekday_of(m) + 9) / 7;
  if (week < 1) return weeks_of(m.year - 1);
  return week > weeks_of(m.year) ? 1 : week;
}

bool is_month_end(const Moment& m) {
  constexpr std::int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return m.day_of_month == kDays[m.month - 1] + (m.month == 2 && is_leap(m.year) ? 1 : 0);
}

double since_midnight(const Moment& m) { return static_cast<double>(m.ns) / static_cast<double>(kNsPerDay); }

using PartFunction = double (*)(const Moment&);

PartFunction part_function(std::string_view part) {
  if (part == "year") return [](const Moment& m) { return static_cast<double>(m.year); };
  if (part == "quarter") return [](const Moment& m) { return static_cast<double>((m.month + 2) / 3); };
  if (part == "month") return [](const Moment& m) { return static_cast<double>(m.month); };
  if (part == "week") return [](const Moment& m) { return static_cast<double>(week_of(m)); };
  if (part == "day") return [](const Moment& m) { return static_cast<double>(m.day_of_month); };
  if (part == "weekday") return [](const Moment& m) { return static_cast<double>(weekday_of(m)); };
  if (part == "hour") return [](const Moment& m) { return static_cast<double>(m.ns / 3'600'000'000'000); };
  if (part == "minute")
    return [](const Moment& m) { return static_cast<double>(m.ns / 60'000'000'000 % 60); };
  if (part == "second") return [](const Moment& m) { return static_cast<double>(m.ns / 1'000'000'000 % 60); };
  if (part == "day_of_year") return [](const Moment& m) { return static_cast<double>(m.day_of_year); };
  if (part == "is_weekend") return [](const Moment& m) { return weekday_of(m) >= 5 ? 1.0 : 0.0; };
  if (part == "is_month_start") return [](const Moment& m) { return m.day_of_month == 1 ? 1.0 : 0.0; };
  if (part == "is_month_end") return [](const Moment& m) { return is_month_end(m) ? 1.0 : 0.0; };
  KOLOSAL_ASSERT(part == "epoch", "parts are checked by the constructor");
  return [](const Moment& m) { return static_cast<double>(m.day) + since_midnight(m); };
}

// Where a moment is in a cycle: 0 at its start, 1 at its end.
PartFunction cycle_function(std::string_view cycle) {
  if (cycle == "second")
    return [](const Moment& m) { return static_cast<double>(m.ns % 60'000'000'000) / 60e9; };
  if (cycle == "minute")
    return [](const Moment& m) { return static_cast<double>(m.ns % 3'600'000'000'000) / 3600e9; };
  if (cycle == "hour") return since_midnight;
  if (cycle == "weekday")
    return [](const Moment& m) { return (static_cast<double>(weekday_of(m)) + since_midnight(m)) / 7; };
  if (cycle == "day_of_month")
    return [](const Moment& m) { return static_cast<double>(m.day_of_month - 1) / 31; };
  if (cycle == "month") return [](const Moment& m) { return static_cast<double>(m.month - 1) / 12; };
  KOLOSAL_ASSERT(cycle == "day", "cycles are checked by the constructor");
  return [](const Moment& m) { return static_cast<double>(m.day_of_year - 1) / 365.25; };
}

bool has_time_only(std::string_view part) { return part == "hour" || part == "minute" || part == "second"; }

/// Numbers out of dates and timestamps: <name>_year, _quarter (1-4), _month (1-12), _week (of ISO
/// 8601), _day (1-31), _weekday (0 = Monday), _hour, _minute, _second, _day_of_year (1-366),
/// _is_weekend, _is_month_start, _is_month_end (0 or 1), _epoch (days since 1970 with their fraction,
/// as float64).
///
///   cyclic:       <name>_<cycle>_sin and _cos for each of `cycles`: where the moment is in the minute
///                 (second), the hour (minute), the day (hour), the week (weekday), the month
///                 (day_of_month), the year (month, day);
///   since:        <name>_elapsed_days, the days since a day, or since the first moment of the fitted
///                 rows ("first");
///   differences:  <b>_minus_<a>_seconds for each pair of time columns, in their order (the first 8
///                 columns).
///
/// Types:   date, timestamp; parts become float32, the epoch, elapsed days and differences float64. A
///          date has no hour, minute, second.
/// Missing: NaN in every part; all elapsed days where no fitted row has a moment.
/// Edge:    with drop_constant, a part that has one value in the fitted rows is not made (stateless
///          without).
class DateParts final : public Transformer {
 public:
  explicit DateParts(DatePartsParams params) : params_(std::move(params)) {
    parts_ = checked_list(params_.parts, kParts, "part");
    if (params_.cyclic) cycles_ = checked_list(params_.cycles, kCycles, "cycle");
    if (params_.since.empty() || params_.since == "first") return;
    const auto day = data::parse_timestamp(params_.since);
    if (!day)
      throw Error(ErrorCode::kInvalidParameter,
                  "date_parts: since must be \"first\" or a day such as 2024-02-29, not \"{}\"",
                  params_.since);
    since_ = *day;
  }
  bool is_stateless() const override { return !params_.drop_constant && params_.since != "first"; }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "float,float32"; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 private:
  // The smallest and largest number of a part among the fitted rows; NaN: none.
  struct Range {
    double low = kNaN, high = kNaN;
    void add(double cell) {
      if (!(low <= cell)) low = std::isnan(cell) ? low : cell;
      if (!(high >= cell)) high = std::isnan(cell) ? high : cell;
    }
  };

  static std::vector<std::string> checked_list(const std::string& list, const std::vector<std::string>& known,
                                               const char* what) {
    auto out = split_list(list);
    for (const auto& one : out)
      if (std::ranges::find(known, one) == known.end())
        throw Error(ErrorCode::kInvalidParameter, "date_parts: \"{}\" is no {} of a date; there are {}", one,
                    what, fmt::join(known, ", "));
    return out;
  }

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    do_begin_stream();
    gather(x, rows, context);
    do_finish_fit(context);
  }
  void do_begin_stream() override {
    first_.clear();
    last_.clear();
    ranges_.clear();
  }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    std::vector<std::uint32_t> rows(x.n_rows());
    std::iota(rows.begin(), rows.end(), 0U);
    gather(x, rows, context);
  }
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context&) override;
  void gather(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context);

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    auto made = all_parts(x, context);
    for (std::size_t c = 0; c < x.n_columns() && !params_.since.empty(); ++c)
      made.push_back(elapsed_of(x, c));
    std::erase_if(made,
                  [&](const Named& n) { return std::ranges::find(dropped_, n.name) != dropped_.end(); });
    return made;
  }

  void do_save(artifact::Node& node) const override {
    node.set("dropped", dropped_);
    node.set_array("first", first_);
  }
  void do_load(const artifact::Node& node) override {
    dropped_ = node.get_strings("dropped");
    first_.clear();
    if (node.has("first")) first_ = node.get_vector<std::int64_t>("first");
    if (params_.since == "first") check_saved_size("date_parts", {first_.size()}, input_columns().size());
  }

  struct Part {
    std::string name;
    PartFunction function;
    char turn;  // 's' the sine and 'c' the cosine of a cycle, else 0
    bool is_epoch() const { return name == "epoch"; }
    double of(const Moment& moment) const {
      const double value = function(moment);
      if (!turn) return value;
      return turn == 's' ? std::sin(kTurn * value) : std::cos(kTurn * value);
    }
  };
  class Row;
  std::vector<Part> parts_for(ColumnType type) const;
  /// What elapsed days of column c are counted from; empty: nothing is known.
  std::optional<std::int64_t> origin(std::size_t c) const {
    if (params_.since != "first") return since_;
    return first_[c] == kNever ? std::nullopt : std::optional(first_[c]);
  }
  std::vector<Named> all_parts(const data::Frame& x, const Context& context) const;
  std::vector<Named> parts_of(const std::string& name, const Column& column, const Context& context) const;
  Named elapsed_of(const data::Frame& x, std::size_t c) const;
  static std::vector<Named> differences_of(const data::Frame& x, const Context& context);

  DatePartsParams params_;
  std::vector<std::string> parts_, cycles_;
  std::int64_t since_ = 0;
  std::vector<std::string> dropped_;        // names of parts that were constant
  std::vector<std::int64_t> first_, last_;  // by column: moments of the fitted rows; kNever, kAlways: none
  std::map<std::string, Range> ranges_;     // by part, within a fit
};

void DateParts::gather(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context) {
  require_types(x, "date_parts", "time");
  first_.resize(x.n_columns(), kNever);
  last_.resize(x.n_columns(), kAlways);
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    for (const std::uint32_t row : rows) {
      if (x.column(c).is_missing(row)) continue;
      first_[c] = std::min(first_[c], x.column(c).int64s()[row]);
      last_[c] = std::max(last_[c], x.column(c).int64s()[row]);
    }
  if (!params_.drop_constant) return;
  const auto made = all_parts(x, context);
  std::vector<Range*> ranges;
  for (const Named& part : made) ranges.push_back(&ranges_[part.name]);
  context.parallel_blocks(made.size(), 1, [&](std::size_t i, std::size_t) {
    const Numbers cells(made[i].column);
    for (const std::uint32_t row : rows) ranges[i]->add(cells[row]);
  });
}

void DateParts::do_merge(const Transformer& other) {
  const auto& theirs = static_cast<const DateParts&>(other);
  first_.resize(std::max(first_.size(), theirs.first_.size()), kNever);
  last_.resize(first_.size(), kAlways);
  for (std::size_t c = 0; c < theirs.first_.size(); ++c) {
    first_[c] = std::min(first_[c], theirs.first_[c]);
    last_[c] = std::max(last_[c], theirs.last_[c]);
  }
  for (const auto& [name, range] : theirs.ranges_) {
    ranges_[name].add(range.low);
    ranges_[name].add(range.high);
  }
}

void DateParts::do_finish_fit(const Context&) {
  first_.resize(input_columns().size(), kNever);
  last_.resize(first_.size(), kAlways);
  dropped_.clear();
  for (std::size_t c = 0; c < first_.size() && params_.drop_constant; ++c)
    if (first_[c] >= last_[c]) dropped_.push_back(input_columns()[c] + "_elapsed_days");
  for (const auto& [name, range] : ranges_)
    if (!(range.low < range.high)) dropped_.push_back(name);
  ranges_.clear();
}

std::vector<DateParts::Part> DateParts::parts_for(ColumnType type) const {
  std::vector<Part> out;
  const bool is_date = type == ColumnType::kDate;
  for (const auto& part : parts_)
    if (!is_date || !has_time_only(part)) out.push_back({part, part_function(part), 0});
  for (const auto& cycle : cycles_) {
    if (is_date && has_time_only(cycle)) continue;
    out.push_back({cycle + "_sin", cycle_function(cycle), 's'});
    out.push_back({cycle + "_cos", cycle_function(cycle), 'c'});
  }
  return out;
}

std::vector<Transformer::Named> DateParts::parts_of(const std::string& name, const Column& column,
                                                    const Context& context) const {
  const std::vector<Part> parts = parts_for(column.type());
  const auto ns = column.int64s();
  std::vector<std::vector<float>> floats(parts.size());
  std::vector<double> epoch;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (parts[p].is_epoch())
      epoch.resize(ns.size());
    else
      floats[p].resize(ns.size());
  }
  // Part by part within a short run of moments, which stay in cache.
  constexpr std::size_t kRun = 1024;
  context.parallel_blocks(ns.size(), kRowGrain, [&](std::size_t begin, std::size_t end) {
    std::array<Moment, kRun> moments;
    for (std::size_t run = begin; run < end; run += kRun) {
      const std::size_t n = std::min(kRun, end - run);
      for (std::size_t i = 0; i < n; ++i) moments[i] = moment_of(ns[run + i]);
      for (std::size_t p = 0; p < parts.size(); ++p) {
        for (std::size_t i = 0; i < n; ++i) {
          const bool missing = column.valid_bits() && column.is_missing(run + i);
          const double value = missing ? kNaN : parts[p].of(moments[i]);
          if (parts[p].is_epoch())
            epoch[run + i] = value;
          else
            floats[p][run + i] = static_cast<float>(value);
        }
      }
    }
  });
  std::vector<Named> out;
  for (std::size_t p = 0; p < parts.size(); ++p)
    out.push_back({name + "_" + parts[p].name, parts[p].is_epoch()
                                                   ? Column::from_float64(std::move(epoch))
                                                   : Column::from_float32(std::move(floats[p]))});
  return out;
}

// Days and rest apart: two far moments differ by more than 64 bits hold.
double days_between(std::int64_t from, std::int64_t to) {
  return static_cast<double>(to / kNsPerDay - from / kNsPerDay) +
         static_cast<double>(to % kNsPerDay - from % kNsPerDay) / static_cast<double>(kNsPerDay);
}

// Not to - from, for the same reason.
double seconds_between(std::int64_t from, std::int64_t to) {
  return static_cast<double>(to / 1'000'000'000 - from / 1'000'000'000) +
         static_cast<double>(to % 1'000'000'000 - from % 1'000'000'000) * 1e-9;
}

Transformer::Named DateParts::elapsed_of(const data::Frame& x, std::size_t c) const {
  const Column& column = x.column(c);
  const auto from = origin(c);
  const auto ns = column.int64s();
  std::vector<double> cells(x.n_rows(), kNaN);
  for (std::size_t row = 0; row < cells.size(); ++row)
    if (from && !column.is_missing(row)) cells[row] = days_between(*from, ns[row]);
  return {x.name(c) + "_elapsed_days", Column::from_float64(std::move(cells))};
}

using ColumnPairs = std::vector<std::pair<std::size_t, std::size_t>>;

ColumnPairs pairs_of(std::size_t n_columns) {
  ColumnPairs out;
  const std::size_t n = std::min(n_columns, kMaxDifferenceColumns);
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = a + 1; b < n; ++b) out.emplace_back(a, b);
  return out;
}

std::string difference_name(const data::Frame& x, std::size_t a, std::size_t b) {
  return fmt::format("{}_minus_{}_seconds", x.name(b), x.name(a));
}

std::vector<Transformer::Named> DateParts::differences_of(const data::Frame& x, const Context& context) {
  const ColumnPairs pairs = pairs_of(x.n_columns());
  std::vector<Named> out(pairs.size());
  context.parallel_blocks(pairs.size(), 1, [&](std::size_t i, std::size_t) {
    const auto [a, b] = pairs[i];
    const auto from = x.column(a).int64s(), to = x.column(b).int64s();
    std::vector<double> cells(x.n_rows());
    for (std::size_t row = 0; row < cells.size(); ++row) {
      cells[row] = seconds_between(from[row], to[row]);
      if (x.column(a).is_missing(row) || x.column(b).is_missing(row)) cells[row] = kNaN;
    }
    out[i] = {difference_name(x, a, b), Column::from_float64(std::move(cells))};
  });
  return out;
}

std::vector<Transformer::Named> DateParts::all_parts(const data::Frame& x, const Context& context) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    std::ranges::move(parts_of(x.name(c), x.column(c), context), std::back_inserter(out));
  if (params_.differences) std::ranges::move(differences_of(x, context), std::back_inserter(out));
  return out;
}

class DateParts::Row final : public RowStep {
 public:
  Row(const DateParts& step, const data::Frame& inputs) {
    const std::size_t n = inputs.n_columns();
    const auto add = [&](std::string name, Cell cell) {
      if (std::ranges::find(step.dropped_, name) == step.dropped_.end()) cells_.push_back(std::move(cell));
    };
    for (std::size_t c = 0; c < n; ++c)
      for (const Part& part : step.parts_for(inputs.column(c).type()))
        add(inputs.name(c) + "_" + part.name, {.column = c, .part = part});
    for (const auto& [a, b] : step.params_.differences ? pairs_of(n) : ColumnPairs())
      add(difference_name(inputs, a, b), {.column = b, .from_column = a});
    for (std::size_t c = 0; c < n && !step.params_.since.empty(); ++c)
      add(inputs.name(c) + "_elapsed_days", {.column = c, .origin = step.origin(c)});
  }
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const override {
    const auto moments = arena.take<Moment>(in.size());
    for (std::size_t c = 0; c < in.size(); ++c) moments[c] = moment_of(in[c].time);
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& cell = cells_[i];
      const RowCell& given = in[cell.column];
      double value = kNaN;
      if (cell.part) {
        const double part = given.is_missing ? kNaN : cell.part->of(moments[cell.column]);
        value = cell.part->is_epoch() ? part : static_cast<double>(static_cast<float>(part));
      } else if (cell.from_column) {
        const RowCell& from = in[*cell.from_column];
        if (!given.is_missing && !from.is_missing) value = seconds_between(from.time, given.time);
      } else if (cell.origin && !given.is_missing) {
        value = days_between(*cell.origin, given.time);
      }
      out[i].number = value;
    }
  }

 private:
  // A part of a column, the time since another one, or that since a day.
  struct Cell {
    std::size_t column = 0;
    std::optional<Part> part = {};
    std::optional<std::size_t> from_column = {};
    std::optional<std::int64_t> origin = {};
  };
  std::vector<Cell> cells_;
};

std::unique_ptr<RowStep> DateParts::row_step(const data::Frame& inputs) const {
  return std::make_unique<Row>(*this, inputs);
}

}  // namespace

TransformerInfo date_parts_info() {
  return describe<DateParts>(
      "date_parts", "Turn dates and timestamps into numbers: year, month, ..., epoch.", "time",
      ParamTable<DatePartsParams>()
          .param(
              "parts", &DatePartsParams::parts,
              "Which: a list of year, quarter, month, week, day, weekday, hour, minute, second, day_of_year, "
              "is_weekend, is_month_start, is_month_end, epoch.")
          .param("cyclic", &DatePartsParams::cyclic, "Add sine and cosine of each of the cycles.")
          .param("cycles", &DatePartsParams::cycles,
                 "Which: a list of second, minute, hour, weekday, day_of_month, month, day (of the year).")
          .param("since", &DatePartsParams::since,
                 "Add the days since this day (2024-02-29), or since the \"first\" of the training rows.")
          .param("differences", &DatePartsParams::differences,
                 "Add the seconds between each pair of time columns.")
          .param("drop_constant", &DatePartsParams::drop_constant,
                 "Leave out parts that have one value in the training rows."));
}

}  // namespace kolosal::transform
