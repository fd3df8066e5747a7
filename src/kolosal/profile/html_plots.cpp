#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "kolosal/core/utf8.hpp"
#include "kolosal/profile/html_plots_internal.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

constexpr double kWidth = 300, kHeight = 84, kAxis = 16;  // of a small plot, in pixels
constexpr std::size_t kColours = 8;

template <typename... Args>
void add(std::string& out, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
}

std::string small_plot(std::string_view label, const std::string& content) {
  return fmt::format("<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}</svg>\n",
                     kWidth, kHeight + kAxis, escaped(label), content);
}

void axis_text(std::string& out, double x, std::string_view anchor, std::string_view text) {
  add(out, "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"{}\">{}</text>", x, kHeight + 13, anchor,
      escaped(text));
}

void rectangle(std::string& out, std::string_view css, double x, double y, double width, double height,
               std::string_view tip) {
  add(out,
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
      "height=\"{:.1f}\"><title>{}</title></rect>",
      css, x, y, std::max(width, 0.0), std::max(height, 0.0), escaped(tip));
}

/// A time without the part that all readers can do without.
std::string axis_value(double value, data::ColumnType type) {
  return value_text(value, is_time(type) ? data::ColumnType::kDate : type);
}

std::string bar_svg(std::string_view css, double x, double width) {
  return fmt::format(
      "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\"><rect class=\"{}\" x=\"{:.1f}\" y=\"0\" "
      "width=\"{:.1f}\" "
      "height=\"10\"/></svg>",
      css, x, std::clamp(width, 0.5, 100.0));
}

std::string mean_text(double mean, bool is_share) { return is_share ? share_text(mean) : number_text(mean); }

// ---- targets over bins ------------------------------------------------------------------------------------

std::string bin_text(const TargetBin& bin, data::ColumnType type) {
  if (!bin.label.empty()) return short_text(bin.label);
  return bin.low == bin.high ? value_text(bin.low, type)
                             : fmt::format("{} .. {}", value_text(bin.low, type), value_text(bin.high, type));
}

bool is_numbered(const TargetBin& bin) { return bin.label.empty(); }

/// Means per bin of numbers as a line with points; the broken line is the mean of all.
std::string mean_line(const ColumnProfile& column, bool is_share) {
  std::vector<const TargetBin*> bins;
  const TargetBin* missing = nullptr;
  double low = kNoNumber, high = kNoNumber, sum = 0, n = 0;
  for (const TargetBin& bin : column.target->bins) {
    is_numbered(bin) ? bins.push_back(&bin) : void(missing = &bin);
    low = std::fmin(low, bin.mean);
    high = std::fmax(high, bin.mean);
    sum += bin.mean * static_cast<double>(bin.n);
    n += static_cast<double>(bin.n);
  }
  if (bins.empty()) return "";
  if (is_share) low = std::min(low, 0.0);
  const double span = high > low ? high - low : 1;
  const auto y_of = [&](double mean) { return 6 + (kHeight - 12) * (1 - (mean - low) / span); };
  const double width = missing ? kWidth - 26 : kWidth;
  const auto x_of = [&](std::size_t i) {
    return bins.size() == 1
               ? width / 2
               : 5 + (width - 10) * static_cast<double>(i) / static_cast<double>(bins.size() - 1);
  };
  const auto shown = [&](double mean) { return mean_text(mean, is_share); };
  std::string out, points, line;
  add(out, "<line class=\"mean\" x1=\"0\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kWidth, y_of(sum / n),
      y_of(sum / n));
  const auto point = [&](double x, const TargetBin& bin) {
    add(points,
        "<circle class=\"target\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>{}: {} ({})</title></circle>", x,
        y_of(bin.mean), escaped(bin_text(bin, column.type)), shown(bin.mean), plural(bin.n, "row"));
  };
  for (std::size_t i = 0; i < bins.size(); ++i) {
    add(line, "{:.1f},{:.1f} ", x_of(i), y_of(bins[i]->mean));
    point(x_of(i), *bins[i]);
  }
  add(out, "<polyline class=\"line\" points=\"{}\"/>{}", line, points);
  points.clear();
  if (missing) {
    point(kWidth - 9, *missing);
    out += points;
    axis_text(out, kWidth, "end", "missing");
  }
  axis_text(out, 0, "start", axis_value(bins.front()->low, column.type));
  axis_text(out, width - (missing ? 24 : 0), "end", axis_value(bins.back()->high, column.type));
  return small_plot("target over " + column.name, out);
}

std::string share_stacks(const ColumnProfile& column, const TargetSummary& target) {
  const auto& bins = column.target->bins;
  const double step = kWidth / static_cast<double>(std::max<std::size_t>(1, bins.size()));
  std::string out;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    double top = 0;
    for (std::size_t k = 0; k < bins[i].shares.size(); ++k) {
      const double height = bins[i].shares[k] * kHeight;
      if (height <= 0) continue;
      add(out,
          "<rect style=\"fill:{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{}: "
          "{} {}</title></rect>",
          class_colour(k), step * static_cast<double>(i) + 0.5, top, std::max(step - 1, 0.5), height,
          escaped(bin_text(bins[i], column.type)), escaped(short_text(target.classes[k].level)),
          share_text(bins[i].shares[k]));
      top += height;
    }
  }
  if (!bins.empty()) {
    axis_text(out, 0, "start",
              is_numbered(bins.front()) ? axis_value(bins.front().low, column.type)
                                        : short_text(bins.front().label, 16));
    if (bins.size() > 1)
      axis_text(out, kWidth, "end",
                is_numbered(bins.back()) ? axis_value(bins.back().high, column.type)
                                         : short_text(bins.back().label, 16));
  }
  return small_plot("classes over " + column.name, out);
}

/// Rows and mean per level, side by side.
std::string mean_bars(const ColumnProfile& column, bool is_share) {
  constexpr std::size_t kShown = 9;
  double low = 0, high = 0;
  std::size_t n_rows = 0, most = 1;
  for (const TargetBin& bin : column.target->bins) {
    low = std::min(low, bin.mean);
    high = std::max(high, bin.mean);
    n_rows += bin.n;
    most = std::max(most, bin.n);
  }
  const double span = high > low ? high - low : 1;
  std::string out = "<table class=\"bars pairs\">\n";
  std::size_t n = 0;
  for (const TargetBin& bin : column.target->bins) {
    if (++n > kShown && bin.label != "(missing)" && bin.label != "(other)") continue;
    add(out, "<tr><th title=\"{0}\">{1}</th>", escaped(bin.label),
        escaped(short_text(bin_text(bin, column.type), 22)));
    add(out, "<td>{}</td><td class=\"n\">{}</td>",
        bar_svg("bar", 0, 100 * static_cast<double>(bin.n) / static_cast<double>(most)),
        share_text(static_cast<double>(bin.n) / static_cast<double>(n_rows)));
    add(out, "<td>{}</td><td class=\"n\">{}</td></tr>\n",
        bar_svg("target", 100 * (std::min(bin.mean, 0.0) - low) / span, 100 * std::abs(bin.mean) / span),
        mean_text(bin.mean, is_share));
  }
  return out + "</table>\n";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t good = first_invalid_utf8(text);
    for (const char c : text.substr(0, good)) switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        default:
          out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
      }
    text.remove_prefix(good);
    if (text.empty()) break;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(1);
  }
  return out;
}

std::string class_colour(std::size_t k) {
  return k < kColours ? fmt::format("var(--c{})", k) : "var(--line)";
}

std::string histogram_plot(const ColumnProfile& column) {
  if (!column.numbers || column.numbers->histogram.counts.empty()) return "";
  const Histogram& histogram = column.numbers->histogram;
  const std::size_t n_bins = histogram.counts.size();
  const auto most =
      static_cast<double>(std::max<std::size_t>(1, *std::ranges::max_element(histogram.counts)));
  // Cells beyond the ends have a narrow bar of their own.
  constexpr double kTail = 9;
  const double left = histogram.n_below ? kTail + 5 : 0,
               right = histogram.n_above ? kWidth - kTail - 5 : kWidth;
  const double step = (right - left) / static_cast<double>(n_bins);
  std::string out;
  const auto bar = [&](std::string_view css, double x, double width, std::size_t count,
                       const std::string& what) {
    const double height =
        count == 0 ? 0 : std::max(1.0, (kHeight - 4) * std::min(1.0, static_cast<double>(count) / most));
    rectangle(out, css, x, kHeight - height, width, height, what + ": " + plural(count, "row"));
  };
  for (std::size_t i = 0; i < n_bins; ++i) {
    const double width = (histogram.high - histogram.low) / static_cast<double>(n_bins);
    const double low = histogram.low + width * static_cast<double>(i);
    const bool is_one = column.numbers->is_whole && width == 1 && !is_time(column.type);
    bar("bar", left + step * static_cast<double>(i), std::max(step - 1, step * 0.8), histogram.counts[i],
        is_one ? value_text(low + 0.5, column.type)
               : fmt::format("{} .. {}", value_text(low, column.type), value_text(low + width, column.type)));
  }
  if (histogram.n_below)
    bar("tail", 0, kTail, histogram.n_below, "less than " + value_text(histogram.low, column.type));
  if (histogram.n_above)
    bar("tail", kWidth - kTail, kTail, histogram.n_above,
        "more than " + value_text(histogram.high, column.type));
  add(out, "<line class=\"axis\" x1=\"0\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>", kWidth, kHeight, kHeight);
  axis_text(out, 0, "start", axis_value(column.numbers->minimum, column.type));
  if (!is_time(column.type) && column.type != data::ColumnType::kBool)
    axis_text(out, kWidth / 2, "middle", "median " + axis_value(column.numbers->median(), column.type));
  axis_text(out, kWidth, "end", axis_value(column.numbers->maximum, column.type));
  return small_plot("histogram of " + column.name, out);
}

std::string level_plot(const std::vector<LevelCount>& levels, std::size_t n_present, std::size_t most) {
  if (levels.empty()) return "";
  std::size_t largest = 1, rest = n_present;
  for (const LevelCount& level : levels) largest = std::max(largest, level.n);
  std::string out = "<table class=\"bars\">\n";
  const auto row = [&](std::string_view css, const std::string& name, std::size_t n) {
    add(out, "<tr><th>{}</th><td>{}</td><td class=\"n\" title=\"{}\">{}</td></tr>\n", escaped(name),
        bar_svg(css, 0, 100 * static_cast<double>(n) / static_cast<double>(largest)), plural(n, "row"),
        share_text(static_cast<double>(n) / static_cast<double>(std::max<std::size_t>(1, n_present))));
  };
  for (std::size_t i = 0; i < levels.size() && i < most; ++i) {
    row("bar", short_text(levels[i].level, 26), levels[i].n);
    rest -= std::min(rest, levels[i].n);
  }
  if (rest > 0) row("tail", "(other)", rest);
  return out + "</table>\n";
}

std::string target_range(const ColumnProfile& column, bool is_share) {
  double low = kNoNumber, high = kNoNumber;
  for (const TargetBin& bin : column.target->bins) {
    low = std::fmin(low, bin.mean);
    high = std::fmax(high, bin.mean);
  }
  return fmt::format("{} .. {}", mean_text(low, is_share), mean_text(high, is_share));
}

std::string target_plot(const ColumnProfile& column, const TableProfile& profile) {
  if (!column.target || column.target->bins.empty() || !profile.target) return "";
  if (profile.target->task == data::Task::kMulticlass) return share_stacks(column, *profile.target);
  const bool is_share = profile.target->task == data::Task::kBinary;
  return std::ranges::any_of(column.target->bins, is_numbered) ? mean_line(column, is_share)
                                                               : mean_bars(column, is_share);
}

std::string missing_plot(const TableProfile& profile, const std::vector<std::size_t>& columns) {
  constexpr double kNames = 190, kCell = 14, kSpan = 620, kNumbers = 70;
  std::string out;
  const double height = kCell * static_cast<double>(columns.size()) + 18;
  add(out,
      "<svg class=\"wide\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"missing cells along the rows\">",
      kNames + kSpan + kNumbers, height);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ColumnProfile& column = profile.columns[columns[i]];
    const double y = kCell * static_cast<double>(i);
    add(out, "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kNames - 8, y + 11,
        escaped(short_text(column.name, 26)));
    rectangle(out, "empty", kNames, y + 1, kSpan, kCell - 2, column.name);
    const auto n = static_cast<double>(column.missing_by_rows.size());
    for (std::size_t b = 0; b < column.missing_by_rows.size(); ++b) {
      const double share = column.missing_by_rows[b];
      if (share <= 0) continue;
      add(out,
          "<rect class=\"target\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" "
          "fill-opacity=\"{:.2f}\"><title>{}</title></rect>",
          kNames + kSpan * static_cast<double>(b) / n, y + 1, kSpan / n + 0.2, kCell - 2, 0.15 + 0.85 * share,
          share_text(share));
    }
    add(out, "<text x=\"{}\" y=\"{:.1f}\">{}</text>", kNames + kSpan + 6, y + 11,
        share_text(column.missing_share()));
  }
  add(out,
      "<text x=\"{}\" y=\"{:.1f}\">first row</text><text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">last "
      "row</text></svg>\n",
      kNames, height - 4, kNames + kSpan, height - 4);
  return out;
}

std::string association_plot(const TableProfile& profile, const std::vector<std::size_t>& columns) {
  const std::size_t k = columns.size();
  const double cell = std::clamp(720.0 / static_cast<double>(std::max<std::size_t>(1, k)), 17.0, 44.0);
  constexpr double kNames = 180, kTop = 110;
  std::map<std::pair<std::size_t, std::size_t>, const Association*> pairs;
  for (const Association& pair : profile.associations) pairs[{pair.a, pair.b}] = &pair;
  const double size = cell * static_cast<double>(k);
  std::string out;
  add(out,
      "<svg class=\"wide\" style=\"max-width:{:.0f}px\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" "
      "aria-label=\"columns that go together\">",
      kNames + size + 80, kNames + size + 80, kTop + size);
  for (std::size_t i = 0; i < k; ++i) {
    const double at = cell * static_cast<double>(i) + cell / 2;
    const std::string name = escaped(short_text(profile.columns[columns[i]].name, 22));
    add(out, "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kNames - 8, kTop + at + 4, name);
    add(out, "<text transform=\"translate({:.1f},{}) rotate(-40)\">{}</text>", kNames + at, kTop - 6,
        escaped(short_text(profile.columns[columns[i]].name, 18)));
    for (std::size_t j = 0; j < k; ++j) {
      const double x = kNames + cell * static_cast<double>(j), y = kTop + cell * static_cast<double>(i);
      if (i == j) {
        rectangle(out, "empty", x + 0.5, y + 0.5, cell - 1, cell - 1, profile.columns[columns[i]].name);
        continue;
      }
      const auto found = pairs.find(std::minmax(columns[i], columns[j]));
      if (found == pairs.end() || std::isnan(found->second->adjusted)) continue;
      const Association& pair = *found->second;
      std::string tip =
          fmt::format("{} - {}: {} {:.2f}", profile.columns[pair.a].name, profile.columns[pair.b].name,
                      pair.measure == Measure::kPearson    ? "correlation"
                      : pair.measure == Measure::kCramersV ? "Cramer's V"
                                                           : "eta",
                      pair.adjusted);
      if (pair.measure == Measure::kPearson) tip += fmt::format(", by rank {:.2f}", pair.rank_value);
      add(out,
          "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
          "fill-opacity=\"{:.2f}\"><title>{}</title></rect>",
          pair.adjusted < 0 ? "against" : "with", x + 0.5, y + 0.5, cell - 1, cell - 1,
          std::abs(pair.adjusted), escaped(tip));
      if (cell >= 26 && std::abs(pair.adjusted) >= 0.1)
        add(out, "<text class=\"in\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.2f}</text>",
            x + cell / 2, y + cell / 2 + 4, pair.adjusted);
    }
  }
  return out + "</svg>\n";
}

std::string power_plot(const TableProfile& profile, const std::vector<std::size_t>& columns) {
  const bool regression = profile.target->task == data::Task::kRegression;
  std::string out = "<table class=\"bars power\">\n";
  for (const std::size_t c : columns) {
    const ColumnProfile& column = profile.columns[c];
    const double score = regression ? column.target->r2 : column.target->auc;
    add(out,
        "<tr><th>{}</th><td><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\"><rect class=\"empty\" "
        "y=\"0\" width=\"100\" height=\"10\"/>"
        "<rect class=\"target\" y=\"0\" width=\"{:.1f}\" height=\"10\"/></svg></td><td "
        "class=\"n\">{}</td></tr>\n",
        escaped(short_text(column.name, 30)), 100 * column.target->power,
        std::isnan(score) ? "-" : fmt::format("{} {:.3f}", regression ? "R²" : "AUC", score));
  }
  return out + "</table>\n";
}

}  // namespace kolosal::profile
