#include "kolosal/profile/html_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "kolosal/core/memory.hpp"
#include "kolosal/core/version.hpp"
#include "kolosal/profile/html_plots_internal.hpp"
#include "kolosal/profile/html_style_internal.hpp"
#include "kolosal/profile/ranking.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

using data::Task;

constexpr std::size_t kShownFindings = 15, kMaxFindings = 300;
constexpr std::size_t kMaxMissingColumns = 40, kMaxPairedColumns = 40, kMaxPowerColumns = 30, kMaxPairs = 15;

template <typename... Args>
void add(std::string& out, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
}

void tile(std::string& out, const std::string& value, std::string_view what) {
  add(out, "<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", escaped(value), escaped(what));
}

double share(std::size_t part, std::size_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string heading(const TableProfile& profile, const HtmlOptions& options) {
  std::string out;
  add(out, "<h1>{}</h1>\n<p class=\"soft\">{}</p>\n<nav>", escaped(options.title), escaped(options.source));
  add(out, "<a href=\"#findings\">Worth a look</a>");
  if (profile.target) add(out, "<a href=\"#target\">Target</a>");
  add(out, "<a href=\"#columns\">Columns</a><a href=\"#missing\">Missing cells</a>");
  if (!profile.associations.empty()) add(out, "<a href=\"#pairs\">Pairs</a>");
  add(out, "</nav>\n<div class=\"tiles\">\n");
  tile(out, count_text(profile.n_rows), "rows");
  tile(out, count_text(profile.columns.size()), "columns");
  const std::size_t n_cells = profile.n_rows * profile.columns.size();
  tile(out, share_text(share(profile.missing.n_cells, n_cells)), "of the cells are missing");
  tile(out, count_text(profile.n_repeated_rows), "rows repeat an earlier one");
  tile(out, format_bytes(profile.n_bytes), "in memory");
  return out + "</div>\n";
}

std::string findings_section(const TableProfile& profile) {
  const std::vector<Finding> findings = ranked_findings(profile);
  std::string out = "<h2 id=\"findings\">Worth a look</h2>\n";
  if (findings.empty()) return out + "<p class=\"soft\">Nothing suspicious was found.</p>\n";
  out += "<div class=\"card\"><ul class=\"findings\">\n";
  for (std::size_t i = 0; i < findings.size() && i < kMaxFindings; ++i) {
    if (i == kShownFindings)
      add(out, "</ul><details><summary>{} more</summary><ul class=\"findings\">\n",
          count_text(findings.size() - kShownFindings));
    add(out, "<li><span class=\"mark {0}\">{0}</span><b>{1}</b> {2}</li>\n",
        severity_name(findings[i].severity), escaped(short_text(findings[i].subject, 60)),
        escaped(findings[i].text));
  }
  out += findings.size() > kShownFindings ? "</ul></details>" : "</ul>";
  if (findings.size() > kMaxFindings)
    add(out, "<p class=\"soft small\">{} findings are left out here; --json has all.</p>",
        count_text(findings.size() - kMaxFindings));
  return out + "</div>\n";
}

std::string target_section(const TableProfile& profile) {
  if (!profile.target) return "";
  const TargetSummary& target = *profile.target;
  const ColumnProfile& column = profile.columns[target.column];
  std::string out;
  add(out, "<h2 id=\"target\">Target: {}</h2>\n", escaped(column.name));
  if (!target.is_usable) return out + "<p class=\"problem\">It can not be used as a target.</p>\n";
  out += "<div class=\"grid\"><div class=\"card\">";
  add(out, "<header><h3>{}</h3><span class=\"type\">{}</span></header>\n", data::task_name(target.task),
      escaped(target.task_reason));
  std::vector<LevelCount> classes = target.classes;
  if (target.task == Task::kRegression) {
    out += histogram_plot(column);
    add(out, "<p class=\"soft\">mean {}, standard deviation {}, skewness {}</p>",
        number_text(column.numbers->mean), number_text(column.numbers->sd),
        number_text(column.numbers->skewness));
  } else {
    if (classes.size() > 2) std::ranges::stable_sort(classes, std::greater<>(), &LevelCount::n);
    out += level_plot(classes, column.n_present(), 12);
  }
  if (!std::isnan(target.row_autocorrelation))
    add(out,
        "<p class=\"soft\">correlation from row to row {:.2f}, {:.1f} standard deviations from chance</p>",
        target.row_autocorrelation + 0.0, target.row_autocorrelation_z + 0.0);
  out += "</div>\n";
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < profile.columns.size(); ++c)
    if (profile.columns[c].target) columns.push_back(c);
  std::ranges::stable_sort(columns, std::greater<>(),
                           [&](std::size_t c) { return profile.columns[c].target->power; });
  const std::size_t n_all = columns.size();
  columns.resize(std::min(columns.size(), kMaxPowerColumns));
  if (!columns.empty()) {
    add(out,
        "<div class=\"card\" style=\"grid-column: span 2\"><header><h3>What each column alone tells about "
        "it</h3>"
        "<span class=\"type\">out of sample</span></header>\n{}",
        power_plot(profile, columns));
    if (n_all > columns.size())
      add(out, "<p class=\"soft\">and {} weaker columns</p>", count_text(n_all - columns.size()));
    out += "</div>";
  }
  return out + "</div>\n";
}

std::string numbers_line(const ColumnProfile& column) {
  const NumberSummary& numbers = *column.numbers;
  if (numbers.n == 0 || is_time(column.type) || column.type == data::ColumnType::kBool) return "";
  std::string out = fmt::format("mean {}, standard deviation {}, skewness {}", number_text(numbers.mean),
                                number_text(numbers.sd), number_text(numbers.skewness));
  if (numbers.n_far_outliers > 0) out += ", " + plural(numbers.n_far_outliers, "far outlier");
  return out;
}

std::string column_plots(const ColumnProfile& column, const TableProfile& profile) {
  if (column.kind == Kind::kIdentifier) return "";
  if (column.kind == Kind::kConstant && !column.top_levels.empty())
    return fmt::format("<p>always \"{}\"</p>", escaped(short_text(column.top_levels[0].level, 60)));
  const bool is_levels = is_string(column.type) || column.type == data::ColumnType::kBool;
  const auto distribution = [&](std::size_t n) {
    return is_levels ? level_plot(column.top_levels, column.n_present(), n) : histogram_plot(column);
  };
  if (!column.target || column.target->bins.empty()) return distribution(8);
  const TargetSummary& target = *profile.target;
  const std::string& name = profile.columns[target.column].name;
  if (target.task == Task::kMulticlass)
    return distribution(6) + fmt::format("<h4>{}</h4>", escaped("classes of " + short_text(name, 40))) +
           target_plot(column, profile);
  const bool is_share = target.task == Task::kBinary;
  const std::string what = is_share ? fmt::format("share of {} = {}", name, target.classes[1].level)
                                    : fmt::format("mean of {}", name);
  if (is_levels)
    return fmt::format("<h4 class=\"pair\"><span>rows</span><span>{}</span></h4>",
                       escaped(short_text(what, 40))) +
           target_plot(column, profile);
  return distribution(8) +
         fmt::format("<h4>{}: {}</h4>", escaped(short_text(what, 48)), target_range(column, is_share)) +
         target_plot(column, profile);
}

std::string column_head(const ColumnProfile& column) {
  std::string out = "<section class=\"card\">";
  add(out, "<header><h3>{}{}</h3><span class=\"type\">{}{}</span></header>\n",
      escaped(short_text(column.name, 80)), column.is_target ? " <span class=\"soft\">(target)</span>" : "",
      data::type_name(column.type), column.kind == Kind::kIdentifier ? ", identifier" : "");
  add(out, "<p class=\"soft\">{}{} distinct, {} missing", column.distinct_error > 0 ? "about " : "",
      count_text(column.n_distinct), column.n_missing ? share_text(column.missing_share()) : "none");
  if (const std::string line = column.numbers ? numbers_line(column) : ""; !line.empty())
    add(out, "<br>{}", line);
  if (column.type == data::ColumnType::kText && column.text && column.text->n_sampled > 0)
    add(out, "<br>{:.0f} characters and {:.1f} words on average, the longest {}", column.text->mean_length,
        column.text->mean_words, plural(column.text->longest, "character"));
  out += "</p>\n";
  return out;
}

std::string column_card(const ColumnProfile& column, const TableProfile& profile) {
  std::string out = column_head(column) + column_plots(column, profile);
  if (!column.flags.empty()) {
    out += "<ul class=\"flags\">";
    for (const Flag& flag : column.flags)
      add(out, "<li class=\"{}\">{}</li>", severity_name(flag.severity), escaped(flag.text));
    out += "</ul>\n";
  }
  if (!column.type_reason.empty())
    add(out, "<p class=\"soft\">{}: {}</p>", data::type_name(column.type),
        escaped(short_text(column.type_reason, 160)));
  return out + "</section>\n";
}

std::string columns_section(const TableProfile& profile, std::size_t max_columns) {
  std::string out = "<h2 id=\"columns\">Columns</h2>\n";
  const std::vector<std::size_t> shown = most_remarkable(profile, max_columns);
  if (shown.size() < profile.columns.size())
    add(out,
        "<p class=\"soft\">The {} most remarkable of {} columns, in the order of the table; --max-columns "
        "shows more, --json has all.</p>\n",
        count_text(shown.size()), count_text(profile.columns.size()));
  if (profile.target && profile.target->task == Task::kMulticlass) {
    out += "<p class=\"legend small\">";
    for (std::size_t k = 0; k < profile.target->classes.size() && k < 8; ++k)
      add(out, "<span><i style=\"background:{}\"></i>{}</span>", class_colour(k),
          escaped(short_text(profile.target->classes[k].level, 24)));
    if (profile.target->classes.size() > 8)
      add(out, "<span><i style=\"background:{}\"></i>other classes</span>", class_colour(8));
    out += "</p>\n";
  }
  out += "<div class=\"grid\">\n";
  for (const std::size_t c : shown) out += column_card(profile.columns[c], profile);
  return out + "</div>\n";
}

std::string missing_section(const TableProfile& profile) {
  std::string out = "<h2 id=\"missing\">Missing cells</h2>\n";
  const MissingSummary& missing = profile.missing;
  if (missing.n_cells == 0) return out + "<p class=\"soft\">No cell is missing.</p>\n";
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < profile.columns.size(); ++c)
    if (!profile.columns[c].missing_by_rows.empty()) columns.push_back(c);
  const std::size_t n_all = columns.size();
  std::ranges::stable_sort(columns, std::greater<>(),
                           [&](std::size_t c) { return profile.columns[c].n_missing; });
  columns.resize(std::min(columns.size(), kMaxMissingColumns));
  std::ranges::sort(columns);
  add(out,
      "<p class=\"soft\">{} in {} columns; {} of the rows are complete.</p>\n<div class=\"card scroll\">{}",
      plural(missing.n_cells, "cell"), count_text(n_all),
      share_text(share(missing.n_complete_rows, profile.n_rows)), missing_plot(profile, columns));
  if (columns.size() < n_all)
    add(out, "<p class=\"soft small\">The {} columns with the most missing cells.</p>", columns.size());
  out +=
      "</div>\n<div class=\"card\" style=\"margin-top:14px\"><h3>What is missing together</h3>\n<table "
      "class=\"plain\">\n";
  for (const MissingPattern& pattern : missing.patterns) {
    std::string names;
    for (std::size_t i = 0; i < pattern.columns.size() && i < 8; ++i)
      names += (i ? ", " : "") + short_text(profile.columns[pattern.columns[i]].name, 30);
    if (pattern.columns.size() > 8) names += fmt::format(" and {} more", pattern.columns.size() - 8);
    add(out, "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
        names.empty() ? "<span class=\"soft\">nothing: complete rows</span>" : escaped(names),
        plural(pattern.n_rows, "row"), share_text(share(pattern.n_rows, profile.n_rows)));
  }
  out += "</table>";
  if (missing.n_patterns > missing.patterns.size())
    add(out, "<p class=\"soft small\">and {} rarer patterns</p>",
        count_text(missing.n_patterns - missing.patterns.size()));
  return out + "</div>\n";
}

std::string pairs_section(const TableProfile& profile) {
  if (profile.associations.empty()) return "";
  std::string out = "<h2 id=\"pairs\">Columns that go together</h2>\n";
  std::vector<std::size_t> columns = profile.associated_columns;
  if (columns.size() > kMaxPairedColumns) {
    // Those of the strongest pairs.
    columns.clear();
    for (const Association* pair : strongest_pairs(profile, 0))
      for (const std::size_t c : {pair->a, pair->b})
        if (columns.size() < kMaxPairedColumns && std::ranges::find(columns, c) == columns.end())
          columns.push_back(c);
    std::ranges::sort(columns);
    add(out, "<p class=\"soft\">The {} columns of the strongest pairs among {}.</p>\n", columns.size(),
        profile.associated_columns.size());
  }
  add(out,
      "<p class=\"soft small\">Two numbers: Pearson's correlation; a category and a number: correlation "
      "ratio; two categories: Cramér's V; "
      "both corrected for what many levels reach by chance. Blue: together, orange: against each other. From "
      "{}.</p>\n",
      plural(profile.n_association_rows, "row"));
  add(out, "<div class=\"card scroll\">{}</div>\n", association_plot(profile, columns));
  const auto strongest = strongest_pairs(profile, 0.3);
  if (strongest.empty()) return out;
  out +=
      "<div class=\"card\" style=\"margin-top:14px\"><h3>The strongest pairs</h3><table class=\"plain\">\n";
  for (std::size_t i = 0; i < strongest.size() && i < kMaxPairs; ++i) {
    const Association& pair = *strongest[i];
    const std::string value =
        pair.measure == Measure::kPearson
            ? fmt::format("correlation {:.3f}, by rank {:.3f}", pair.value, pair.rank_value)
            : fmt::format("{} {:.3f}", pair.measure == Measure::kCramersV ? "Cramér's V" : "eta",
                          pair.adjusted);
    add(out, "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>\n",
        escaped(short_text(profile.columns[pair.a].name, 40)),
        escaped(short_text(profile.columns[pair.b].name, 40)), value);
  }
  return out + "</table></div>\n";
}

std::string notes_section(const TableProfile& profile, const HtmlOptions& options) {
  std::string out = "<h2>Notes</h2>\n<div class=\"small soft\">\n";
  for (const auto* notes : {&profile.notes, &options.notes})
    for (const std::string& text : *notes) add(out, "<p>{}</p>\n", escaped(text));
  if (profile.target && profile.target->is_usable)
    out +=
        "<p>What a column tells about the target is judged out of sample: five folds, in each the rows are "
        "predicted by the average "
        "target of their bin or level in the other four.</p>\n";
  add(out,
      "<p>Histograms leave far tails out; a pale bar at an end counts them. Points at a plot give numbers. "
      "kolosal {}.</p>\n</div>\n",
      kVersion);
  return out;
}

}  // namespace

std::string html_frame(std::string_view title, const std::string& body) {
  std::string out;
  add(out,
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, "
      "initial-scale=1\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
      escaped(title), kStyle);
  return out + body + "</main>\n</body>\n</html>\n";
}

std::string html_page(const TableProfile& profile, const HtmlOptions& options) {
  return html_frame(options.title,
                    heading(profile, options) + findings_section(profile) + target_section(profile) +
                        columns_section(profile, options.max_columns) + missing_section(profile) +
                        pairs_section(profile) + notes_section(profile, options));
}

}  // namespace kolosal::profile
