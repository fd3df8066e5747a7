#include "kolosal/automl/run_tables.hpp"

#include <nlohmann/json.hpp>

#include "kolosal/automl/run_mirror.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::automl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const Candidate kTree{"a tree", "decision_tree", {}, "native"};

/// A run with two facts, a failed trial and an event.
RunStore small_run(const std::filesystem::path& folder) {
  RunStore store = RunStore::create(folder, {1, R"({"seed":1})"});
  store.set_fact("id", "0a0b0c0d");
  store.set_fact("state", "running");
  store.save_failure(0, 1, kTree, "it fell");
  Event event;
  event.kind = Event::Kind::kNote;
  event.message = "something happened";
  event.score = 0.1;
  store.add_event(event);
  return store;
}

TEST(RunTables, AFileOfAnEarlierVersionKeepsAllItHas) {
  const TempFolder folder;
  const auto file = folder.file("old.sqlite");
  {
    store::Database old(file);
    old.execute_script(R"(
      CREATE TABLE schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL);
      INSERT INTO schema_version VALUES ('run', 3);
      CREATE TABLE run (name TEXT PRIMARY KEY, value);
      INSERT INTO run VALUES ('fingerprint', '00000000000000ff'), ('id', '"0a0b0c0d"'), ('seconds_used', 2.5);
      CREATE TABLE trial (rung INTEGER NOT NULL, number INTEGER NOT NULL, candidate TEXT NOT NULL, state TEXT NOT NULL,
        loss REAL, score REAL, score_deviation REAL, seconds REAL, predict_us_per_row REAL, size_bytes INTEGER,
        mean_rounds REAL, cut_short INTEGER, note TEXT, ended_at TEXT DEFAULT CURRENT_TIMESTAMP, fold_scores TEXT,
        elapsed_s REAL, round_losses TEXT, PRIMARY KEY (rung, number));
      INSERT INTO trial VALUES (0, 1, '{"label":"x"}', 'complete', 0.1, 0.9, 0.01, 3, 4, 5, 6, 1, 'slow', 'then',
        '[0.8,1.0]', 7.5, NULL);
      CREATE TABLE event (elapsed_s REAL, kind TEXT NOT NULL, message TEXT, note TEXT, score REAL);
      INSERT INTO event VALUES (1, 'phase', 'one', '', NULL), (2, 'note', 'two', 'why', 0.5);
    )");
  }
  const json run = RunStore::describe(file);
  EXPECT_EQ(run["fingerprint"], "00000000000000ff");
  EXPECT_EQ(run["id"], "0a0b0c0d");
  ASSERT_THAT(run["trials"], SizeIs(1));
  const json trial = run["trials"][0];
  EXPECT_EQ(trial["score"], 0.9);
  EXPECT_EQ(trial["fold_scores"], json({0.8, 1.0}));
  EXPECT_EQ(trial["elapsed_s"], 7.5);
  EXPECT_EQ(trial["cut_short"], true);
  ASSERT_THAT(run["events"], SizeIs(2));
  EXPECT_EQ(run["events"][1]["message"], "two");
  EXPECT_EQ(RunStore::attach_copy(file).seconds_used(), 2.5);
}

TEST(RunTables, ARunIsCopiedOnceAndThenWhatIsNew) {
  const TempFolder folder;
  RunStore store = small_run(folder.path() / "run");
  store::Database many(folder.file("many.sqlite"));
  prepare_run_tables(many);
  set_fact_text(many, "another", "state", "\"done\"");
  KnownRows known;
  store.copy_to(many, known);
  json wanted = RunStore::describe(folder.path() / "run");
  EXPECT_EQ(run_json(many, "0a0b0c0d"), wanted);

  // What the other side has is not written again: a change there stays.
  set_fact_text(many, "0a0b0c0d", "fingerprint", "changed there");
  store.set_fact("state", "done");
  store.save_failure(0, 2, kTree, "it fell again");
  store.copy_to(many, known);
  const json copied = run_json(many, "0a0b0c0d");
  EXPECT_EQ(copied["fingerprint"], "changed there");
  EXPECT_EQ(copied["state"], "done");
  EXPECT_THAT(copied["trials"], SizeIs(2));
  EXPECT_THAT(copied["events"], SizeIs(1));

  const auto heads = all_heads_json(many);
  ASSERT_THAT(heads, SizeIs(2));
  EXPECT_EQ(heads.at("0a0b0c0d")["n_trials"], 0) << "none of them ended with a result";
  delete_run(many, "0a0b0c0d");
  EXPECT_EQ(run_json(many, "0a0b0c0d")["trials"], json::array());
  EXPECT_EQ(head_json(many, "another")["state"], "done");
}

TEST(RunTables, MoreRowsThanOneStatementTakesAreCopied) {
  const TempFolder folder;
  RunStore store = small_run(folder.path() / "run");
  for (std::size_t number = 2; number < 180; ++number) store.save_failure(0, number, kTree, "it fell");
  store::Database many(folder.file("many.sqlite"));
  prepare_run_tables(many);
  KnownRows known;
  store.copy_to(many, known);
  EXPECT_EQ(run_json(many, "0a0b0c0d"), RunStore::describe(folder.path() / "run"));
}

TEST(RunMirror, AServerThatIsAwayIsTheMatterOfANoteAndACopy) {
  if (!store::Database::servers_unavailable().empty()) GTEST_SKIP() << store::Database::servers_unavailable();
  const TempFolder folder;
  RunStore store = small_run(folder.path() / "run");
  RunMirrorOptions options;
  options.database = store.database_file();
  options.run_id = store.id();
  options.server = store::parse_server_url("postgresql://127.0.0.1:1/x");
  options.unsent = folder.path() / "unsent" / "0a0b0c0d.sqlite";
  options.retry_s = 0.01;
  RunMirror mirror(options);
  mirror.touch();
  EXPECT_FALSE(mirror.close(0.5));
  const auto notes = mirror.take_notes();
  ASSERT_THAT(notes, SizeIs(1)) << "however often it was tried";
  EXPECT_THAT(notes[0], HasSubstr("Connection refused"));
  EXPECT_EQ(RunStore::describe(options.unsent)["id"], "0a0b0c0d");
  EXPECT_TRUE(mirror.take_notes().empty());
}

}  // namespace
}  // namespace kolosal::automl
