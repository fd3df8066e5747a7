#include "kolosal/automl/constraints.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"

namespace kolosal::automl {
namespace {

/// Boosters keep to a direction; and no view that makes numbers out of two columns may hide one of them.
bool keeps_direction(const Candidate& candidate) {
  return (candidate.estimator == "lightgbm" || candidate.estimator == "xgboost") &&
         candidate.view.find("pairs") == std::string::npos && !candidate.choices.selector;
}

std::vector<Candidate> interpretable_portfolio(const TableShape& shape) {
  const bool regression = shape.task == data::Task::kRegression;
  std::vector<Candidate> out;
  out.push_back({"linear", regression ? "ridge" : "logistic_regression", {}, "linear", 0.2});
  for (const std::int64_t depth : {4, 6, 3, 8}) {
    const auto leaf = static_cast<std::int64_t>(std::clamp<std::size_t>(shape.n_rows / 200, 5, 200));
    out.push_back({fmt::format("tree of depth {}", depth),
                   "decision_tree",
                   {{"max_depth", depth}, {"min_samples_leaf", leaf}},
                   "ranked",
                   0.2});
  }
  if (regression) out.push_back({"lasso", "lasso", {}, "linear", 0.3});
  if (is_skewed(shape))
    if (auto glm = plain_candidate(model::estimator_info("glm"), shape)) out.push_back(*std::move(glm));
  return out;
}

/// False for a candidate that can keep to none.
bool give_directions(const Constraints& constraints, const TableShape& shape,
                     const std::vector<std::string>& columns, Candidate& candidate) {
  if (constraints.monotone.empty()) return true;
  std::vector<model::MonotoneColumn> used = constraints.monotone;
  std::erase_if(used,
                [&](const auto& column) { return std::ranges::find(columns, column.name) == columns.end(); });
  // Most entries have pairs; on the view without them they are worth a try as well.
  if (candidate.view == "encoded_pairs") candidate.view = shape.n_category > 0 ? "encoded" : "native";
  if (candidate.view == "crossed_pairs") candidate.view = "crossed";
  if (candidate.view == "pairs") candidate.view = "native";
  candidate.params["monotone"] = model::monotone_text(used);
  return keeps_direction(candidate);
}

}  // namespace

nlohmann::json to_json(const Constraints& constraints) {
  nlohmann::json out = nlohmann::json::object();
  if (!constraints.ensemble) out["ensemble"] = false;
  if (constraints.interpretable) out["interpretable"] = true;
  if (!constraints.monotone.empty()) out["monotone"] = model::monotone_text(constraints.monotone);
  if (constraints.max_latency_us) out["max_latency_us"] = *constraints.max_latency_us;
  if (constraints.max_model_bytes) out["max_model_bytes"] = *constraints.max_model_bytes;
  if (constraints.max_memory_bytes) out["max_memory_bytes"] = *constraints.max_memory_bytes;
  return out;
}

void check_constraints(const Constraints& constraints, const Problem& problem) {
  if (constraints.monotone.empty()) return;
  if (constraints.interpretable)
    throw Error(ErrorCode::kInvalidParameter,
                "monotone and interpretable can not both be kept to: only boosters keep to a direction; give "
                "one of them");
  model::monotone_directions("train", model::monotone_text(constraints.monotone), problem.features,
                             problem.task);
}

std::vector<std::string> unread_monotone(const Constraints& constraints, const data::Frame& base) {
  std::vector<std::string> out;
  for (const auto& column : constraints.monotone)
    if (!base.find(column.name))
      out.push_back(
          fmt::format("monotone names \"{}\", which no learner reads: it is constant, equal to another "
                      "column, an identifier or a date",
                      column.name));
  return out;
}

std::vector<Candidate> constrained_portfolio(const TableShape& shape, const Constraints& constraints,
                                             const std::vector<std::string>& columns, bool every_learner) {
  std::vector<Candidate> out =
      constraints.interpretable ? interpretable_portfolio(shape) : make_portfolio(shape);
  if (every_learner && !constraints.interpretable) out = with_every_learner(std::move(out), shape);
  std::erase_if(
      out, [&](Candidate& candidate) { return !give_directions(constraints, shape, columns, candidate); });
  return out;
}

bool keep_to(const Constraints& constraints, const TableShape& shape, const std::vector<std::string>& columns,
             Candidate& candidate) {
  candidate.params.erase("monotone");
  if (constraints.interpretable) {
    const auto known = interpretable_portfolio(shape);
    if (std::ranges::find(known, candidate.estimator, &Candidate::estimator) == known.end()) return false;
  }
  return give_directions(constraints, shape, columns, candidate);
}

std::vector<std::string> constrained_views(std::vector<std::string> views, const Constraints& constraints) {
  if (!constraints.monotone.empty())
    std::erase_if(views, [](const std::string& view) { return view.find("pairs") != std::string::npos; });
  return views;
}

Excess excess_of(const Constraints& constraints, const ModelNeeds& needs) {
  Excess out;
  const auto look = [&](double ratio, std::string message) {
    if (ratio > out.ratio) out = {ratio, std::move(message)};
  };
  const auto look_at_bytes = [&](const char* option, const char* what, std::uint64_t limit,
                                 std::uint64_t bytes) {
    look(static_cast<double>(bytes) / static_cast<double>(limit),
         fmt::format("{} {}: {} {}", option, format_bytes(limit), what, format_bytes(bytes)));
  };
  if (constraints.max_latency_us)
    look(needs.latency_us / *constraints.max_latency_us,
         fmt::format("--max-latency-us {}: one row takes {:.1f} us", *constraints.max_latency_us,
                     needs.latency_us));
  if (constraints.max_model_bytes)
    look_at_bytes("--max-model-size", "the file has", *constraints.max_model_bytes, needs.file_bytes);
  if (constraints.max_memory_bytes)
    look_at_bytes("--max-memory", "the loaded model takes", *constraints.max_memory_bytes,
                  needs.memory_bytes);
  return out;
}

ModelNeeds measure_needs(const Constraints& constraints, const std::filesystem::path& model,
                         const data::Frame& features, const Context& context) {
  ModelNeeds out;
  out.file_bytes = std::filesystem::file_size(model);
  if (constraints.max_memory_bytes) out.memory_bytes = loaded_bytes(model, features, context);
  if (constraints.max_latency_us)
    out.latency_us = one_row_latency_us(pipeline::Model::open(model), features, context);
  return out;
}

double one_row_latency_us(const pipeline::Model& model, const data::Frame& features, const Context& context) {
  constexpr std::size_t kMostRows = 200;
  const Context alone = context.single_threaded();
  std::vector<double> times;
  const std::size_t n = std::min(kMostRows, features.n_rows());
  for (std::size_t i = 0; i < n + 5; ++i) {
    const data::Frame row = features.slice(i % n * features.n_rows() / n, 1);
    const auto start = std::chrono::steady_clock::now();
    model.predict(row, alone);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    if (i >= 5) times.push_back(took.count());  // the first ones warm caches
  }
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

std::uint64_t loaded_bytes(const std::filesystem::path& path, const data::Frame& features,
                           const Context& context) {
  const data::Frame row = features.slice(0, 1);
  const auto held = [] { return heap_bytes() > 0 ? heap_bytes() : memory_use().resident_bytes; };
  const std::size_t before = held();
  const auto model = pipeline::Model::open(path);
  model.predict(row, context.single_threaded());  // what is made at the first prediction counts as well
  const std::size_t after = held();
  return after > before ? after - before : 0;
}

}  // namespace kolosal::automl
