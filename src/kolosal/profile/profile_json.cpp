#include "kolosal/profile/profile_json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json flags_json(const std::vector<Flag>& flags) {
  json out = json::array();
  for (const Flag& flag : flags)
    out.push_back(
        {{"flag", flag_name(flag.kind)}, {"severity", severity_name(flag.severity)}, {"text", flag.text}});
  return out;
}

json levels_json(const std::vector<LevelCount>& levels) {
  json out = json::array();
  for (const LevelCount& level : levels) out.push_back({{"value", level.level}, {"rows", level.n}});
  return out;
}

json numbers_json(const NumberSummary& numbers) {
  json quantiles = json::object();
  for (std::size_t i = 0; i < kQuantiles.size(); ++i)
    quantiles[fmt::format("{:g}", kQuantiles[i])] = number(numbers.quantiles[i]);
  json out = {{"n", numbers.n},
              {"minimum", number(numbers.minimum)},
              {"maximum", number(numbers.maximum)},
              {"mean", number(numbers.mean)},
              {"sd", number(numbers.sd)},
              {"skewness", number(numbers.skewness)},
              {"kurtosis", number(numbers.kurtosis)},
              {"quantiles", std::move(quantiles)},
              {"zeros", numbers.n_zero},
              {"negative", numbers.n_negative},
              {"infinite", numbers.n_infinite},
              {"whole", numbers.is_whole},
              {"outliers", numbers.n_outliers},
              {"far_outliers", numbers.n_far_outliers}};
  const Histogram& histogram = numbers.histogram;
  if (!histogram.counts.empty())
    out["histogram"] = {{"low", histogram.low},
                        {"high", histogram.high},
                        {"counts", histogram.counts},
                        {"below", histogram.n_below},
                        {"above", histogram.n_above}};
  return out;
}

json text_json(const TextSummary& text) {
  return {{"sampled", text.n_sampled},
          {"mean_length", text.mean_length},
          {"longest", text.longest},
          {"mean_words", text.mean_words},
          {"number_share", text.number_share},
          {"date_share", text.date_share},
          {"other_date_share", text.other_date_share},
          {"hidden_number_share", text.hidden_number_share}};
}

json bins_json(const std::vector<TargetBin>& bins) {
  json out = json::array();
  for (const TargetBin& bin : bins) {
    json item = {{"rows", bin.n}};
    if (bin.label.empty()) {
      item["low"] = number(bin.low);
      item["high"] = number(bin.high);
    } else {
      item["value"] = bin.label;
    }
    bin.shares.empty() ? item["mean"] = number(bin.mean) : item["shares"] = bin.shares;
    out.push_back(std::move(item));
  }
  return out;
}

json relation_json(const TargetRelation& relation) {
  json out = {{"rows", relation.n_rows},
              {"power", relation.power},
              {"mutual_information", number(relation.mutual_information)}};
  if (!std::isnan(relation.auc)) out["auc"] = relation.auc;
  if (!std::isnan(relation.accuracy)) out["accuracy"] = relation.accuracy;
  if (!std::isnan(relation.r2)) out["r2"] = relation.r2;
  if (!std::isnan(relation.missing_auc)) out["missing_tells"] = relation.missing_auc;
  if (!relation.bins.empty()) out["bins"] = bins_json(relation.bins);
  return out;
}

json column_json(const ColumnProfile& column) {
  json out = {{"name", column.name},
              {"type", data::type_name(column.type)},
              {"kind", kind_name(column.kind)},
              {"reason", column.type_reason},
              {"missing", column.n_missing},
              {"distinct", column.n_distinct},
              {"flags", flags_json(column.flags)},
              {"order",
               {{"ascending", column.order.ascending},
                {"descending", column.order.descending},
                {"strict", column.order.strict},
                {"runs", column.order.n_runs},
                {"expected_runs", number(column.order.expected_runs)}}}};
  if (column.distinct_error > 0) out["distinct_error"] = column.distinct_error;
  json findings = json::array();  // what a person should look at
  for (const Flag& flag : column.flags)
    if (flag.severity != Severity::kNote) findings.push_back(flag.text);
  out["findings"] = std::move(findings);
  if (column.numbers) {
    out["numbers"] = numbers_json(*column.numbers);
    if (column.numbers->n > 0 && column.type != data::ColumnType::kBool) {
      out["minimum"] = exact_text(column.numbers->minimum, column.type);
      out["maximum"] = exact_text(column.numbers->maximum, column.type);
    }
  }
  if (column.text) out["text"] = text_json(*column.text);
  if (!column.top_levels.empty()) {
    out["top"] = levels_json(column.top_levels);
    out["most_frequent"] = column.top_levels[0].level;
  }
  if (!column.missing_by_rows.empty()) out["missing_by_rows"] = column.missing_by_rows;
  if (column.target) out["target"] = relation_json(*column.target);
  return out;
}

json missing_json(const TableProfile& profile) {
  const MissingSummary& missing = profile.missing;
  const auto name = [&](std::size_t i) { return profile.columns[i].name; };
  json out = {{"cells", missing.n_cells},
              {"complete_rows", missing.n_complete_rows},
              {"n_patterns", missing.n_patterns}};
  out["patterns"] = out["pairs"] = json::array();
  for (const MissingPattern& pattern : missing.patterns) {
    json names = json::array();
    for (const std::size_t c : pattern.columns) names.push_back(name(c));
    out["patterns"].push_back({{"columns", std::move(names)}, {"rows", pattern.n_rows}});
  }
  for (const MissingPair& pair : missing.pairs)
    out["pairs"].push_back({{"a", name(pair.a)}, {"b", name(pair.b)}, {"correlation", pair.correlation}});
  return out;
}

json target_json(const TableProfile& profile) {
  const TargetSummary& target = *profile.target;
  json out = {{"column", profile.columns[target.column].name},
              {"usable", target.is_usable},
              {"missing", target.n_missing}};
  if (!target.is_usable) return out;
  out["task"] = data::task_name(target.task);
  out["task_reason"] = target.task_reason;
  if (!target.classes.empty()) out["classes"] = levels_json(target.classes);
  out["row_autocorrelation"] = number(target.row_autocorrelation);
  out["row_autocorrelation_z"] = number(target.row_autocorrelation_z);
  return out;
}

}  // namespace

json to_json(const TableProfile& profile) {
  json out = {{"rows", profile.n_rows},
              {"bytes_in_memory", profile.n_bytes},
              {"repeated_rows", profile.n_repeated_rows},
              {"missing", missing_json(profile)},
              {"flags", flags_json(profile.flags)},
              {"notes", profile.notes}};
  out["columns"] = out["associations"] = json::array();
  for (const ColumnProfile& column : profile.columns) out["columns"].push_back(column_json(column));
  if (profile.target) {
    out["target"] = target_json(profile);
    out["contradicting_rows"] = profile.n_contradicting_rows;
  }
  for (const Association& pair : profile.associations) {
    json item = {{"a", profile.columns[pair.a].name},
                 {"b", profile.columns[pair.b].name},
                 {"measure", measure_name(pair.measure)},
                 {"value", number(pair.value)},
                 {"rows", pair.n}};
    if (pair.measure == Measure::kPearson)
      item["spearman"] = number(pair.rank_value);
    else
      item["adjusted"] = number(pair.adjusted);
    out["associations"].push_back(std::move(item));
  }
  return out;
}

}  // namespace kolosal::profile
