#include "kolosal/automl/run_history.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "kolosal/automl/run.hpp"
#include "kolosal/automl/run_record.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::automl {
namespace {

using data::Task;
using nlohmann::json;
using ::testing::HasSubstr;

class RunHistoryTest : public testing::Test {
 protected:
  RunOptions options(std::string output = "model.kolosal") const {
    RunOptions out;
    out.problem.target = "y";
    out.n_trials = 2;
    out.output = folder.path() / output;
    out.exclude_models = {"lightgbm", "xgboost"};
    out.history = folder.path() / "runs";
    out.data_name = "made.csv";
    return out;
  }
  RunResult run(const RunOptions& options, const EventSink& sink = {}) const {
    return automl::run(made_table(Task::kBinary, 120), options, Context(), sink);
  }
  /// A run that ends in the given state, as another process would leave it.
  std::string left_behind(const json& process) const {
    RunStore store = RunStore::create(folder.path() / "left.run", {1, "{}"});
    store.set_fact("id", "0a0b0c0d");
    store.set_fact("state", "running");
    store.set_fact("started_at", "2026-01-01T00:00:00.000Z");
    store.set_fact("process", process);
    store.set_fact("folder", (folder.path() / "left.run").string());
    history.save(store);
    Candidate candidate{"a tree", "decision_tree", {}, "native"};
    store.save_failure(0, 1, candidate, "it fell");
    return "0a0b0c0d";
  }

  TempFolder folder;
  RunHistory history{folder.path() / "runs"};
};

TEST_F(RunHistoryTest, KeepsAllOfARunWhenItsFolderIsGone) {
  const RunResult result = run(options());
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "model.kolosal.run"));
  const json kept = history.read(result.run_id);
  EXPECT_EQ(kept["state"], "done");
  EXPECT_EQ(kept["data"]["name"], "made.csv");
  EXPECT_EQ(kept["data"]["rows"], 120);
  EXPECT_EQ(kept["data"]["columns"], 3);
  EXPECT_EQ(kept["data"]["classes"], 2);
  EXPECT_EQ(kept["data"]["target"]["classes"].size(), 2U);
  EXPECT_EQ(kept["data"]["features"][0]["name"], "a");
  EXPECT_EQ(kept["result"]["score"], result.score);
  EXPECT_EQ(kept["artifact"]["bytes"], result.model_bytes);
  EXPECT_GT(kept["resources"]["cpu_s"], 0);
  EXPECT_GT(kept["environment"]["threads"], 0);
  EXPECT_FALSE(kept["plan"]["base"]["steps"].empty());
  ASSERT_EQ(kept["trials"].size(), 3U);  // with the baseline
  for (const json& trial : kept["trials"]) {
    EXPECT_EQ(trial["fold_scores"].size(), 10U);  // 5 folds twice
    EXPECT_GT(trial["elapsed_s"], 0);
  }
  EXPECT_EQ(kept["events"].back()["message"], "done");
}

TEST_F(RunHistoryTest, IsCompactAndHoldsNoPredictions) {
  const RunResult result = run(options());
  EXPECT_LT(std::filesystem::file_size(folder.path() / "runs" / (result.run_id + ".sqlite")), 200'000U);
  std::size_t n_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "runs"))
    n_files += entry.is_regular_file();
  EXPECT_EQ(n_files, 1U);
}

TEST_F(RunHistoryTest, ListsTheNewestFirst) {
  const auto first = run(options("a.kolosal")).run_id, second = run(options("b.kolosal")).run_id;
  const auto runs = history.list();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["id"], second);
  EXPECT_EQ(runs[1]["id"], first);
  EXPECT_EQ(runs[0]["trials"], 2);
  EXPECT_EQ(history.resolve("last"), second);
}

TEST_F(RunHistoryTest, TheModelDoesNotDependOnIt) {
  RunOptions without = options("b.kolosal");
  without.history.clear();
  run(options("a.kolosal"));
  run(without);
  EXPECT_EQ(read_text(folder.path() / "a.kolosal"), read_text(folder.path() / "b.kolosal"));
}

TEST_F(RunHistoryTest, APlaceThatCanNotBeWrittenIsANote) {
  RunOptions blocked = options();
  blocked.history = folder.write("file", "no folder") + "/runs";
  std::vector<std::string> notes;
  const RunResult result = run(blocked, [&](const Event& event) {
    if (event.kind == Event::Kind::kNote) notes.push_back(event.message);
  });
  EXPECT_EQ(result.n_trials, 2U);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("is not kept"));
  EXPECT_THAT(notes[0], HasSubstr("file/runs"));
}

TEST_F(RunHistoryTest, AResumedRunStaysOneRun) {
  RunOptions again = options();
  again.run_dir = folder.path() / "kept.run";
  const auto first = run(again).run_id;
  again.resume = true;
  again.n_trials = 3;
  EXPECT_EQ(run(again).run_id, first);
  EXPECT_EQ(history.list().size(), 1U);
  EXPECT_EQ(history.read(first)["trials"].size(), 4U);
}

TEST_F(RunHistoryTest, ARunWithoutAProcessWasKilledAndItsFolderIsRead) {
  json process = this_process();
  EXPECT_TRUE(may_be_running(process));
  process["started"] = "1";  // an earlier process of the same number
  const auto id = left_behind(process);
  const json run = history.read(id);
  EXPECT_EQ(run["state"], "killed");
  EXPECT_EQ(run["trials"].size(), 1U);  // which was not there when it was kept
  std::filesystem::remove_all(folder.path() / "left.run");
  EXPECT_EQ(history.read(id)["trials"].size(), 0U);
  history.remove(id);
  EXPECT_TRUE(history.list().empty());
}

TEST_F(RunHistoryTest, AProcessThatEndedIsNotRunningBeforeItIsWaitedFor) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string told = this_process().dump();
    _exit(write(ends[1], told.data(), told.size()) == static_cast<ssize_t>(told.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string told(1000, ' ');
  told.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(ends[0], told.data(), told.size()))));
  close(ends[0]);
  siginfo_t ended{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  ASSERT_EQ(json::parse(told)["pid"], child);
  EXPECT_FALSE(may_be_running(json::parse(told)));  // as in a container whose first process waits for nobody
  waitpid(child, nullptr, 0);
}

TEST_F(RunHistoryTest, ARunningOneIsNotRemoved) {
  const auto id = left_behind(this_process());
  EXPECT_EQ(history.read(id)["state"], "running");
  EXPECT_ERROR(history.remove(id), kUsage, HasSubstr("still running"));
}

TEST_F(RunHistoryTest, NamesAreResolvedByTheirStart) {
  EXPECT_ERROR(history.resolve("last"), kNotFound, HasSubstr("there are no runs"));
  for (const char* id : {"abcd0000", "abce0000", "12345678"}) {
    RunStore store = RunStore::create(folder.path() / id, {1, "{}"});
    store.set_fact("id", id);
    history.save(store);
  }
  EXPECT_EQ(history.resolve("1"), "12345678");
  EXPECT_EQ(history.resolve("abcd"), "abcd0000");
  EXPECT_ERROR(history.resolve("abc"), kUsage, HasSubstr("start of 2 runs"));
  EXPECT_ERROR(history.resolve("abcf0000"), kNotFound, HasSubstr("did you mean abc"));
  EXPECT_ERROR(history.resolve("../12345678"), kNotFound, HasSubstr("there is no run"));
}

TEST_F(RunHistoryTest, ADamagedFileIsListedAsOneAndHarmsNoOther) {
  const auto good = run(options()).run_id;
  folder.write("runs/deadbeef.sqlite", "this is no database, however long the text in it may be");
  const auto runs = history.list();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["id"], good);
  EXPECT_EQ(runs[1]["state"], "damaged");
  EXPECT_THAT(runs[1]["error"].get<std::string>(), HasSubstr("deadbeef"));
  history.remove("deadbeef");
  EXPECT_EQ(history.list().size(), 1U);
}

TEST_F(RunHistoryTest, ARunThatFailsIsKeptWithItsReason) {
  RunOptions failing = options();
  EXPECT_ANY_THROW(run(failing, [&](const Event& event) {
    if (event.kind == Event::Kind::kPhase && event.message == "search")
      throw Error(ErrorCode::kIo, "the terminal burned down");
  }));
  const auto runs = history.list();
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0]["state"], "failed");
  EXPECT_EQ(runs[0]["error"], "the terminal burned down");
}

TEST_F(RunHistoryTest, TheWatchdogCanEndARunFromOutside) {
  RunOptions left = options();
  {
    RunStore store = RunStore::create(left.run_folder(), {1, "{}"});
    store.set_fact("id", "0a0b0c0d");
    store.set_fact("state", "running");
    RunResult result;
    result.model_path = folder.write("model.kolosal", "a model");
    result.notes = {"the time was over"};
    record_end_from_outside(result, left);
    EXPECT_EQ(result.run_id, "0a0b0c0d");
  }
  const json kept = history.read("0a0b0c0d");
  EXPECT_EQ(kept["state"], "done");
  EXPECT_EQ(kept["artifact"]["bytes"], 7);
  EXPECT_EQ(kept["result"]["notes"][0], "the time was over");
}

}  // namespace
}  // namespace kolosal::automl
