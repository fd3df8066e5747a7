#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "kolosal/core/memory.hpp"
#include "kolosal/core/version.hpp"
#include "kolosal/profile/html_parts.hpp"
#include "kolosal/profile/wording.hpp"
#include "kolosal/service/benchmark.hpp"

namespace kolosal::service {
namespace {

using profile::escaped;

// Of plots, in pixels.
constexpr double kWidth = 680, kRow = 22, kNames = 170, kFigures = 90, kScatter = 300, kLeft = 64,
                 kBottom = 34;

template <typename... Args>
void add(std::string& out, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
}

std::vector<const BenchmarkRow*> scored(const TableBenchmark& table) {
  std::vector<const BenchmarkRow*> out;
  for (const BenchmarkRow& row : table.rows)
    if (std::isfinite(row.score)) out.push_back(&row);
  return out;
}

double deviation(const BenchmarkRow& row) { return std::isfinite(row.deviation) ? row.deviation : 0; }

/// Scores from the lowest to the highest with their deviations; outliers at the bad end are cut off, so that
/// the good models stay apart.
struct Range {
  double low = 0, high = 1;
  double place(double value) const { return std::clamp((value - low) / (high - low), 0.0, 1.0); }
};

Range range_of(const std::vector<const BenchmarkRow*>& rows, bool higher_is_better) {
  std::vector<double> scores;
  for (const BenchmarkRow* row : rows) scores.push_back(row->score);
  std::ranges::sort(scores);
  const double best = higher_is_better ? scores.back() : scores.front(), median = scores[scores.size() / 2];
  constexpr double kMostSpans = 6;  // of the distance from the best to the median
  const double furthest = kMostSpans * std::abs(best - median);
  Range out{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const BenchmarkRow* row : rows) {
    if (furthest > 0 && std::abs(row->score - best) > furthest) continue;
    out.low = std::min(out.low, row->score - deviation(*row));
    out.high = std::max(out.high, row->score + deviation(*row));
  }
  if (!(out.high > out.low)) out.high = out.low + std::max(1e-9, 0.01 * std::abs(out.low));
  const double margin = 0.04 * (out.high - out.low);
  return {out.low - margin, out.high + margin};
}

std::string_view css_of(const BenchmarkRow& row) { return row.model == "automl" ? "target" : "bar"; }

/// One line per model: a point with a whisker of one deviation to each side.
std::string score_plot(const TableBenchmark& table, const std::vector<const BenchmarkRow*>& rows) {
  const Range range = range_of(rows, table.higher_is_better);
  const double width = kWidth - kNames - kFigures, height = kRow * static_cast<double>(rows.size()) + 22;
  const auto x_of = [&](double value) { return kNames + width * range.place(value); };
  std::string out;
  add(out, "<svg class=\"wide\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"scores\">", kWidth, height);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BenchmarkRow& row = *rows[i];
    const double y = kRow * (static_cast<double>(i) + 0.5);
    add(out, "<text class=\"in\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kNames - 10, y + 4,
        escaped(row.model));
    add(out, "<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kNames, kNames + width,
        y, y);
    add(out,
        "<rect class=\"tail\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"6\" rx=\"3\"/>"
        "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"><title>{}: {:.5g} ± "
        "{:.2g}</title></circle>",
        x_of(row.score - deviation(row)), y - 3,
        std::max(0.0, x_of(row.score + deviation(row)) - x_of(row.score - deviation(row))), css_of(row),
        x_of(row.score), y, escaped(row.model), row.score, deviation(row));
    add(out, "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.5g}</text>", kWidth, y + 4, row.score);
  }
  add(out, "<text x=\"{}\" y=\"{}\">{:.4g}</text>", kNames, height - 4, range.low);
  add(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.4g}</text></svg>\n", kNames + width, height - 4,
      range.high);
  return out;
}

/// Where names may stand beside their points without covering one another.
class Labels {
 public:
  explicit Labels(double right_end) : right_end_(right_end) {}
  void take(double x, double y) { taken_.push_back({x - 5, x + 5, y - 5, y + 5}); }

  /// The name above or below its point, behind or before it; "" where there is room nowhere: the point tells
  /// it when pointed at.
  std::string beside(double x, double y, const std::string& name) {
    constexpr double kLetter = 5.4, kHeight = 10;  // of class "in"
    const double width = kLetter * static_cast<double>(name.size());
    for (const double base : {y - 5, y + 13})
      for (const bool is_behind : {true, false}) {
        const double left = is_behind ? x + 7 : x - 7 - width;
        const Box box{left, left + width, base - kHeight, base};
        if (box.right > right_end_ || box.left < kLeft ||
            std::ranges::any_of(taken_, [&](const Box& other) { return box.meets(other); }))
          continue;
        taken_.push_back(box);
        return fmt::format("<text class=\"in\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", left, base,
                           escaped(name));
      }
    return "";
  }

 private:
  struct Box {
    double left, right, top, bottom;
    bool meets(const Box& other) const {
      return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
    }
  };
  std::vector<Box> taken_;
  double right_end_;
};

/// Score over what it costs, on a logarithmic axis.
std::string cost_plot(const TableBenchmark& table, const std::vector<const BenchmarkRow*>& rows,
                      double BenchmarkRow::* cost, const std::string& unit) {
  const Range range = range_of(rows, table.higher_is_better);
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const BenchmarkRow* row : rows)
    if (row->*cost > 0) low = std::min(low, row->*cost), high = std::max(high, row->*cost);
  if (!(high > 0)) return "";
  low = std::pow(10, std::floor(std::log10(low))), high = std::pow(10, std::ceil(std::log10(high) + 1e-9));
  const double width = kWidth / 2 - kLeft - 12, height = kScatter - kBottom - 12;
  const auto x_of = [&](double value) {
    return kLeft + width * std::log(std::max(value, low) / low) / std::log(high / low);
  };
  const auto y_of = [&](double value) {
    const double place = range.place(value);
    return 12 + height * (table.higher_is_better ? 1 - place : place);
  };
  std::string out;
  add(out, "<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"score over {}\">", kWidth / 2,
      kScatter, escaped(unit));
  for (double tick = low; tick <= high * 1.0001; tick *= 10)
    add(out,
        "<line class=\"axis\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"12\" y2=\"{1:.1f}\"/><text x=\"{0:.1f}\" "
        "y=\"{2:.1f}\" "
        "text-anchor=\"middle\">{3:g}</text>",
        x_of(tick), 12 + height, 12 + height + 14, tick);
  for (const double value : {range.low, range.high})
    add(out, "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>", kLeft - 6, y_of(value) + 4,
        value);
  Labels labels(kWidth / 2);
  for (const BenchmarkRow* row : rows) labels.take(x_of(row->*cost), y_of(row->score));
  for (const BenchmarkRow* row : rows) {
    const double x = x_of(row->*cost), y = y_of(row->score);
    add(out,
        "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\"><title>{}: {:.5g}, {:.3g} "
        "{}</title></circle>",
        css_of(*row), x, y, escaped(row->model), row->score, row->*cost, escaped(unit));
    out += labels.beside(x, y, row->model);
  }
  add(out, "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text></svg>\n", kLeft + width / 2,
      kScatter - 4, escaped(unit));
  return out;
}

std::string figures_table(const TableBenchmark& table) {
  std::string out = "<table class=\"plain\"><tr><th>model</th>";
  for (const std::string& head : {table.metric, std::string("±"), std::string("fit"), std::string("predict"),
                                  std::string("memory"), std::string("size")})
    add(out, "<th class=\"n\">{}</th>", escaped(head));
  out += "<th>note</th></tr>\n";
  const auto cell = [&](bool is_known, const std::string& text) {
    add(out, "<td class=\"n\">{}</td>", is_known ? escaped(text) : std::string("-"));
  };
  for (const BenchmarkRow& row : table.rows) {
    const bool has_score = std::isfinite(row.score);
    add(out, "<tr><td>{}</td>", escaped(row.model));
    cell(has_score, fmt::format("{:.5g}", row.score));
    cell(std::isfinite(row.deviation), fmt::format("{:.2g}", row.deviation));
    cell(has_score, fmt::format("{:.3g} s", row.fit_s));
    cell(has_score, fmt::format("{:.3g} us/row", row.predict_us_per_row));
    cell(row.memory_bytes > 0, format_bytes(row.memory_bytes));
    cell(row.model_bytes > 0, format_bytes(row.model_bytes));
    add(out, "<td class=\"soft\">{}</td></tr>\n", escaped(profile::short_text(row.note, 160)));
  }
  return out + "</table>\n";
}

std::string table_section(const TableBenchmark& table) {
  std::string out;
  add(out, "<h2>{}</h2>\n", escaped(table.data.filename().string()));
  if (!table.error.empty()) {
    add(out, "<p class=\"problem\">{}</p>\n", escaped(table.error));
    return out;
  }
  add(out, "<p class=\"soft\">{} of \"{}\": {} rows, {} columns, {} folds; {} is better.</p>\n", table.task,
      escaped(table.target), profile::count_text(table.n_rows), profile::count_text(table.n_columns),
      table.n_folds, table.higher_is_better ? "higher" : "lower");
  const auto rows = scored(table);
  if (!rows.empty()) {
    add(out,
        "<div class=\"card\"><header><h3>{}</h3><span class=\"type\">mean and deviation over the "
        "folds</span></header>{}</div>\n",
        escaped(table.metric), score_plot(table, rows));
    add(out,
        "<div class=\"grid\" style=\"margin-top:14px\"><div class=\"card\">{}</div><div "
        "class=\"card\">{}</div></div>\n",
        cost_plot(table, rows, &BenchmarkRow::fit_s, "seconds to fit a fold"),
        cost_plot(table, rows, &BenchmarkRow::predict_us_per_row, "microseconds to predict a row"));
  }
  add(out, "<div class=\"card scroll\" style=\"margin-top:14px\">{}</div>\n", figures_table(table));
  for (const std::string& note : table.notes) add(out, "<p class=\"soft small\">{}</p>\n", escaped(note));
  return out;
}

std::string ranks_section(const BenchmarkReport& report) {
  if (report.tables.size() < 2) return "";
  std::string out =
      "<h2>All tables</h2>\n<div class=\"card\"><table class=\"plain\"><tr><th>model</th><th "
      "class=\"n\">mean rank</th>"
      "<th class=\"n\">tables</th></tr>\n";
  for (const MeanRank& entry : mean_ranks(report))
    add(out, "<tr><td>{}</td><td class=\"n\">{:.2f}</td><td class=\"n\">{}</td></tr>\n", escaped(entry.model),
        entry.rank, entry.n_tables);
  return out + "</table></div>\n";
}

}  // namespace

std::string benchmark_page(const BenchmarkReport& report) {
  std::string body;
  add(body, "<h1>Benchmark</h1>\n<p class=\"soft\">kolosal {}, {:g} s for each model on a table, {}.{}</p>\n",
      kVersion, report.budget_s, profile::plural(report.n_threads, "thread"),
      report.interrupted ? " Stopped before its end." : "");
  body += ranks_section(report);
  for (const TableBenchmark& table : report.tables) body += table_section(table);
  body +=
      "<h2>Notes</h2>\n<div class=\"small soft\"><p>Every model sees the same folds. automl searches anew "
      "within the "
      "training rows of each, for the same seconds as a learner has. Fit: the time of one fold, on one "
      "thread, and above 4 million cells on all; of automl its whole search. "
      "Predict: one row on one thread. Memory: what fitting took above what was there, at most. Size: of the "
      "model "
      "of one fold. Points at a plot give numbers.</p></div>\n";
  return profile::html_frame("Benchmark", body);
}

}  // namespace kolosal::service
