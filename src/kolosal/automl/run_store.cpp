#include "kolosal/automl/run_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "kolosal/artifact/container.hpp"
#include "kolosal/automl/round_losses.hpp"
#include "kolosal/automl/run_tables.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/log.hpp"

namespace kolosal::automl {
namespace {

std::unique_ptr<store::Database> open_database(const std::filesystem::path& path,
                                               store::Database::Mode mode) {
  auto out = std::make_unique<store::Database>(path, mode);
  prepare_run_tables(*out);
  return out;
}

/// SQLite stores NaN as NULL.
double real_or_nan(const store::Statement& row, int column) {
  return row.is_null(column) ? std::numeric_limits<double>::quiet_NaN() : row.real(column);
}

std::filesystem::path database_path(const std::filesystem::path& folder) { return folder / "run.sqlite"; }

/// A setting as the user writes it: "--exclude-models".
std::string as_option(std::string name) {
  constexpr auto kOptions = std::to_array<std::string_view>(
      {"target", "task", "metric", "seed", "exclude_models", "ignore", "weight", "group", "time", "quantiles",
       "repeats", "nested", "warm_start", "interpretable", "monotone", "max_latency_us", "max_model_size",
       "max_memory"});
  if (name == "ensemble") return "--no-ensemble";
  if (name == "max_model_bytes") name = "max_model_size";
  if (name == "max_memory_bytes") name = "max_memory";
  if (std::ranges::find(kOptions, name) == kOptions.end()) return name;
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

/// "--seed is 2 now and was 1" for the first setting that differs.
std::string first_difference(const nlohmann::json& stored, const nlohmann::json& wanted) {
  const auto value_of = [](const nlohmann::json& settings, const std::string& name) {
    return settings.contains(name) ? settings[name] : nlohmann::json();
  };
  const auto text = [](const nlohmann::json& value) { return value.is_null() ? "not set" : value.dump(); };
  for (const auto* side : {&wanted, &stored})
    for (const auto& [name, unused] : side->items()) {
      const auto was = value_of(stored, name), now = value_of(wanted, name);
      if (was == now) continue;
      if (was.is_object() || now.is_object()) return first_difference(was, now);
      return fmt::format("{} is {} now and was {}", as_option(name), text(now), text(was));
    }
  return "its settings differ";
}

/// What decides which cells of a file are the table: "--ignore is [...] now and was ...", or "".
std::string other_table_by_options(const nlohmann::json& stored, const nlohmann::json& wanted) {
  nlohmann::json was, now;
  for (const char* name : {"target", "ignore", "weight", "group", "time"}) {
    was[name] = stored.value(name, nlohmann::json());
    now[name] = wanted.value(name, nlohmann::json());
  }
  return was == now ? "" : first_difference(was, now);
}

}  // namespace

RunStore::RunStore(std::filesystem::path folder, std::unique_ptr<store::Database> database)
    : folder_(std::move(folder)), database_(std::move(database)), mutex_(std::make_unique<std::mutex>()) {}

bool RunStore::exists(const std::filesystem::path& folder) {
  return std::filesystem::exists(database_path(folder));
}

RunStore RunStore::create(const std::filesystem::path& folder, const RunIdentity& identity) {
  std::error_code error;
  if (std::filesystem::exists(folder) && !exists(folder) && !std::filesystem::is_empty(folder, error))
    throw Error(ErrorCode::kIo, "the run folder {} holds other files; choose another with --run-dir",
                folder.string());
  std::filesystem::remove_all(folder, error);
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ErrorCode::kIo, "can not make the run folder {}: {}", folder.string(), error.message());
  try {
    auto database = open_database(database_path(folder), store::Database::Mode::kCreate);
    database->transaction([&] {
      set_fact_text(*database, kFileRun, "fingerprint", fmt::format("{:016x}", identity.fingerprint));
      set_fact_text(*database, kFileRun, "settings", identity.settings);
    });
    return {folder, std::move(database)};
  } catch (const Error&) {
    std::filesystem::remove_all(folder, error);  // a disk that is full: there is nothing to resume yet
    throw;
  }
}

RunStore RunStore::attach(const std::filesystem::path& folder) {
  if (!exists(folder)) throw Error(ErrorCode::kNotFound, "there is no run in {}", folder.string());
  return {folder, open_database(database_path(folder), store::Database::Mode::kExisting)};
}

RunStore RunStore::attach_copy(const std::filesystem::path& file) {
  return {file.parent_path(), open_database(file, store::Database::Mode::kExisting)};
}

RunStore RunStore::open(const std::filesystem::path& folder, const RunIdentity& identity) {
  if (!exists(folder)) throw Error(ErrorCode::kNotFound, "there is no run to resume in {}", folder.string());
  auto database = open_database(database_path(folder), store::Database::Mode::kExisting);
  const auto fingerprint = fact_text(*database, kFileRun, "fingerprint");
  const auto settings = fact_text(*database, kFileRun, "settings");
  // Killed before it knew what it was: nothing is lost by starting anew.
  if (!fingerprint || !settings) return create(folder, identity);
  const auto was = nlohmann::json::parse(*settings, nullptr, false);
  const auto now = nlohmann::json::parse(identity.settings, nullptr, false);
  const bool is_same_table = *fingerprint == fmt::format("{:016x}", identity.fingerprint);
  const std::string why = is_same_table ? "" : other_table_by_options(was, now);
  if (!is_same_table && why.empty())
    throw Error(ErrorCode::kData,
                "the run in {} was made on another table; train without --resume to start anew",
                folder.string());
  if (!is_same_table || *settings != identity.settings)
    throw Error(ErrorCode::kData,
                "the run in {} was made with other settings: {}; train without --resume to start anew",
                folder.string(), why.empty() ? first_difference(was, now) : why);
  return {folder, std::move(database)};
}

namespace {

std::unique_ptr<store::Database> open_existing(const std::filesystem::path& folder_or_copy) {
  const bool is_folder = std::filesystem::is_directory(folder_or_copy);
  const auto file = is_folder ? database_path(folder_or_copy) : folder_or_copy;
  if (!std::filesystem::exists(file))
    throw Error(ErrorCode::kNotFound, "there is no run in {}", folder_or_copy.string());
  return open_database(file, store::Database::Mode::kExisting);
}

}  // namespace

nlohmann::json RunStore::describe(const std::filesystem::path& folder_or_copy) {
  return run_json(*open_existing(folder_or_copy), kFileRun);
}

nlohmann::json RunStore::describe_head(const std::filesystem::path& folder_or_copy) {
  return head_json(*open_existing(folder_or_copy), kFileRun);
}

std::filesystem::path RunStore::trial_path(std::size_t rung, std::size_t number) const {
  return folder_ / fmt::format("trial_{}_{:04}.kolosal", rung, number);
}

std::filesystem::path RunStore::pipeline_path(std::size_t rung, std::size_t number, std::size_t fold) const {
  return folder_ / fmt::format("trial_{}_{:04}_fold_{}.kolosal", rung, number, fold);
}

void RunStore::save_pipeline(std::size_t rung, std::size_t number, std::size_t fold, FoldResult& result) {
  artifact::ContainerWriter writer;
  writer.add_node("pipeline", std::exchange(result.pipeline, {}));
  writer.write(pipeline_path(rung, number, fold), false);
  result.size_bytes = writer.n_bytes();
}

void RunStore::save_trial(TrialResult& result, const std::vector<FoldResult>& folds) {
  artifact::ContainerWriter writer;
  artifact::Node predictions;
  predictions.set_array("prediction", result.prediction);
  writer.add_node("predictions", predictions);
  writer.write(trial_path(result.rung, result.number), false);
  result.size_bytes = writer.n_bytes();
  for (const FoldResult& fold : folds) result.size_bytes += fold.size_bytes;
  const nlohmann::json losses = round_losses_json(folds);
  const auto losses_text = losses.is_null() ? std::nullopt : std::optional(losses.dump());
  const std::lock_guard lock(*mutex_);
  database_->run(
      "INSERT OR REPLACE INTO trial (run_id, rung, number, candidate, state, loss, score, score_deviation, "
      "seconds, "
      "predict_us_per_row, size_bytes, mean_rounds, cut_short, note, fold_scores, elapsed_s, "
      "round_losses, paused) VALUES ('', ?, ?, ?, 'complete', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      result.rung, result.number, to_json(result.candidate).dump(), result.loss, result.score,
      result.score_deviation, result.seconds, result.predict_us_per_row, result.size_bytes,
      result.mean_rounds, result.cut_short ? 1 : 0, result.note, nlohmann::json(result.fold_scores).dump(),
      Clock::system().now_s(), losses_text, result.paused ? 1 : 0);
}

void RunStore::save_failure(std::size_t rung, std::size_t number, const Candidate& candidate,
                            const std::string& reason) {
  const std::lock_guard lock(*mutex_);
  database_->run(
      "INSERT OR REPLACE INTO trial (run_id, rung, number, candidate, state, note, elapsed_s) VALUES ('', ?, "
      "?, ?, "
      "'failed', ?, ?)",
      rung, number, to_json(candidate).dump(), reason, Clock::system().now_s());
}

std::vector<TrialResult> RunStore::trials() const {
  const std::lock_guard lock(*mutex_);
  std::vector<TrialResult> out;
  auto row = database_->prepare(
      "SELECT rung, number, candidate, loss, score, score_deviation, seconds, predict_us_per_row, "
      "size_bytes, mean_rounds, cut_short, note, fold_scores, paused FROM trial WHERE state = 'complete' "
      "ORDER BY rung, number");
  while (row.next()) {
    TrialResult result;
    result.rung = static_cast<std::size_t>(row.integer(0));
    result.number = static_cast<std::size_t>(row.integer(1));
    result.candidate = candidate_from_json(nlohmann::json::parse(row.text(2)));
    result.loss = real_or_nan(row, 3);
    result.score = real_or_nan(row, 4);
    result.score_deviation = real_or_nan(row, 5);
    result.seconds = real_or_nan(row, 6);
    result.predict_us_per_row = real_or_nan(row, 7);
    result.size_bytes = static_cast<std::size_t>(row.integer(8));
    result.mean_rounds = real_or_nan(row, 9);
    result.cut_short = row.integer(10) != 0;
    result.note = row.text(11);
    result.paused = row.integer(13) != 0;
    if (!row.is_null(12))
      for (const auto& score : nlohmann::json::parse(row.text(12)))
        result.fold_scores.push_back(score.is_number() ? score.get<double>()
                                                       : std::numeric_limits<double>::quiet_NaN());
    out.push_back(std::move(result));
  }
  std::erase_if(out, [&](TrialResult& result) {
    try {
      const auto file = artifact::Container::open(trial_path(result.rung, result.number));
      result.prediction = file.node("predictions").get_vector<double>("prediction");
      for (std::size_t k = 0; k < result.fold_scores.size(); ++k)
        artifact::Container::open(pipeline_path(result.rung, result.number, k));
      return false;
    } catch (const Error&) {
      return true;  // the machine went down before the file reached the disk: the trial is run again
    }
  });
  return out;
}

std::vector<RunStore::Failure> RunStore::failures() const {
  const std::lock_guard lock(*mutex_);
  std::vector<Failure> out;
  auto row = database_->prepare(
      "SELECT rung, number, candidate, note FROM trial WHERE state = 'failed' ORDER BY rung, number");
  while (row.next())
    out.push_back({static_cast<std::size_t>(row.integer(0)), static_cast<std::size_t>(row.integer(1)),
                   candidate_from_json(nlohmann::json::parse(row.text(2))), row.text(3)});
  return out;
}

std::vector<artifact::Node> RunStore::pipelines(const TrialResult& trial) const {
  std::vector<artifact::Node> out;
  for (std::size_t k = 0; k < trial.fold_scores.size(); ++k)
    out.push_back(artifact::Container::open(pipeline_path(trial.rung, trial.number, k)).node("pipeline"));
  return out;
}

double RunStore::seconds_used() const {
  const auto seconds = fact("seconds_used");
  return seconds && seconds->is_number() ? seconds->get<double>() : 0;
}

void RunStore::set_seconds_used(double seconds) { set_fact("seconds_used", seconds); }

void RunStore::set_fact(std::string_view name, const nlohmann::json& fact) {
  const std::lock_guard lock(*mutex_);
  set_fact_text(*database_, kFileRun, name, fact.dump());
}

std::optional<nlohmann::json> RunStore::fact(std::string_view name) const {
  const std::lock_guard lock(*mutex_);
  const auto text = fact_text(*database_, kFileRun, name);
  if (!text) return {};
  auto out = nlohmann::json::parse(*text, nullptr, false);
  return out.is_discarded() ? std::optional<nlohmann::json>() : std::move(out);
}

std::string RunStore::id() const {
  const auto id = fact("id");
  return id && id->is_string() ? id->get<std::string>() : "unnamed";
}

void RunStore::add_event(const Event& event) {
  const std::lock_guard lock(*mutex_);
  try {
    database_->run(
        "INSERT INTO event SELECT '', coalesce(max(number), 0) + 1, ?, ?, ?, ?, ? FROM event WHERE run_id = "
        "''",
        event.elapsed_s, event_name(event.kind), event.message, event.note, event.score);
  } catch (const Error& error) {
    log::warning("an event is not kept", {{"reason", error.what()}});
  }
}

void RunStore::copy_to(const std::filesystem::path& file) const {
  const auto unfinished = file.parent_path() / fmt::format(".{}.{}.tmp", file.filename().string(), getpid());
  std::error_code error;
  std::filesystem::remove(unfinished, error);
  {
    const std::lock_guard lock(*mutex_);
    database_->run("VACUUM INTO ?", unfinished.string());
  }
  std::filesystem::rename(unfinished, file, error);
  if (!error) return;
  std::error_code ignored;
  std::filesystem::remove(unfinished, ignored);
  throw Error(ErrorCode::kIo, "can not write {}: {}", file.string(), error.message());
}

void RunStore::copy_to(store::Database& database, KnownRows& known) const {
  const std::string name = id();
  const std::lock_guard lock(*mutex_);
  copy_run(*database_, kFileRun, database, name, known);
}

void RunStore::remove() {
  database_.reset();
  std::error_code ignored;  // a folder that stays behind harms nothing
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace kolosal::automl
