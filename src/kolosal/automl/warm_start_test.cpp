#include "kolosal/automl/warm_start.hpp"

#include <nlohmann/json.hpp>

#include "kolosal/automl/run.hpp"
#include "kolosal/automl/run_history.hpp"
#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::automl {
namespace {

using data::Task;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

json table_facts(double rows, double columns, double category = 0) {
  return {{"rows", rows},       {"used_columns", columns},  {"category", category},     {"text", 0},
          {"classes", 2},       {"rarest_class", 0.5},      {"missing_share", 0},       {"max_levels", 0},
          {"name", "made.csv"}, {"target", json::object()}, {"features", json::array()}};
}

Candidate learner(std::string label, std::string estimator, ParamMap params = {},
                  std::string view = "native") {
  return {std::move(label), std::move(estimator), std::move(params), std::move(view)};
}

std::vector<std::string> labels(const std::vector<Candidate>& candidates) {
  std::vector<std::string> out;
  for (const Candidate& candidate : candidates) out.push_back(candidate.label);
  return out;
}

TEST(TableDistance, GrowsWithTheDifferenceAndIsTheSameBothWays) {
  const json table = table_facts(1000, 10);
  EXPECT_EQ(table_distance(table, table), 0);
  const json near = table_facts(2000, 10), far = table_facts(200'000, 300, 200);
  EXPECT_LT(table_distance(table, near), table_distance(table, far));
  EXPECT_EQ(table_distance(table, far), table_distance(far, table));
  EXPECT_LE(table_distance(table_facts(1, 1), table_facts(1e12, 1e9, 1e9)), 1);
}

TEST(TableDistance, SeesRareClassesMissingCellsAndTails) {
  const json table = table_facts(1000, 10);
  for (const auto& [key, value] :
       std::map<std::string, json>{{"rarest_class", 0.01},
                                   {"missing_share", 0.4},
                                   {"classes", 20},
                                   {"text", 2},
                                   {"max_levels", 5000},
                                   {"features", json::array({{{"name", "a"}, {"skewness", 12.0}}})}}) {
    json other = table;
    other[key] = value;
    EXPECT_GT(table_distance(table, other), 0.005) << key;
  }
}

TEST(WithWarmStart, ComesAfterTheFirstEntryAndKeepsWhatIsTheSameOnce) {
  const std::vector<Candidate> portfolio = {learner("fast", "lightgbm"), learner("linear", "ridge"),
                                            learner("trees", "extra_trees"), learner("last", "lasso")};
  const auto out = with_warm_start(
      portfolio, {learner("deep from ab #3", "lightgbm", {{"max_depth", std::int64_t{9}}}),
                  learner("trees from ab #4", "extra_trees"), learner("fast from ab #1", "lightgbm"),
                  learner("deep from cd #2", "lightgbm", {{"max_depth", std::int64_t{9}}})});
  EXPECT_THAT(labels(out), ElementsAre("fast", "deep from ab #3", "trees", "linear", "last"));
}

class WarmStartTest : public testing::Test {
 protected:
  /// A run as it is kept, with trials of the given losses.
  void keep(const std::string& id, const json& data, const std::vector<std::pair<Candidate, double>>& trials,
            const std::string& task = "binary") {
    RunStore store = RunStore::create(folder.path() / id, {1, json{{"task", task}, {"target", "y"}}.dump()});
    for (const auto& [name, fact] : std::map<std::string, json>{
             {"id", id}, {"state", "done"}, {"data", data}, {"started_at", "2026-01-01T00:00:00"}})
      store.set_fact(name, fact);
    std::size_t number = 0;
    for (const auto& [candidate, loss] : trials) {
      TrialResult result;
      result.number = number++;
      result.candidate = candidate;
      result.loss = loss;
      store.save_trial(result, {});
    }
    RunHistory(history).save(store);
  }
  RunStore started(const json& data = table_facts(1000, 10), const std::string& task = "binary") {
    RunStore store = RunStore::create(folder.path() / "this.run", {1, json{{"task", task}}.dump()});
    store.set_fact("id", "0000this");
    store.set_fact("data", data);
    return store;
  }
  WarmStart warm(RunStore& store, const std::string& word) {
    options.warm_start = word;
    options.warm_start_history = history;
    return make_warm_start(store, options, {shape, views, columns}, Deadline());
  }
  WarmStart warm(const std::string& word) {
    RunStore store = started();
    return warm(store, word);
  }

  TempFolder folder;
  std::filesystem::path history = folder.path() / "runs";
  RunOptions options;
  TableShape shape{.task = Task::kBinary, .n_rows = 1000, .n_classes = 2, .n_numeric = 10};
  std::vector<View> views = make_views(shape);
  std::vector<std::string> columns = {"a", "b"};
};

TEST_F(WarmStartTest, TheBestOfARunComeFirstAndALearnerTwiceAtMost) {
  const auto leaves = [](std::int64_t n) { return ParamMap{{"num_leaves", n}}; };
  keep("aaaa0001", table_facts(1000, 10),
       {{learner("constant", "constant"), 0.01},
        {learner("forest", "random_forest"), 0.5},
        {learner("small", "lightgbm", leaves(8)), 0.3},
        {learner("small / local 3", "lightgbm", leaves(9)), 0.2},
        {learner("small / local 4", "lightgbm", leaves(9)), 0.2},
        {learner("deep", "lightgbm", leaves(99)), 0.4}});
  const WarmStart out = warm("aaaa");
  EXPECT_THAT(labels(out.candidates),
              ElementsAre("small from aaaa0001 #3", "small from aaaa0001 #2", "forest from aaaa0001 #1"));
  EXPECT_EQ(out.candidates[0].params, leaves(9));
  EXPECT_THAT(out.runs, ElementsAre("aaaa0001"));
  ASSERT_THAT(out.notes, SizeIs(1));
  EXPECT_THAT(out.notes[0], HasSubstr("aaaa0001 (y of made.csv"));
}

TEST_F(WarmStartTest, AutoTakesTheNearestOfTheSameTaskInTurns) {
  keep("aaaa0001", table_facts(3000, 10), {{learner("b", "knn"), 0.1}, {learner("c", "gaussian_nb"), 0.3}});
  keep("aaaa0002", table_facts(1000, 10), {{learner("a", "lightgbm"), 0.6}, {learner("d", "knn"), 0.7}});
  keep("aaaa0003", table_facts(1000, 10), {{learner("e", "ridge"), 0.1}}, "regression");
  keep("aaaa0004", table_facts(4e7, 9000, 9000), {{learner("f", "xgboost"), 0.1}});
  folder.write("runs/bad0bad0.sqlite", "this is no database, however long the text in it may be");
  const WarmStart out = warm("auto");
  EXPECT_THAT(labels(out.candidates),
              ElementsAre("a from aaaa0002 #0", "b from aaaa0001 #0", "c from aaaa0001 #1"));
  EXPECT_THAT(out.runs, ElementsAre("aaaa0002", "aaaa0001"));
}

TEST_F(WarmStartTest, WhatThisTableCanNotHaveIsLeftOutWithAReason) {
  keep("aaaa0001", table_facts(1000, 10),
       {{learner("a", "lightgbm", {}, "screened"), 0.1},
        {learner("b", "no_such_learner"), 0.2},
        {learner("c", "ridge"), 0.3},
        {learner("d", "xgboost"), 0.4},
        {learner("e", "extra_trees", {{"colour", std::string("red")}}), 0.5},
        {learner("f", "random_forest", {}, "ranked"), 0.6}});
  options.exclude_models = {"xgboost"};
  const WarmStart out = warm("aaaa0001");
  EXPECT_THAT(labels(out.candidates), ElementsAre("f from aaaa0001 #5"));
  std::vector<std::string> reasons;
  for (const auto& [candidate, why] : out.left_out) reasons.push_back(why);
  EXPECT_THAT(reasons,
              ElementsAre(HasSubstr("no view \"screened\""), HasSubstr("no_such_learner"),
                          HasSubstr("ridge is not for binary"), HasSubstr("excluded"), HasSubstr("colour")));
}

TEST_F(WarmStartTest, KeepsToTheConstraintsOfThisRunAndNotToThoseOfTheOther) {
  keep("aaaa0001", table_facts(1000, 10),
       {{learner("a", "lightgbm", {{"monotone", std::string("z=-")}}, "pairs"), 0.1},
        {learner("b", "extra_trees", {}, "ranked"), 0.2}});
  const WarmStart free = warm("aaaa0001");
  ASSERT_THAT(free.candidates, SizeIs(2));
  EXPECT_THAT(free.candidates[0].params, IsEmpty());

  options.constraints.monotone = model::monotone_columns({"a=+"});
  const WarmStart bound = warm("aaaa0001");
  ASSERT_THAT(bound.candidates, SizeIs(1));
  EXPECT_EQ(bound.candidates[0].params.at("monotone"), ParamValue(std::string("a=+")));
  EXPECT_EQ(bound.candidates[0].view, "native");
  ASSERT_THAT(bound.left_out, SizeIs(1));
  EXPECT_THAT(bound.left_out[0].second, HasSubstr("constraints"));
}

TEST_F(WarmStartTest, ARunThatIsNotThereOrOfNumbersIsRefusedAndAutoGoesOn) {
  EXPECT_THAT(warm("auto").notes, ElementsAre(HasSubstr("no earlier run")));
  EXPECT_ERROR(warm("aaaa0001"), kNotFound, HasSubstr("there are no runs"));
  keep("aaaa0001", table_facts(1000, 10), {{learner("e", "ridge"), 0.1}}, "regression");
  EXPECT_ERROR(warm("bbbb"), kNotFound, HasSubstr("aaaa0001"));
  EXPECT_ERROR(warm("aaaa0001"), kInvalidParameter, HasSubstr("is of the task regression"));
}

TEST_F(WarmStartTest, AResumedRunGoesByWhatItBeganWith) {
  keep("aaaa0001", table_facts(1000, 10), {{learner("a", "lightgbm"), 0.1}});
  RunStore store = started();
  const auto first = labels(warm(store, "auto").candidates);
  keep("aaaa0002", table_facts(1000, 10), {{learner("b", "knn"), 0.01}});
  EXPECT_EQ(labels(warm(store, "auto").candidates), first);
}

TEST_F(WarmStartTest, AResumedRunThatNamesAnotherRunIsRefused) {
  keep("aaaa0001", table_facts(1000, 10), {{learner("a", "lightgbm"), 0.1}});
  keep("aaaa0002", table_facts(1000, 10), {{learner("b", "knn"), 0.01}});
  RunStore store = started();
  const auto first = labels(warm(store, "aaaa0001").candidates);
  EXPECT_ERROR(warm(store, "aaaa0002"), kData,
               AllOf(HasSubstr("--warm-start aaaa0001"), HasSubstr("aaaa0002"), HasSubstr("--resume")));
  EXPECT_EQ(labels(warm(store, "aaaa0001").candidates), first);
}

TEST(WarmStartedRun, TriesThemEarlyAndIsReproducible) {
  const TempFolder folder;
  const data::Frame table = made_table(Task::kBinary, 120);
  const auto run_with = [&](const std::string& output, const std::string& warm_start, bool is_kept) {
    RunOptions options;
    options.problem.target = "y";
    options.n_trials = 3;
    options.output = folder.path() / output;
    options.exclude_models = {"lightgbm", "xgboost"};
    if (is_kept) options.history = folder.path() / "runs";
    options.warm_start = warm_start;
    options.warm_start_history = folder.path() / "runs";
    std::vector<std::string> told;
    const RunResult result = run(table, options, Context(), [&](const Event& event) {
      if (event.kind == Event::Kind::kTrialStart || event.kind == Event::Kind::kNote)
        told.push_back(event.message);
    });
    return std::pair(result, told);
  };
  const std::string id = run_with("first.kolosal", "", true).first.run_id;
  const auto [result, told] = run_with("a.kolosal", "auto", false);
  EXPECT_THAT(told, Contains(StartsWith("warm start from run " + id)));
  EXPECT_EQ(result.n_failed, 0U);
  run_with("b.kolosal", "auto", false);
  EXPECT_EQ(read_text(folder.path() / "a.kolosal"), read_text(folder.path() / "b.kolosal"));
  EXPECT_NE(read_text(folder.path() / "a.kolosal"), read_text(folder.path() / "first.kolosal"));
}

}  // namespace
}  // namespace kolosal::automl
