#include "kolosal/infer/exporters/described_dates.hpp"

#include <map>
#include <optional>
#include <string>

#include "kolosal/core/error.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::infer::exporters {
namespace {

constexpr double kSecondsPerDay = 86400;

/// The parts of a moment by whole-number arithmetic in doubles, in the proleptic Gregorian calendar (Hinnant,
/// "chrono-compatible low-level date algorithms"): years that begin in March have their leap day last.
class Calendar {
 public:
  struct Term {
    double factor;
    ValueId value;
  };

  Calendar(ModelDescriber& to, std::string name, ValueId seconds)
      : to_(to), name_(std::move(name)), seconds_(seconds) {}

  std::map<std::string, ValueId> parts() {
    const ValueId day = quotient(seconds_, kSecondsPerDay);
    const ValueId rest = sum({{1, seconds_}, {-kSecondsPerDay, day}});
    std::map<std::string, ValueId> out;
    add_times(out, day, rest);
    add_days(out, day);
    add_cycles(out, rest);
    return out;
  }

 private:
  ValueId sum(const std::vector<Term>& terms, double constant = 0) {
    LinearOperation op{.intercept = {constant}, .first_out = to_.add_number(name_)};
    for (const Term& term : terms) {
      op.features.push_back(term.value);
      op.coefficient.push_back(term.factor);
    }
    const ValueId out = op.first_out;
    to_.add(std::move(op));
    return out;
  }
  ValueId quotient(ValueId x, double divisor) { return to_.apply(CellFunction::kQuotient, x, divisor); }
  ValueId above(ValueId x, double limit) { return to_.apply(CellFunction::kAbove, x, limit); }
  ValueId both(ValueId a, ValueId b) { return above(sum({{1, a}, {1, b}}), 1.5); }
  ValueId negated(ValueId flag) { return sum({{-1, flag}}, 1); }
  ValueId rest_of(ValueId x, double divisor) { return sum({{1, x}, {-divisor, quotient(x, divisor)}}); }
  /// Whether a whole number is `value`.
  ValueId equals(ValueId x, double value) {
    return sum({{1, above(x, value - 0.5)}, {-1, above(x, value + 0.5)}});
  }

  void add_times(std::map<std::string, ValueId>& out, ValueId day, ValueId rest) {
    const ValueId minutes = quotient(rest, 60), hour = quotient(rest, 3600);
    out["hour"] = hour;
    out["minute"] = sum({{1, minutes}, {-60, hour}});
    out["second"] = sum({{1, quotient(rest, 1)}, {-60, minutes}});
    out["epoch"] = sum({{1, day}, {1, to_.apply(CellFunction::kScale, rest, 0, kSecondsPerDay)}});
  }

  void add_days(std::map<std::string, ValueId>& out, ValueId day) {
    const ValueId shifted = sum({{1, day}}, 719468);  // since 0000-03-01
    const ValueId era = quotient(shifted, 146097);
    const ValueId day_of_era = sum({{1, shifted}, {-146097, era}});
    const ValueId year_of_era = quotient(sum({{1, day_of_era},
                                              {-1, quotient(day_of_era, 1460)},
                                              {1, quotient(day_of_era, 36524)},
                                              {-1, quotient(day_of_era, 146096)}}),
                                         365);
    const ValueId march_day = sum({{1, day_of_era},
                                   {-365, year_of_era},
                                   {-1, quotient(year_of_era, 4)},
                                   {1, quotient(year_of_era, 100)}});
    const ValueId march_month = quotient(sum({{5, march_day}}, 2), 153);
    const ValueId is_next_year = above(march_month, 9.5);  // January, February
    const ValueId year = sum({{1, year_of_era}, {400, era}, {1, is_next_year}});
    const ValueId leap = is_leap(year);
    const ValueId month = sum({{1, march_month}, {-12, is_next_year}}, 3);
    const ValueId day_of_month = sum({{1, march_day}, {-1, month_start(march_month, 0)}}, 1);
    const ValueId is_later_leap = both(leap, negated(is_next_year));
    const ValueId day_of_year = sum({{1, march_day}, {-365, is_next_year}, {1, is_later_leap}}, 60);
    const ValueId weekday = rest_of(sum({{1, day}}, 3), 7);
    const ValueId is_february = above(march_month, 10.5);
    const ValueId is_long_february = both(is_february, leap);
    const ValueId last_day =
        sum({{1, month_start(march_month, 1)}, {-2, is_february}, {1, is_long_february}}, -1);
    out["year"] = year;
    out["quarter"] = quotient(sum({{1, month}}, 2), 3);
    out["month"] = month;
    out["week"] = week(year, day_of_year, weekday);
    out["day"] = day_of_month;
    out["weekday"] = weekday;
    out["day_of_year"] = day_of_year;
    out["is_weekend"] = above(weekday, 4.5);
    out["is_month_start"] = negated(above(day_of_month, 1.5));
    out["is_month_end"] = negated(above(sum({{1, last_day}, {-1, march_day}}), 0.5));
  }

  /// <cycle>_sin and _cos: where the moment is in the cycle, 0 at its start and 1 at its end.
  void add_cycles(std::map<std::string, ValueId>& out, ValueId rest) {
    const ValueId midnight = share(rest, 0, kSecondsPerDay);
    const std::pair<const char*, ValueId> cycles[] = {
        {"second", share(rest_of(rest, 60), 0, 60)},
        {"minute", share(rest_of(rest, 3600), 0, 3600)},
        {"hour", midnight},
        {"weekday", share(sum({{1, out.at("weekday")}, {1, midnight}}), 0, 7)},
        {"day_of_month", share(out.at("day"), 1, 31)},
        {"month", share(out.at("month"), 1, 12)},
        {"day", share(out.at("day_of_year"), 1, 365.25)}};
    for (const auto& [cycle, place] : cycles) {
      out[fmt::format("{}_sin", cycle)] = as_float(to_.apply(CellFunction::kSineOfTurns, place));
      out[fmt::format("{}_cos", cycle)] = as_float(to_.apply(CellFunction::kCosineOfTurns, place));
    }
  }

  ValueId share(ValueId x, double start, double length) {
    return to_.apply(CellFunction::kScale, x, start, length);
  }
  ValueId as_float(ValueId x) { return to_.apply(CellFunction::kFloat, x); }

  /// The first day of a month, or of one after it, by days since March 1st.
  ValueId month_start(ValueId march_month, double later) {
    return quotient(sum({{153, march_month}}, 153 * later + 2), 5);
  }

  ValueId is_leap(ValueId year) {
    const ValueId before = sum({{1, year}}, -1);
    // A multiple of n is the year at which the quotient rises.
    return sum({{1, quotient(year, 4)},
                {-1, quotient(before, 4)},
                {-1, quotient(year, 100)},
                {1, quotient(before, 100)},
                {1, quotient(year, 400)},
                {-1, quotient(before, 400)}});
  }

  /// The weekday of December 31st, 0 for Sunday.
  ValueId last_weekday(ValueId year) {
    return rest_of(
        sum({{1, year}, {1, quotient(year, 4)}, {-1, quotient(year, 100)}, {1, quotient(year, 400)}}), 7);
  }
  ValueId has_53_weeks(ValueId year) {
    const ValueId before = sum({{1, year}}, -1);
    return above(sum({{1, equals(last_weekday(year), 4)}, {1, equals(last_weekday(before), 3)}}), 0.5);
  }

  /// By ISO 8601: days before the first week belong to the last of the year before, those after the last one
  /// to week 1.
  ValueId week(ValueId year, ValueId day_of_year, ValueId weekday) {
    const ValueId raw = quotient(sum({{1, day_of_year}, {-1, weekday}}, 9), 7);  // 0 ... 53
    const ValueId is_early = negated(above(raw, 0.5));
    const ValueId is_late = both(above(raw, 52.5), negated(has_53_weeks(year)));
    const ValueId is_long = both(is_early, has_53_weeks(sum({{1, year}}, -1)));
    return sum({{1, raw}, {52, is_early}, {1, is_long}, {-52, is_late}});
  }

  ModelDescriber& to_;
  std::string name_;
  ValueId seconds_;
};

/// What elapsed days are counted from, in seconds.
std::optional<double> origin_of(const transform::Transformer& step, const artifact::Node& state,
                                std::size_t column) {
  const std::string since = to_string(step.all_params().at("since"));
  if (since.empty()) return std::nullopt;
  if (since == "first") return seconds_of(state.get_vector<std::int64_t>("first").at(column));
  const auto day = data::parse_timestamp(since);
  return day ? std::optional(seconds_of(*day)) : std::nullopt;
}

}  // namespace

std::vector<DescribedColumn> describe_date_parts(ModelDescriber& to, const transform::Transformer& step,
                                                 const DescribedTable& inputs, const data::Frame& made) {
  artifact::Node node;
  step.save(node);
  std::map<std::string, ValueId> known;
  const auto& columns = inputs.columns;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::string& name = columns[c].name;
    for (const auto& [part, value] : Calendar(to, name, columns[c].values.at(0)).parts())
      known[name + "_" + part] = value;
    if (const auto origin = origin_of(step, node.child("state"), c))
      known[name + "_elapsed_days"] =
          to.apply(CellFunction::kScale, columns[c].values[0], *origin, kSecondsPerDay);
    for (std::size_t a = 0; a < c; ++a) {
      const std::string difference = fmt::format("{}_minus_{}_seconds", name, columns[a].name);
      known[difference] =
          to.combine(CellFunction::kMinus, columns[c].values[0], columns[a].values[0], difference);
    }
  }
  std::vector<DescribedColumn> out;
  for (const std::string& name : made.names()) {
    const auto found = known.find(name);
    if (found == known.end())
      throw Error(ErrorCode::kUnsupported,
                  "can not export: step date_parts makes \"{}\", which has no exported form; train with a "
                  "learner of trees, or use the model by kolosal.h",
                  name);
    out.push_back({name, {found->second}});
  }
  return out;
}

}  // namespace kolosal::infer::exporters
