#include "kolosal/automl/run_tables.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "kolosal/core/error.hpp"
#include "kolosal/core/hash.hpp"

namespace kolosal::automl {
namespace {

using nlohmann::json;

// Versions 1 to 3 were of files only, without run_id. A server begins with version 4.
constexpr std::string_view kFirst = R"(
  CREATE TABLE run (name TEXT PRIMARY KEY, value);
  CREATE TABLE trial (
    rung INTEGER NOT NULL, number INTEGER NOT NULL, candidate TEXT NOT NULL, state TEXT NOT NULL,
    loss REAL, score REAL, score_deviation REAL, seconds REAL, predict_us_per_row REAL, size_bytes INTEGER,
    mean_rounds REAL, cut_short INTEGER, note TEXT, ended_at TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (rung, number));
)";
constexpr std::string_view kSecond = R"(
  ALTER TABLE trial ADD COLUMN fold_scores TEXT;
  ALTER TABLE trial ADD COLUMN elapsed_s REAL;
  CREATE TABLE event (elapsed_s REAL, kind TEXT NOT NULL, message TEXT, note TEXT, score REAL);
)";
constexpr std::string_view kThird = "ALTER TABLE trial ADD COLUMN round_losses TEXT;";

constexpr std::string_view kTables = R"(
  CREATE TABLE run (run_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT, PRIMARY KEY (run_id, name));
  CREATE TABLE trial (
    run_id TEXT NOT NULL, rung BIGINT NOT NULL, number BIGINT NOT NULL,
    candidate TEXT NOT NULL,    -- JSON: label, estimator, params, view, cost
    state TEXT NOT NULL,        -- complete, failed
    loss DOUBLE PRECISION, score DOUBLE PRECISION, score_deviation DOUBLE PRECISION,
    seconds DOUBLE PRECISION,   -- thread-seconds of all folds
    predict_us_per_row DOUBLE PRECISION, size_bytes BIGINT, mean_rounds DOUBLE PRECISION, cut_short BIGINT,
    note TEXT,                  -- the reason of a failure
    ended_at TEXT DEFAULT CURRENT_TIMESTAMP,
    fold_scores TEXT,           -- JSON: the score of each fold
    elapsed_s DOUBLE PRECISION, -- when it ended, since its process started
    round_losses TEXT,          -- JSON: see round_losses_json()
    paused BIGINT,              -- a booster that did not run to its end
    PRIMARY KEY (run_id, rung, number));
  CREATE TABLE event (
    run_id TEXT NOT NULL, number BIGINT NOT NULL, elapsed_s DOUBLE PRECISION, kind TEXT NOT NULL,
    message TEXT, note TEXT, score DOUBLE PRECISION, PRIMARY KEY (run_id, number));
)";

// What leads from version 3 to these.
constexpr std::string_view kRename = R"(
  ALTER TABLE run RENAME TO run_3;
  ALTER TABLE trial RENAME TO trial_3;
  ALTER TABLE event RENAME TO event_3;
)";
constexpr std::string_view kMove = R"(
  INSERT INTO run SELECT '', name, value FROM run_3;
  INSERT INTO trial SELECT '', rung, number, candidate, state, loss, score, score_deviation, seconds,
    predict_us_per_row, size_bytes, mean_rounds, cut_short, note, ended_at, fold_scores, elapsed_s,
    round_losses, NULL FROM trial_3;
  INSERT INTO event SELECT '', rowid, elapsed_s, kind, message, note, score FROM event_3;
  DROP TABLE run_3;
  DROP TABLE trial_3;
  DROP TABLE event_3;
)";

enum class Kind { kText, kInteger, kReal };
struct Column {
  std::string_view name;
  Kind kind = Kind::kText;
};

/// Without run_id; the first n_keys tell the rows of a run from each other.
struct Table {
  std::string_view name;
  std::size_t n_keys;
  std::vector<Column> columns;
};

const std::vector<Table>& tables() {
  static const std::vector<Table> all = {
      {"run", 1, {{"name"}, {"value"}}},
      {"trial",
       2,
       {{"rung", Kind::kInteger},
        {"number", Kind::kInteger},
        {"candidate"},
        {"state"},
        {"loss", Kind::kReal},
        {"score", Kind::kReal},
        {"score_deviation", Kind::kReal},
        {"seconds", Kind::kReal},
        {"predict_us_per_row", Kind::kReal},
        {"size_bytes", Kind::kInteger},
        {"mean_rounds", Kind::kReal},
        {"cut_short", Kind::kInteger},
        {"note"},
        {"ended_at"},
        {"fold_scores"},
        {"elapsed_s", Kind::kReal},
        {"round_losses"},
        {"paused", Kind::kInteger}}},
      {"event",
       1,
       {{"number", Kind::kInteger},
        {"elapsed_s", Kind::kReal},
        {"kind"},
        {"message"},
        {"note"},
        {"score", Kind::kReal}}},
  };
  return all;
}

std::string names_of(std::span<const Column> columns) {
  std::string out;
  for (const Column& column : columns) {
    if (!out.empty()) out += ", ";
    out += column.name;
  }
  return out;
}

/// Many rows in one statement: a server far away answers once.
std::string upsert_sql(const Table& table, std::size_t n_rows) {
  std::string row = "(?", set;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    row += ", ?";
    if (i >= table.n_keys)
      set += fmt::format("{}{} = excluded.{}", set.empty() ? "" : ", ", table.columns[i].name,
                         table.columns[i].name);
  }
  row += ")";
  std::string rows;
  for (std::size_t i = 0; i < n_rows; ++i) rows += (i > 0 ? ", " : "") + row;
  return fmt::format("INSERT INTO {} (run_id, {}) VALUES {} ON CONFLICT (run_id, {}) DO UPDATE SET {}",
                     table.name, names_of(table.columns), rows,
                     names_of(std::span(table.columns).first(table.n_keys)), set);
}

store::Value value_of(const store::Statement& row, int column, Kind kind) {
  if (row.is_null(column)) return {};
  if (kind == Kind::kInteger) return row.integer(column);
  if (kind == Kind::kReal) return row.real(column);
  return row.text(column);
}

/// What tells a row from another of the same key, and the key.
std::pair<std::string, std::uint64_t> fingerprint_of(const Table& table, std::span<const store::Value> row) {
  std::string key(table.name), all;
  for (std::size_t i = 0; i < row.size(); ++i) {
    std::string text = std::visit(
        [](const auto& value) -> std::string {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
            return "null";
          else
            return fmt::format("={}", value);
        },
        row[i]);
    if (i < table.n_keys) key += text;
    all += text + '\0';
  }
  return {key, hash_bytes(all.data(), all.size())};
}

json number_json(const store::Statement& row, int column) {
  return row.is_null(column) ? json() : json(row.real(column));
}

void add_fact(json& out, const std::string& name, const std::string& text) {
  // Settings and facts are JSON, the fingerprint is a text, the seconds are a number.
  auto value = json::parse(text, nullptr, false);
  out[name] = name == "fingerprint" || value.is_discarded() ? json(text) : value;
}

json trials_json(const store::Database& database, std::string_view run) {
  auto out = json::array();
  auto row = database.prepare(
      "SELECT rung, number, candidate, state, score, note, score_deviation, seconds, predict_us_per_row, "
      "size_bytes, mean_rounds, cut_short, fold_scores, elapsed_s, loss, "
      "round_losses, paused FROM trial WHERE run_id = ? ORDER BY rung, number");
  row.bind(run);
  while (row.next()) {
    auto trial = json::parse(row.text(2));
    trial["rung"] = row.integer(0);
    trial["number"] = row.integer(1);
    trial["state"] = row.text(3);
    if (!row.text(5).empty()) trial["note"] = row.text(5);
    if (row.text(3) == "complete") {
      trial["score"] = number_json(row, 4);
      trial["loss"] = number_json(row, 14);
      trial["score_deviation"] = number_json(row, 6);
      trial["fit_s"] = number_json(row, 7);
      trial["predict_us_per_row"] = number_json(row, 8);
      trial["size_bytes"] = row.integer(9);
      trial["rounds"] = number_json(row, 10);
      trial["cut_short"] = row.integer(11) != 0;
      trial["paused"] = row.integer(16) != 0;
    }
    if (!row.is_null(12)) trial["fold_scores"] = json::parse(row.text(12), nullptr, false);
    if (!row.is_null(13)) trial["elapsed_s"] = row.real(13);
    if (!row.is_null(15)) trial["round_losses"] = json::parse(row.text(15), nullptr, false);
    out.push_back(std::move(trial));
  }
  return out;
}

json events_json(const store::Database& database, std::string_view run) {
  auto out = json::array();
  auto row = database.prepare(
      "SELECT elapsed_s, kind, message, note, score FROM event WHERE run_id = ? ORDER BY number");
  row.bind(run);
  while (row.next()) {
    json event = {{"elapsed_s", row.real(0)}, {"event", row.text(1)}, {"message", row.text(2)}};
    if (!row.text(3).empty()) event["note"] = row.text(3);
    if (!row.is_null(4)) event["score"] = row.real(4);
    out.push_back(std::move(event));
  }
  return out;
}

/// The rows of a table that are new or have changed.
std::vector<std::vector<store::Value>> new_rows(const store::Database& from, std::string_view run,
                                                const Table& table, std::string_view to_run,
                                                const KnownRows& known, KnownRows& found) {
  std::vector<std::vector<store::Value>> out;
  auto rows =
      from.prepare(fmt::format("SELECT {} FROM {} WHERE run_id = ? ORDER BY {}", names_of(table.columns),
                               table.name, names_of(std::span(table.columns).first(table.n_keys))));
  rows.bind(run);
  while (rows.next()) {
    std::vector<store::Value> row;
    for (const Column& column : table.columns)
      row.push_back(value_of(rows, static_cast<int>(row.size()), column.kind));
    const auto [key, hash] = fingerprint_of(table, row);
    if (const auto at = known.find(key); at != known.end() && at->second == hash) continue;
    found[key] = hash;
    row.insert(row.begin(), std::string(to_run));
    out.push_back(std::move(row));
  }
  return out;
}

void write_rows(store::Database& to, const Table& table, std::span<const std::vector<store::Value>> rows) {
  constexpr std::size_t kMostRows = 50;
  while (!rows.empty()) {
    const auto part = rows.first(std::min(rows.size(), kMostRows));
    std::vector<store::Value> values;
    for (const auto& row : part) values.insert(values.end(), row.begin(), row.end());
    to.prepare(upsert_sql(table, part.size())).bind_all(values).run();
    rows = rows.subspan(part.size());
  }
}

}  // namespace

void prepare_run_tables(store::Database& database) {
  static const std::string fourth = fmt::format("{}{}{}", kRename, kTables, kMove);
  const std::array<std::string_view, 4> of_file = {kFirst, kSecond, kThird, fourth};
  const std::array<std::string_view, 4> of_server = {"", "", "", kTables};
  database.migrate("run", database.is_server() ? of_server : of_file);
}

bool has_run_tables(const store::Database& database) { return database.schema_version("run") > 0; }

std::optional<std::string> fact_text(const store::Database& database, std::string_view run,
                                     std::string_view name) {
  auto rows = database.prepare("SELECT value FROM run WHERE run_id = ? AND name = ?");
  rows.bind(run, name);
  return rows.next() ? std::optional(rows.text(0)) : std::nullopt;
}

void set_fact_text(store::Database& database, std::string_view run, std::string_view name,
                   std::string_view text) {
  database.run(upsert_sql(tables().front(), 1), run, name, text);
}

json head_json(const store::Database& database, std::string_view run) {
  json out = {{"kind", "run"}};
  auto facts = database.prepare("SELECT name, value FROM run WHERE run_id = ? ORDER BY name");
  facts.bind(run);
  while (facts.next()) add_fact(out, facts.text(0), facts.text(1));
  return out;
}

std::map<std::string, json> all_heads_json(const store::Database& database) {
  std::map<std::string, json> out;
  auto facts = database.prepare(
      "SELECT run_id, name, value FROM run WHERE name NOT IN ('plan', 'feature_cache', 'warm_start')");
  while (facts.next()) {
    json& run = out.try_emplace(facts.text(0), json{{"kind", "run"}, {"n_trials", 0}}).first->second;
    add_fact(run, facts.text(1), facts.text(2));
  }
  auto counts = database.prepare(
      "SELECT run_id, count(*) FROM trial WHERE state = 'complete' AND candidate NOT LIKE "
      "'%\"estimator\":\"constant\"%' GROUP BY run_id");
  while (counts.next())
    if (const auto run = out.find(counts.text(0)); run != out.end())
      run->second["n_trials"] = counts.integer(1);
  return out;
}

json run_json(const store::Database& database, std::string_view run) {
  json out = head_json(database, run);
  out["trials"] = trials_json(database, run);
  out["events"] = events_json(database, run);
  return out;
}

void copy_run(const store::Database& from, std::string_view from_run, store::Database& to,
              std::string_view to_run, KnownRows& known) {
  KnownRows found;
  to.transaction([&] {
    for (const Table& table : tables())
      write_rows(to, table, new_rows(from, from_run, table, to_run, known, found));
  });
  for (auto& [key, hash] : found) known[key] = hash;
}

void delete_run(store::Database& database, std::string_view run) {
  database.transaction([&] {
    for (const Table& table : tables())
      database.run(fmt::format("DELETE FROM {} WHERE run_id = ?", table.name), run);
  });
}

}  // namespace kolosal::automl
