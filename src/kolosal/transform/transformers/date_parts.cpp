#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct DatePartsParams {
  std::string parts = "year,month,day,weekday,hour,minute,day_of_year,epoch";
  bool cyclic = false;
  bool differences = false;
  bool drop_constant = true;
};

constexpr std::int64_t kNsPerDay = 86'400'000'000'000;
constexpr std::size_t kMaxDifferenceColumns =
    8;  // 28 pairs; a table with more time columns gives those of the first 8
const std::vector<std::string> kParts = {"year",   "month",  "day",         "weekday", "hour",
                                         "minute", "second", "day_of_year", "epoch"};
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Moment {
  std::int64_t day = 0;  // since 1970-01-01
  std::int64_t ns = 0;   // within the day, 0 <= ns < kNsPerDay
  std::int64_t year = 1970, month = 1, day_of_month = 1, day_of_year = 1;
};

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
  const bool leap = out.year % 4 == 0 && (out.year % 100 != 0 || out.year % 400 == 0);
  constexpr std::int64_t kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  out.day_of_year = kBefore[out.month - 1] + out.day_of_month + (leap && out.month > 2 ? 1 : 0);
  return out;
}

double day_turn(const Moment& m) {
  return 2 * std::numbers::pi * static_cast<double>(m.ns) / static_cast<double>(kNsPerDay);
}
double year_turn(const Moment& m) {
  return 2 * std::numbers::pi * static_cast<double>(m.day_of_year - 1) / 365.25;
}

using PartFunction = double (*)(const Moment&);

PartFunction part_function(std::string_view part) {
  if (part == "year") return [](const Moment& m) { return static_cast<double>(m.year); };
  if (part == "month") return [](const Moment& m) { return static_cast<double>(m.month); };
  if (part == "day") return [](const Moment& m) { return static_cast<double>(m.day_of_month); };
  if (part == "weekday")
    return [](const Moment& m) { return static_cast<double>(((m.day + 3) % 7 + 7) % 7); };
  if (part == "hour") return [](const Moment& m) { return static_cast<double>(m.ns / 3'600'000'000'000); };
  if (part == "minute")
    return [](const Moment& m) { return static_cast<double>(m.ns / 60'000'000'000 % 60); };
  if (part == "second") return [](const Moment& m) { return static_cast<double>(m.ns / 1'000'000'000 % 60); };
  if (part == "day_of_year") return [](const Moment& m) { return static_cast<double>(m.day_of_year); };
  if (part == "epoch")
    return [](const Moment& m) {
      return static_cast<double>(m.day) + static_cast<double>(m.ns) / static_cast<double>(kNsPerDay);
    };
  if (part == "hour_sin") return [](const Moment& m) { return std::sin(day_turn(m)); };
  if (part == "hour_cos") return [](const Moment& m) { return std::cos(day_turn(m)); };
  if (part == "day_sin") return [](const Moment& m) { return std::sin(year_turn(m)); };
  KOLOSAL_ASSERT(part == "day_cos", "parts are checked by the constructor");
  return [](const Moment& m) { return std::cos(year_turn(m)); };
}

/// Numbers out of dates and timestamps: <name>_year, _month (1-12), _day (1-31), _weekday (0 = Monday),
/// _hour, _minute, _second, _day_of_year (1-366), _epoch (days since 1970 with their fraction, as float64).
///
///   cyclic:      sine and cosine of the hour of the day and of the day of the year;
///   differences: <b>_minus_<a>_seconds for each pair of time columns, in their order (the first 8 columns).
///
/// Types:   date, timestamp; parts become float32, the epoch and differences float64. A date has no hour,
/// minute, second. Missing: NaN in every part. Edge:    with drop_constant, a part that has one value in the
/// fitted rows is not made (stateless without).
class DateParts final : public Transformer {
 public:
  explicit DateParts(DatePartsParams params) : params_(std::move(params)) {
    for (auto& part : split_list(params_.parts)) {
      if (std::ranges::find(kParts, part) == kParts.end())
        throw Error(ErrorCode::kInvalidParameter, "date_parts: \"{}\" is no part of a date; parts are {}",
                    part, fmt::join(kParts, ", "));
      parts_.push_back(std::move(part));
    }
    if (params_.cyclic) parts_.insert(parts_.end(), {"hour_sin", "hour_cos", "day_sin", "day_cos"});
  }
  bool is_stateless() const override { return !params_.drop_constant; }

 private:
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "date_parts", "time");
    dropped_.clear();
    if (!params_.drop_constant) return;
    const auto made = all_parts(x, context);
    std::vector<std::uint8_t> constant(made.size());
    context.parallel_blocks(made.size(), 1, [&](std::size_t i, std::size_t) {
      const Numbers cells(made[i].column);
      double first = kNaN;
      constant[i] = 1;
      for (const std::uint32_t row : rows) {
        if (std::isnan(cells[row])) continue;
        if (std::isnan(first)) first = cells[row];
        if (cells[row] != first) {
          constant[i] = 0;
          break;
        }
      }
    });
    for (std::size_t i = 0; i < made.size(); ++i)
      if (constant[i]) dropped_.push_back(made[i].name);
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    auto made = all_parts(x, context);
    std::erase_if(made,
                  [&](const Named& n) { return std::ranges::find(dropped_, n.name) != dropped_.end(); });
    return made;
  }

  void do_save(artifact::Node& node) const override { node.set("dropped", dropped_); }
  void do_load(const artifact::Node& node) override { dropped_ = node.get_strings("dropped"); }

  std::vector<Named> all_parts(const data::Frame& x, const Context& context) const;
  std::vector<Named> parts_of(const std::string& name, const Column& column, const Context& context) const;
  static std::vector<Named> differences_of(const data::Frame& x, const Context& context);

  DatePartsParams params_;
  std::vector<std::string> parts_;
  std::vector<std::string> dropped_;  // names of parts that were constant
};

std::vector<Transformer::Named> DateParts::parts_of(const std::string& name, const Column& column,
                                                    const Context& context) const {
  std::vector<std::string> parts = parts_;
  if (column.type() == ColumnType::kDate)
    std::erase_if(parts, [](const std::string& p) {
      return p == "hour" || p == "minute" || p == "second" || p == "hour_sin" || p == "hour_cos";
    });
  const auto ns = column.int64s();
  std::vector<PartFunction> functions;
  for (const auto& part : parts) functions.push_back(part_function(part));
  std::vector<std::vector<float>> floats(parts.size());
  std::vector<double> epoch;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (parts[p] == "epoch")
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
        const bool is_epoch = parts[p] == "epoch";
        for (std::size_t i = 0; i < n; ++i) {
          const bool missing = column.valid_bits() && column.is_missing(run + i);
          const double value = missing ? kNaN : functions[p](moments[i]);
          if (is_epoch)
            epoch[run + i] = value;
          else
            floats[p][run + i] = static_cast<float>(value);
        }
      }
    }
  });
  std::vector<Named> out;
  for (std::size_t p = 0; p < parts.size(); ++p)
    out.push_back({name + "_" + parts[p], parts[p] == "epoch" ? Column::from_float64(std::move(epoch))
                                                              : Column::from_float32(std::move(floats[p]))});
  return out;
}

std::vector<Transformer::Named> DateParts::differences_of(const data::Frame& x, const Context& context) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  const std::size_t n = std::min(x.n_columns(), kMaxDifferenceColumns);
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = a + 1; b < n; ++b) pairs.emplace_back(a, b);
  std::vector<Named> out(pairs.size());
  context.parallel_blocks(pairs.size(), 1, [&](std::size_t i, std::size_t) {
    const auto [a, b] = pairs[i];
    const auto from = x.column(a).int64s(), to = x.column(b).int64s();
    std::vector<double> cells(x.n_rows());
    for (std::size_t row = 0; row < cells.size(); ++row) {
      // Not to - from: two far moments differ by more than 64 bits hold.
      cells[row] = static_cast<double>(to[row] / 1'000'000'000 - from[row] / 1'000'000'000) +
                   static_cast<double>(to[row] % 1'000'000'000 - from[row] % 1'000'000'000) * 1e-9;
      if (x.column(a).is_missing(row) || x.column(b).is_missing(row)) cells[row] = kNaN;
    }
    out[i] = {fmt::format("{}_minus_{}_seconds", x.name(b), x.name(a)),
              Column::from_float64(std::move(cells))};
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

}  // namespace

TransformerInfo date_parts_info() {
  return describe<DateParts>(
      "date_parts", "Turn dates and timestamps into numbers: year, month, ..., epoch.", "time",
      ParamTable<DatePartsParams>()
          .param("parts", &DatePartsParams::parts,
                 "Which: a list of year, month, day, weekday, hour, minute, second, day_of_year, epoch.")
          .param("cyclic", &DatePartsParams::cyclic,
                 "Add sine and cosine of the hour and of the day of the year.")
          .param("differences", &DatePartsParams::differences,
                 "Add the seconds between each pair of time columns.")
          .param("drop_constant", &DatePartsParams::drop_constant,
                 "Leave out parts that have one value in the training rows."));
}

}  // namespace kolosal::transform
