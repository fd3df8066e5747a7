#include "kolosal/cli/profile_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <numeric>

#include "kolosal/cli/text_table.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/profile/ranking.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::cli {
namespace {

using namespace profile;
using service::FileProfile;

constexpr std::size_t kIndent = 2;
constexpr std::size_t kHeadWidth = 11;  // "target     "
constexpr std::size_t kShapeWidth = 10;
constexpr std::size_t kMaxFindings = 40;
constexpr std::size_t kMaxPairs = 8;
constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/// Words in lines that fit, the lines after the first behind `indent` blanks; the first starts at `column`.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t column, std::size_t width) {
  std::string out;
  bool is_first = true;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const std::size_t n = shown_width(std::string(word));
    if (!is_first && column + 1 + n > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!is_first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += n;
    is_first = false;
  }
  return out;
}

/// "target     text", with the following lines under the text.
std::string headed(std::string_view head, std::string_view text, std::size_t width) {
  return fmt::format("{:<{}}{}\n", head, kHeadWidth, wrapped(text, kHeadWidth, kHeadWidth, width));
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t n = shown_width(text);
  return n < width ? text + std::string(width - n, ' ') : text;
}

std::string bar(double share, std::size_t width) {
  const auto n = static_cast<std::size_t>(std::lround(share * static_cast<double>(width)));
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += kBars.back();
  return n == 0 && share > 0 ? std::string(kBars.front()) : out;
}

/// Counts as a row of bars, as high as their share of the largest; a blank is none at all.
std::string sparkline(const std::vector<double>& counts) {
  const double most = counts.empty() ? 0 : *std::ranges::max_element(counts);
  std::string out;
  for (const double count : counts) {
    const auto level = static_cast<std::size_t>(std::floor(count / most * 7.999));
    out += count > 0 ? kBars[std::min<std::size_t>(level, 7)] : std::string_view(" ");
  }
  return out;
}

/// A share in at most 7 characters.
std::string cell_share(double share) {
  if (share > 0 && share < 0.001) return "<0.1 %";
  return share > 0.999 && share < 1 ? ">99.9 %" : share_text(share);
}

std::string shape(const ColumnProfile& column) {
  std::vector<double> counts;
  if (column.numbers && !column.numbers->histogram.counts.empty() && column.type != data::ColumnType::kBool) {
    const auto& bins = column.numbers->histogram.counts;
    const std::size_t n = std::min(kShapeWidth, bins.size());
    for (std::size_t i = 0; i < n; ++i) {  // means: not all bars stand for as many bins
      const std::size_t begin = i * bins.size() / n, end = (i + 1) * bins.size() / n;
      double sum = 0;
      for (std::size_t k = begin; k < end; ++k) sum += static_cast<double>(bins[k]);
      counts.push_back(sum / static_cast<double>(end - begin));
    }
  } else if (column.kind == Kind::kCategory) {
    for (std::size_t i = 0; i < column.top_levels.size() && i < kShapeWidth; ++i)
      counts.push_back(static_cast<double>(column.top_levels[i].n));
  }
  return sparkline(counts);
}

/// The first text that fits; the last one cut when none does.
std::string fitting(std::initializer_list<std::string> texts, std::size_t width) {
  for (const std::string& text : texts)
    if (shown_width(text) <= width) return text;
  return short_text(*(texts.end() - 1), width);
}

/// What the column holds, in a few words: the median and the range, or the most frequent level.
std::string typical(const ColumnProfile& column, std::size_t width) {
  if (column.numbers && column.numbers->n > 0 && column.type != data::ColumnType::kBool) {
    const NumberSummary& numbers = *column.numbers;
    if (is_time(column.type)) {
      const std::string low = value_text(numbers.minimum, data::ColumnType::kDate);
      const std::string high = value_text(numbers.maximum, data::ColumnType::kDate);
      const auto range = [&](std::size_t n) { return low.substr(0, n) + " .. " + high.substr(0, n); };
      return fitting({range(10), range(7), range(4)}, width);
    }
    const std::string middle = number_text(numbers.median());
    const std::string range = number_text(numbers.minimum) + " .. " + number_text(numbers.maximum);
    return fitting({fmt::format("{} in {}", middle, range), range, middle}, width);
  }
  if (column.top_levels.empty())
    return column.text && column.text->n_sampled ? fmt::format("{:.0f} letters", column.text->mean_length)
                                                 : "";
  const auto n = static_cast<double>(std::max<std::size_t>(1, column.n_present()));
  const std::string percent = cell_share(static_cast<double>(column.top_levels[0].n) / n);
  return fmt::format("{} {}", short_text(column.top_levels[0].level, width - percent.size() - 1), percent);
}

std::string_view mark(Severity severity) {
  return severity == Severity::kProblem ? "!!" : severity == Severity::kWarning ? " !" : "  ";
}

std::string name_of(const ColumnProfile& column, std::size_t most) {
  return short_text((column.is_target ? "* " : "") + column.name, most);
}

// ---- the parts of the page --------------------------------------------------------------------------------

std::string title(const std::filesystem::path& path, const FileProfile& profile, std::size_t width) {
  const TableProfile& table = profile.table;
  std::string format = profile.read.format;
  if (!profile.read.compression.empty()) format += ", " + profile.read.compression;
  return headed(
      "table",
      fmt::format("{} ({}): {} x {}, {} in memory", path.string(), format, plural(table.n_rows, "row"),
                  plural(table.columns.size(), "column"), format_bytes(table.n_bytes)),
      width);
}

std::string target_part(const TableProfile& table, std::size_t width) {
  if (!table.target) return "";
  const TargetSummary& target = *table.target;
  const ColumnProfile& column = table.columns[target.column];
  if (!target.is_usable) return headed("target", column.name + ": can not be used as a target", width);
  std::string out = headed(
      "target", fmt::format("{}: {} ({})", column.name, data::task_name(target.task), target.task_reason),
      width);
  std::vector<LevelCount> classes = target.classes;
  if (classes.size() > 2) std::ranges::stable_sort(classes, std::greater<>(), &LevelCount::n);
  std::size_t name_width = 0;
  for (LevelCount& level : classes)
    name_width = std::max(name_width, shown_width(level.level = short_text(level.level, 24)));
  constexpr std::size_t kShown = 8;
  const auto share_of = [&](const LevelCount& level) {
    return static_cast<double>(level.n) / static_cast<double>(column.n_present());
  };
  std::size_t count_width = 1, share_width = 4;
  for (const LevelCount& level : classes) {
    count_width = std::max(count_width, count_text(level.n).size());
    share_width = std::max(share_width, share_text(share_of(level)).size());
  }
  for (std::size_t i = 0; i < classes.size() && i < kShown; ++i) {
    const double share = share_of(classes[i]);
    out += fmt::format("{:<{}}{}  {:>{}}  {:>{}}  {}\n", "", kHeadWidth, padded(classes[i].level, name_width),
                       count_text(classes[i].n), count_width, share_text(share), share_width,
                       bar(share, width - kHeadWidth - name_width - count_width - share_width - 6));
  }
  if (classes.size() > kShown)
    out += fmt::format("{:<{}}and {} smaller classes\n", "", kHeadWidth, classes.size() - kShown);
  return out;
}

std::string missing_part(const TableProfile& table, std::size_t width) {
  if (table.missing.n_cells == 0) return table.n_rows > 0 ? headed("missing", "nothing", width) : "";
  const std::size_t n_rows = table.n_rows - table.missing.n_complete_rows;
  std::string text =
      fmt::format("{} in {} ({})", plural(table.missing.n_cells, "cell"), plural(n_rows, "row"),
                  share_text(static_cast<double>(n_rows) / static_cast<double>(table.n_rows)));
  std::vector<const ColumnProfile*> columns;
  for (const ColumnProfile& column : table.columns)
    if (column.n_missing > 0) columns.push_back(&column);
  std::ranges::stable_sort(columns, std::greater<>(), &ColumnProfile::n_missing);
  for (std::size_t i = 0; i < columns.size() && i < 5; ++i)
    text += fmt::format("{} {} {}", i == 0 ? ":" : ",", short_text(columns[i]->name, 24),
                        share_text(columns[i]->missing_share()));
  if (columns.size() > 5) text += fmt::format(", {} more columns", columns.size() - 5);
  return headed("missing", text, width);
}

std::string columns_part(const TableProfile& table, const std::vector<std::size_t>& shown,
                         std::size_t width) {
  std::size_t name_width = 6;
  for (const std::size_t i : shown)
    name_width = std::max(name_width, shown_width(table.columns[i].name) + 2 * table.columns[i].is_target);
  name_width = std::min(name_width, width >= 110 ? std::size_t{30} : std::size_t{20});
  const bool has_power = table.target && table.target->is_usable;
  const std::size_t used =
      kIndent + name_width + 2 + 9 + 2 + 8 + 2 + 9 + 2 + kShapeWidth + 2 + (has_power ? 7 : 0);
  const std::size_t left = width > used + 12 ? width - used : 12;
  const std::size_t typical_width = std::min<std::size_t>(left, left > 60 ? 30 : 34);
  const bool has_reasons = left >= typical_width + 24;
  std::vector<std::string> head = {"column", "type", "missing", "distinct", "shape", "typical"};
  if (has_power) head.emplace_back("power");
  if (has_reasons) head.emplace_back("because");
  TextTable text(head);
  for (const std::size_t i : shown) {
    const ColumnProfile& column = table.columns[i];
    std::vector<std::string> row = {
        name_of(column, name_width),
        std::string(column.kind == Kind::kIdentifier ? "id" : data::type_name(column.type)),
        column.n_missing ? cell_share(column.missing_share()) : "-",
        (column.distinct_error > 0 ? "~" : "") + count_text(column.n_distinct),
        shape(column),
        typical(column, typical_width)};
    if (has_power) row.push_back(column.target ? fmt::format("{:.2f}", column.target->power) : "-");
    if (has_reasons) row.push_back(short_text(column.type_reason, left - typical_width - 2));
    text.add(std::move(row));
  }
  return text.text(kIndent);
}

std::string pairs_part(const TableProfile& table, std::size_t width) {
  std::string out;
  std::size_t n = 0;
  for (const Association* pair : strongest_pairs(table, 0.5)) {
    if (++n > kMaxPairs) break;
    std::string number;
    if (pair->measure == Measure::kPearson)
      number = fmt::format("correlation {:.2f}, by rank {:.2f}", pair->value, pair->rank_value);
    else
      number = fmt::format("{} {:.2f}", pair->measure == Measure::kCramersV ? "Cramer's V" : "eta",
                           pair->adjusted);
    const std::size_t most = (width - kIndent - 36) / 2;
    out += fmt::format("{:<{}}{}  {}\n", "", kIndent,
                       padded(fmt::format("{} - {}", short_text(table.columns[pair->a].name, most),
                                          short_text(table.columns[pair->b].name, most)),
                              std::min<std::size_t>(2 * most + 3, 44)),
                       number);
  }
  return out.empty() ? "" : "\ngo together\n" + out;
}

std::string findings_part(const TableProfile& table, std::size_t width, Severity least) {
  const std::vector<Finding> findings = ranked_findings(table);
  std::size_t name_width = 5;
  const std::size_t most = width >= 110 ? 30 : 18;
  for (const Finding& finding : findings)
    if (finding.severity >= least)
      name_width = std::max(name_width, std::min(most, shown_width(finding.subject)));
  std::string out;
  std::size_t n = 0;
  for (const Finding& finding : findings) {
    if (finding.severity < least || ++n > kMaxFindings) continue;
    const std::size_t column = 3 + name_width + 2;
    out += fmt::format("{} {}  {}\n", mark(finding.severity),
                       padded(short_text(finding.subject, name_width), name_width),
                       wrapped(finding.text, column, column, width));
  }
  if (n > kMaxFindings) out += fmt::format("   and {} more: --json has all\n", n - kMaxFindings);
  return out.empty() ? "" : "\nworth a look\n" + out;
}

std::string notes_part(const FileProfile& profile, std::size_t width) {
  std::string out;
  for (const auto* notes : {&profile.table.notes, &profile.read.notes})
    for (const std::string& text : *notes) out += fmt::format("\nnote: {}\n", wrapped(text, 6, 6, width));
  return out;
}

}  // namespace

std::string profile_page(const std::filesystem::path& path, const FileProfile& profile,
                         const ProfilePage& page) {
  const TableProfile& table = profile.table;
  const std::size_t width = std::max<std::size_t>(page.width, 60);
  std::string out = title(path, profile, width) + target_part(table, width) + missing_part(table, width);
  const std::vector<std::size_t> shown = most_remarkable(table, page.max_columns);
  if (!shown.empty()) out += "\n" + columns_part(table, shown, width);
  if (shown.size() < table.columns.size())
    out += fmt::format("{:<{}}and {} less remarkable columns; --max-columns shows more, --json has all\n", "",
                       kIndent, count_text(table.columns.size() - shown.size()));
  return out + pairs_part(table, width) + findings_part(table, width, Severity::kNote) +
         notes_part(profile, width);
}

std::string table_overview(const std::filesystem::path& path, const FileProfile& profile) {
  constexpr std::size_t kWidth = 120, kCell = 24;
  const TableProfile& table = profile.table;
  TextTable text({"column", "type", "missing", "distinct", "minimum", "maximum", "most frequent", "because"});
  for (const ColumnProfile& column : table.columns) {
    const bool has_range = column.numbers && column.numbers->n > 0 && column.type != data::ColumnType::kBool;
    const auto value = [&](double v) {
      return has_range ? short_text(exact_text(v, column.type), kCell) : std::string();
    };
    text.add({column.name, std::string(data::type_name(column.type)), fmt::format("{}", column.n_missing),
              fmt::format("{}", column.n_distinct), value(has_range ? column.numbers->minimum : 0),
              value(has_range ? column.numbers->maximum : 0),
              has_range || column.top_levels.empty() ? "" : short_text(column.top_levels[0].level, kCell),
              column.type_reason});
  }
  return title(path, profile, kWidth) + "\n" + (table.columns.empty() ? "" : text.text()) +
         findings_part(table, kWidth, Severity::kWarning) + notes_part(profile, kWidth);
}

}  // namespace kolosal::cli
