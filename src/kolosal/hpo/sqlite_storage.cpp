#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"
#include "kolosal/hpo/study.hpp"
#include "kolosal/store/database.hpp"

namespace kolosal::hpo {
namespace {

constexpr std::string_view kScripts[] = {R"(
  CREATE TABLE hpo_study (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, identity TEXT NOT NULL);
  CREATE TABLE hpo_trial (
    study INTEGER NOT NULL REFERENCES hpo_study(id) ON DELETE CASCADE, number INTEGER NOT NULL,
    params TEXT NOT NULL, state TEXT NOT NULL, value REAL, note TEXT NOT NULL, PRIMARY KEY (study, number)) WITHOUT ROWID;
  CREATE TABLE hpo_intermediate (
    study INTEGER NOT NULL, number INTEGER NOT NULL, step INTEGER NOT NULL, value REAL, PRIMARY KEY (study, number, step),
    FOREIGN KEY (study, number) REFERENCES hpo_trial(study, number) ON DELETE CASCADE) WITHOUT ROWID;
)"};

class SqliteStorage final : public StudyStorage {
 public:
  SqliteStorage(const std::filesystem::path& file, std::string name)
      : database_(file), name_(std::move(name)) {
    database_.migrate("hpo", kScripts);
  }

  std::vector<Trial> open(const std::string& identity) override {
    database_.run("INSERT OR IGNORE INTO hpo_study (name, identity) VALUES (?, ?)", name_, identity);
    auto study = database_.prepare("SELECT id, identity FROM hpo_study WHERE name = ?");
    study.bind(name_).next();
    study_ = study.integer(0);
    if (study.text(1) != identity)
      throw Error(ErrorCode::kData,
                  "study \"{}\" in {} was made with other settings, it can not go on: {} instead of {}",
                  name_, database_.name(), identity, study.text(1));
    return load();
  }

  void add(const Trial& trial) override {
    database_.run("INSERT INTO hpo_trial VALUES (?, ?, ?, ?, ?, ?)", study_, trial.number,
                  to_json(trial.params).dump(), state_name(trial.state), trial.value, trial.note);
  }

  void add_intermediate(std::size_t number, std::int64_t step, double value) override {
    database_.run("INSERT OR REPLACE INTO hpo_intermediate VALUES (?, ?, ?, ?)", study_, number, step, value);
  }

  void update(const Trial& trial) override {
    database_.run("UPDATE hpo_trial SET state = ?, value = ?, note = ? WHERE study = ? AND number = ?",
                  state_name(trial.state), trial.value, trial.note, study_, trial.number);
  }

 private:
  std::vector<Trial> load() const {
    std::vector<Trial> out;
    auto rows = database_.prepare(
        "SELECT number, params, state, value, note FROM hpo_trial WHERE study = ? ORDER BY number");
    for (rows.bind(study_); rows.next();) {
      Trial trial;
      trial.number = static_cast<std::size_t>(rows.integer(0));
      trial.params = params_from_json(nlohmann::json::parse(rows.text(1)));
      trial.state = state_from_name(rows.text(2));
      if (!rows.is_null(3)) trial.value = rows.real(3);
      trial.note = rows.text(4);
      out.push_back(std::move(trial));
    }
    auto steps = database_.prepare("SELECT number, step, value FROM hpo_intermediate WHERE study = ?");
    for (steps.bind(study_); steps.next();)  // SQLite keeps a NaN as NULL
      out.at(static_cast<std::size_t>(steps.integer(0))).intermediate[steps.integer(1)] =
          steps.is_null(2) ? std::nan("") : steps.real(2);
    return out;
  }

  store::Database database_;
  std::string name_;
  std::int64_t study_ = 0;
};

}  // namespace

std::unique_ptr<StudyStorage> make_sqlite_storage(const std::filesystem::path& file,
                                                  const std::string& study_name) {
  return std::make_unique<SqliteStorage>(file, study_name);
}

}  // namespace kolosal::hpo
