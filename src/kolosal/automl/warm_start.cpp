#include "kolosal/automl/warm_start.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "kolosal/automl/run_history.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {
namespace {

using nlohmann::json;

constexpr std::size_t kMostRuns = 3;
constexpr std::size_t kOfEachRun = 3;   // with "auto"
constexpr std::size_t kOfOneRun = 6;    // of a run that the user names
constexpr std::size_t kOfALearner = 2;  // a blend is glad of different ones
/// Tables farther apart than this have little to tell each other: about ten times the rows, ten times the
/// columns, and half of the columns of another kind.
constexpr double kFarthest = 0.15;

double number_of(const json& data, const char* key) { return data.value(key, json(0)).get<double>(); }

double log10_of(double value) { return std::log10(std::max(value, 1.0)); }

/// Without sign, and without the long tail that it has itself.
double tamed(double skewness) { return std::log1p(std::abs(skewness)); }

double mean_skewness(const json& data) {
  double sum = 0, n = 0;
  for (const json& column : data.value("features", json::array())) {
    if (!column.contains("skewness") || !column["skewness"].is_number()) continue;
    sum += tamed(column["skewness"].get<double>());
    ++n;
  }
  return n > 0 ? sum / n : 0;
}

double target_skewness(const json& data) {
  const json target = data.value("target", json::object());
  return target.contains("skewness") && target["skewness"].is_number()
             ? tamed(target["skewness"].get<double>())
             : 0;
}

struct MetaFeature {
  double value;
  double range;  ///< of nearly all tables
};

std::array<MetaFeature, 10> meta_features(const json& data) {
  const double n_columns = std::max(number_of(data, "used_columns"), 1.0);
  const double n_classes = number_of(data, "classes");
  const double rarest = std::max(number_of(data, "rarest_class"), 1e-4);
  return {{{log10_of(number_of(data, "rows")), 6},
           {log10_of(n_columns), 4},
           {log10_of(number_of(data, "rows") / n_columns), 6},
           {number_of(data, "category") / n_columns, 1},
           {number_of(data, "text") / n_columns, 1},
           {number_of(data, "missing_share"), 1},
           {log10_of(number_of(data, "max_levels")), 5},
           {log10_of(n_classes), 2},
           // How much rarer than if the classes were of one size.
           {n_classes > 1 ? std::max(0.0, -std::log10(rarest * n_classes)) : target_skewness(data), 4},
           {mean_skewness(data), 4}}};
}

bool is_regression(const json& run) {
  return run.value("settings", json::object()).value("task", "") == "regression";
}

/// A run that is known well enough to be learned from.
struct Source {
  json run;
  double distance = 0;
  std::string id() const { return run.value("id", ""); }
  std::string text() const {
    return fmt::format("{} ({} of {}, {})", id(), run["settings"].value("target", "?"),
                       run["data"].value("name", "?"), run.value("started_at", "?").substr(0, 19));
  }
};

/// What makes two candidates the same.
std::string key_of(const Candidate& candidate) {
  json key = to_json(candidate);
  key.erase("label");
  key.erase("cost");
  return key.dump();
}

/// The best trials of a run, each learner at most kOfALearner times.
std::vector<Candidate> best_of(const json& run, std::size_t n_wanted) {
  std::vector<const json*> trials;
  for (const json& trial : run["trials"])
    if (trial["state"] == "complete" && trial["estimator"] != "constant" && trial["loss"].is_number())
      trials.push_back(&trial);
  std::ranges::stable_sort(trials, {}, [](const json* trial) { return (*trial)["loss"].get<double>(); });
  std::vector<Candidate> out;
  std::map<std::string, std::size_t> n_of_learner;
  std::set<std::string> seen;
  for (const json* trial : trials) {
    if (out.size() == n_wanted) break;
    Candidate candidate = candidate_from_json(*trial);
    candidate.continues.reset();  // here it begins anew
    if (!seen.insert(key_of(candidate)).second || n_of_learner[candidate.estimator]++ >= kOfALearner)
      continue;
    const auto rung = (*trial)["rung"].get<std::size_t>(), number = (*trial)["number"].get<std::size_t>();
    // The part before " / " and " from " is what the portfolio called it.
    const std::string& label = candidate.label;
    candidate.label = fmt::format(
        "{} from {} #{}", label.substr(0, std::min(label.find(" / "), label.find(" from "))),
        run.value("id", ""), rung > 0 ? fmt::format("{}.{}", rung, number) : fmt::format("{}", number));
    out.push_back(std::move(candidate));
  }
  return out;
}

/// Why a candidate of another table can not be tried on this one; empty when it can. Directions of columns
/// are made those of this run.
std::string obstacle(Candidate& candidate, const RunOptions& options, const WarmTable& table) {
  const auto infos = model::estimators();
  const auto info = std::ranges::find(infos, candidate.estimator, &model::EstimatorInfo::name);
  if (info == infos.end()) return fmt::format("there is no learner \"{}\"", candidate.estimator);
  if (std::ranges::find(options.exclude_models, candidate.estimator) != options.exclude_models.end())
    return "the learner is excluded";
  if (std::ranges::find(info->tasks, table.shape.task) == info->tasks.end())
    return fmt::format("{} is not for {}", candidate.estimator, data::task_name(table.shape.task));
  if (std::string why = info->unavailable(); !why.empty()) return why;
  if (!keep_to(options.constraints, table.shape, table.columns, candidate))
    return "it does not keep to the constraints of this run";
  if (std::ranges::find(table.views, candidate.view, &View::name) == table.views.end())
    return fmt::format("this table has no view \"{}\"", candidate.view);
  const auto objective = candidate.params.find("objective");
  if (objective != candidate.params.end() && table.shape.task == data::Task::kRegression) {
    const ParamValue& loss = objective->second;
    const bool is_gamma = loss == ParamValue(std::string("gamma"));
    const bool is_of_counts =
        is_gamma || loss == ParamValue(std::string("poisson")) || loss == ParamValue(std::string("tweedie"));
    if (is_of_counts && (table.shape.target_minimum < 0 || (is_gamma && table.shape.target_minimum <= 0)))
      return fmt::format("its loss is not for targets down to {:g}", table.shape.target_minimum);
  }
  if (objective != candidate.params.end() && table.shape.task == data::Task::kMulticlass)
    return "its loss is for two classes";
  try {
    model::make_estimator(candidate.estimator, candidate.params);
  } catch (const Error& error) {
    return error.what();  // of an earlier version, with other parameters
  }
  return "";
}

/// The nearest runs of the same task, the newest first among equals.
std::vector<Source> nearest(const RunHistory& history, const RunStore& store, const Deadline& deadline,
                            std::vector<std::string>& notes) {
  const json own_id = store.fact("id").value_or(json()), data = store.fact("data").value_or(json::object());
  const json settings = store.fact("settings").value_or(json::object());
  std::vector<Source> out;
  std::size_t n_read = 0;
  const auto ids = history.newest_ids();
  for (const std::string& id : ids) {
    if (id == own_id) continue;
    if (deadline.passed()) {
      notes.push_back(fmt::format("warm start: {} of {} kept runs were looked at in the time there is for it",
                                  n_read, ids.size()));
      break;
    }
    ++n_read;
    try {
      json head = history.read_head(id);
      if (head.value("state", "") == "running" || !head.contains("data") || !head.contains("settings") ||
          head["settings"].value("task", "") != settings.value("task", ""))
        continue;
      const double distance = table_distance(data, head["data"]);
      if (distance <= kFarthest) out.push_back({std::move(head), distance});
    } catch (const std::exception&) {
      continue;  // a damaged one
    }
  }
  std::ranges::stable_sort(out, [](const Source& a, const Source& b) {
    if (a.distance != b.distance) return a.distance < b.distance;
    const auto started_a = a.run.value("started_at", ""), started_b = b.run.value("started_at", "");
    return started_a != started_b ? started_a > started_b : a.id() < b.id();
  });
  return out;
}

/// Of the nearest runs those that did something, up to kMostRuns.
std::vector<std::pair<Source, std::vector<Candidate>>> told_by_nearest(const RunHistory& history,
                                                                       const std::vector<Source>& nearest) {
  std::vector<std::pair<Source, std::vector<Candidate>>> out;
  for (const Source& source : nearest) {
    if (out.size() == kMostRuns) break;
    try {
      Source whole{history.read(source.id()), source.distance};
      auto candidates = best_of(whole.run, kOfEachRun);
      if (!candidates.empty()) out.emplace_back(std::move(whole), std::move(candidates));
    } catch (const std::exception&) {
      continue;
    }
  }
  return out;
}

std::pair<Source, std::vector<Candidate>> told_by(const RunHistory& history, const RunStore& store,
                                                  const std::string& word) {
  Source source{history.read(history.resolve(word))};
  const json settings = store.fact("settings").value_or(json::object());
  if (!source.run.contains("data") || !source.run.contains("settings"))
    throw Error(ErrorCode::kInvalidParameter,
                "--warm-start: run {} ended before it knew its table; there is nothing to learn from it",
                source.id());
  if (is_regression(source.run) != (settings.value("task", "") == "regression"))
    throw Error(
        ErrorCode::kInvalidParameter,
        "--warm-start: run {} is of the task {}, this one is {}; give a run of the same task, or auto",
        source.text(), source.run["settings"].value("task", "?"), settings.value("task", ""));
  source.distance = table_distance(store.fact("data").value_or(json::object()), source.run["data"]);
  auto candidates = best_of(source.run, kOfOneRun);
  return {std::move(source), std::move(candidates)};
}

std::string note_of(const Source& source, const std::vector<Candidate>& candidates) {
  std::vector<std::string> labels;
  for (const Candidate& candidate : candidates)
    labels.push_back(candidate.label.substr(0, candidate.label.find(" from ")));
  return fmt::format(
      "warm start from run {}, distance {:.3f}: {}", source.text(), source.distance,
      labels.empty() ? "it has no trial that ended" : fmt::format("{}", fmt::join(labels, ", ")));
}

json to_json(const WarmStart& warm) {
  json out = {{"runs", warm.runs}, {"candidates", json::array()}};
  for (const Candidate& candidate : warm.candidates) out["candidates"].push_back(to_json(candidate));
  return out;
}

WarmStart from_json(const json& fact) {
  WarmStart out;
  out.runs = fact.at("runs").get<std::vector<std::string>>();
  for (const json& candidate : fact.at("candidates"))
    out.candidates.push_back(candidate_from_json(candidate));
  return out;
}

/// A run that began warm goes on with what it began with. "last" names the run itself by now.
void check_same_source(const RunStore& store, const RunOptions& options, const WarmStart& begun) {
  if (options.warm_start == "auto") return;
  const std::string named = RunHistory(options.warm_start_history).resolve(options.warm_start);
  if (named == store.fact("id").value_or(json()) || std::ranges::find(begun.runs, named) != begun.runs.end())
    return;
  throw Error(
      ErrorCode::kData,
      "the run in {} was begun with --warm-start {} and can not go on with {}; give the same, or train "
      "without --resume to start anew",
      store.folder().string(), fmt::join(begun.runs, ", "), named);
}

}  // namespace

double table_distance(const json& a, const json& b) {
  const auto left = meta_features(a), right = meta_features(b);
  double sum = 0;
  for (std::size_t i = 0; i < left.size(); ++i)
    sum += std::min(std::abs(left[i].value - right[i].value) / left[i].range, 1.0);
  return sum / static_cast<double>(left.size());
}

WarmStart make_warm_start(RunStore& store, const RunOptions& options, const WarmTable& table,
                          const Deadline& deadline) {
  if (const auto kept = store.fact("warm_start")) {
    WarmStart begun = from_json(*kept);
    check_same_source(store, options, begun);
    return begun;
  }
  WarmStart out;
  const auto history = RunHistory::at(options.warm_start_server, options.warm_start_history,
                                      std::min(RunHistory::kServerPatience_s, deadline.remaining_s()));
  std::vector<std::pair<Source, std::vector<Candidate>>> told;
  try {
    if (options.warm_start == "auto") {
      told = told_by_nearest(history, nearest(history, store, deadline, out.notes));
      if (told.empty())
        out.notes.push_back(
            "warm start: no earlier run of this task is kept for a table that is like this one");
    } else {
      told.push_back(told_by(history, store, options.warm_start));
    }
  } catch (const Error& error) {
    // A server that is gone meanwhile costs the run its warm start and nothing else.
    if (error.code() != ErrorCode::kIo || options.warm_start_server.empty()) throw;
    out.notes.push_back(fmt::format("warm start: going on without, since {}", error.what()));
  }
  for (const auto& [source, candidates] : told) {
    out.runs.push_back(source.id());
    out.notes.push_back(note_of(source, candidates));
  }
  // The best of each run first, then the second best of each.
  std::set<std::string> seen;
  for (std::size_t rank = 0; rank < kOfOneRun; ++rank)
    for (auto& [source, candidates] : told) {
      if (rank >= candidates.size()) continue;
      Candidate& candidate = candidates[rank];
      if (const std::string why = obstacle(candidate, options, table); !why.empty())
        out.left_out.emplace_back(candidate, why);
      else if (seen.insert(key_of(candidate)).second)
        out.candidates.push_back(candidate);
    }
  store.set_fact("warm_start", to_json(out));
  return out;
}

std::vector<Candidate> with_warm_start(std::vector<Candidate> portfolio, std::vector<Candidate> candidates) {
  if (portfolio.empty()) return candidates;
  std::vector<Candidate> out = {portfolio.front()};
  std::set<std::string> seen = {key_of(portfolio.front())};
  for (Candidate& candidate : candidates) {
    const std::string key = key_of(candidate);
    if (!seen.insert(key).second) continue;
    const auto same = std::ranges::find(portfolio, key, key_of);
    out.push_back(same == portfolio.end() ? std::move(candidate) : *same);
  }
  for (Candidate& candidate : portfolio)
    if (seen.insert(key_of(candidate)).second) out.push_back(std::move(candidate));
  return out;
}

}  // namespace kolosal::automl
