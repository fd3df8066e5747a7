#include "kolosal/cli/run_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kolosal/cli/text_table.hpp"
#include "kolosal/core/memory.hpp"

namespace kolosal::cli {
namespace {

using automl::LeaderboardRow;

/// More than a screen of models is for --json.
constexpr std::size_t kMostRows = 15;

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return "";
  return seconds < 10 ? fmt::format("{:.2f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

std::string weight_text(double weight) { return weight > 0 ? fmt::format("{:.0f} %", 100 * weight) : ""; }

/// A word as a shell takes it.
std::string quoted(const std::string& word) {
  const bool is_plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("._-/+=:@%,").find(c) != std::string_view::npos;
  });
  if (is_plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string ensemble_text(const std::vector<LeaderboardRow>& rows) {
  std::vector<const LeaderboardRow*> members;
  for (const LeaderboardRow& row : rows)
    if (row.weight > 0 && !row.estimator.empty()) members.push_back(&row);
  std::ranges::stable_sort(members, std::greater(), &LeaderboardRow::weight);
  std::string out;
  for (const LeaderboardRow* row : members)
    out += fmt::format("{}{:.3f} {}", out.empty() ? "" : " + ", row->weight, row->model);
  return out;
}

}  // namespace

std::string score_text(double score) { return std::isfinite(score) ? fmt::format("{:.5g}", score) : "-"; }

std::string interval_text(double low, double high) {
  return std::isfinite(low) && std::isfinite(high)
             ? fmt::format("{} to {}", score_text(low), score_text(high))
             : "";
}

std::string full_score_text(const automl::RunResult& result) {
  std::string out = fmt::format("{} {}", result.metric, score_text(result.score));
  if (const auto interval = interval_text(result.score_low, result.score_high); !interval.empty())
    out += fmt::format(", 95 % {}", interval);
  if (result.threshold != 0.5) out += fmt::format(", at threshold {:.4g}", result.threshold);
  return out;
}

std::string leaderboard_text(const std::vector<LeaderboardRow>& rows, const std::string& metric) {
  TextTable table({"rank", "model", metric, "95 %", "±", "fit", "predict", "size", "weight", "note"});
  std::size_t n_left_out = 0;
  for (const LeaderboardRow& row : rows) {
    if (row.rank > kMostRows && row.weight == 0) {
      ++n_left_out;
      continue;
    }
    table.add(
        {fmt::format("{}", row.rank), row.model, score_text(row.score),
         interval_text(row.score_low, row.score_high),
         std::isfinite(row.score_deviation) ? fmt::format("{:.2g}", row.score_deviation) : "",
         seconds_text(row.fit_s),
         std::isfinite(row.predict_us_per_row) ? fmt::format("{:.2g} us/row", row.predict_us_per_row) : "",
         row.size_bytes > 0 ? format_bytes(row.size_bytes) : "", weight_text(row.weight), row.note});
  }
  return table.text() + (n_left_out > 0 ? fmt::format("  and {} more (--json shows all)\n", n_left_out) : "");
}

std::string distillation_text(const automl::Distillation& d, const std::string& metric) {
  return fmt::format("{} {} of the forest, {} of the blend of {} that it learned from; it costs {}", metric,
                     score_text(d.forest_score), score_text(d.blend_score), d.n_members,
                     std::isfinite(d.cost) ? fmt::format("{:.2g}", d.cost) : "-");
}

std::string nested_text(const automl::NestedScores& nested, const std::string& metric) {
  if (nested.n_done() == 0) return "no outer fold had the time for a search";
  std::string out = fmt::format("{} {}", metric, score_text(nested.mean()));
  if (nested.n_done() > 1) out += fmt::format(" ± {:.2g}", nested.deviation());
  return out + fmt::format(", of {} of {} outer folds, each judged by a search without it", nested.n_done(),
                           nested.scores.size());
}

std::string run_report(const automl::RunResult& result, const std::string& data, const std::string& target) {
  std::string out = fmt::format("{} of \"{}\", {} rows, validated by {}\n\n", result.task, target,
                                result.n_rows, result.validation);
  out += leaderboard_text(result.leaderboard, result.metric);
  const std::string ensemble = ensemble_text(result.leaderboard);
  if (!ensemble.empty()) out += fmt::format("\nensemble  {}\n", ensemble);
  out += fmt::format("score     {} ({} is better)\n", full_score_text(result),
                     result.higher_is_better ? "higher" : "lower");
  if (result.distillation)
    out += fmt::format("distilled {}\n", distillation_text(*result.distillation, result.metric));
  if (!result.nested.scores.empty())
    out += fmt::format("nested    {}\n", nested_text(result.nested, result.metric));
  out += fmt::format("trials    {}{} in {:.1f} s{}\n", result.n_trials,
                     result.n_failed > 0 ? fmt::format(" and {} failed", result.n_failed) : "",
                     result.elapsed_s, result.interrupted ? ", stopped by you; this is the best so far" : "");
  out += fmt::format("model     {} ({})\n", result.model_path.string(), format_bytes(result.model_bytes));
  out += fmt::format("\nnext: kolosal predict --model {} --data {} --output predictions.csv\n",
                     quoted(result.model_path.string()), quoted(data));
  return out;
}

}  // namespace kolosal::cli
