#include "kolosal/automl/search.hpp"

#include <nlohmann/json.hpp>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::automl {
namespace {

using data::Task;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ValidRows, AreTheUnionInOrder) {
  const std::vector<double> values = {0, 1, 0, 1, 1}, weights = {1, 2, 3, 4, 5};
  const ValidRows valid({Task::kBinary, values, weights, 2}, {{{0, 1}, {4, 2}}, {{0}, {2, 1}}});
  EXPECT_THAT(valid.rows, ElementsAre(1, 2, 4));
  EXPECT_THAT(valid.position, ElementsAre(-1, 0, 1, -1, 2));
  EXPECT_THAT(valid.target, ElementsAre(1, 0, 1));
  EXPECT_THAT(valid.weights, ElementsAre(2, 3, 5));
  EXPECT_EQ(valid.y.values.size(), 3U);
}

TEST(ValidRows, RelativeLossesWeighRowsByTheirSize) {
  const std::vector<double> values = {10, 1, 100, 0, 4}, weights = {1, 2, 1, 1, 1};
  ValidRows valid({Task::kRegression, values, weights, 0}, {{{0}, {1, 2, 3, 4}}});
  EXPECT_EQ(valid.loss_y.weights.data(), valid.y.weights.data());
  valid.use_relative_losses();
  EXPECT_THAT(valid.y.weights, ElementsAre(2, 1, 1, 1)) << "scores stay as they are";
  // In proportion to weight / value; a hundredth of the mean is the smallest value.
  EXPECT_DOUBLE_EQ(valid.loss_weights[0] / valid.loss_weights[1], 200);
  EXPECT_DOUBLE_EQ(valid.loss_weights[3] / valid.loss_weights[1], 25);
  EXPECT_DOUBLE_EQ(valid.loss_weights[2], 1);
}

/// A search over a small table; the proposer gives cheap learners.
struct Bench {
  explicit Bench(const std::filesystem::path& folder, bool resume = false)
      : run_store(resume ? RunStore::open(folder, identity) : RunStore::create(folder, identity)) {
    for (std::uint32_t k = 0; k < 3; ++k) {
      splits.emplace_back();
      for (std::uint32_t i = 0; i < 150; ++i) (i % 3 == k ? splits[k].valid : splits[k].train).push_back(i);
    }
    y = target.view();
    store = std::make_unique<FeatureStore>(base, y, splits, make_views(shape_of(base, y, 100, {})),
                                           std::make_shared<FeatureCache>(1 << 24));
    valid = std::make_unique<ValidRows>(y, splits);
  }

  std::vector<TrialResult> run(const Proposer& proposer, std::size_t n_trials, std::size_t n_threads,
                               const CancelToken* cancel = nullptr) {
    ThreadPool pool(n_threads);
    Search search(*store, y, splits, *valid, *problem_metric, run_store, listener);
    for (TrialResult& result : run_store.trials()) search.add_known(std::move(result));
    for (const auto& failure : run_store.failures()) search.add_known_failure(failure.number);
    Search::Limits limits;
    limits.n_trials = n_trials;
    limits.deadline = [] { return Deadline(); };
    limits.paused_bytes = paused_bytes;
    Context context{&pool, n_threads};
    context.seed = 11;
    context.cancel = cancel;
    search.run(proposer, limits, context);
    n_ended = search.n_ended();
    return search.results();
  }

  static inline const RunIdentity identity{1, "{}"};
  data::Frame table = made_table(Task::kBinary, 150);
  data::Frame base = table.without(std::vector<std::string>{"y"});
  MadeTarget target = target_of(table, Task::kBinary);
  data::TargetView y;
  std::vector<pipeline::Split> splits;
  std::unique_ptr<FeatureStore> store;
  std::unique_ptr<ValidRows> valid;
  const metric::Metric* problem_metric = &metric::metric_for("roc_auc", Task::kBinary);
  RunStore run_store;
  SearchListener listener;
  std::size_t n_ended = 0;
  std::size_t paused_bytes = 0;
};

/// Trial t depends on how many results were known: what a proposer that learns does.
std::optional<Candidate> propose(std::size_t number, const std::vector<TrialResult>& known) {
  const double best = known.empty() ? 1 : std::ranges::min_element(known, {}, &TrialResult::loss)->loss;
  switch (number % 3) {
    case 0:
      return Candidate{fmt::format("ridge {}", number),
                       "logistic_regression",
                       {{"C", 0.01 + best + static_cast<double>(number)}},
                       "linear",
                       1};
    case 1:
      return Candidate{fmt::format("trees {}", number),
                       "extra_trees",
                       {{"n_estimators", static_cast<std::int64_t>(5 + known.size())}},
                       "encoded_only",
                       1};
    default:
      return Candidate{
          fmt::format("boost {}", number),
          "lightgbm",
          {{"n_estimators", static_cast<std::int64_t>(8 + known.size())}, {"num_leaves", std::int64_t{5}}},
          "encoded",
          1};
  }
}

std::string what_was_tried(const std::vector<TrialResult>& results) {
  std::string out;
  for (const TrialResult& r : results) out += fmt::format("{} {}\n", r.number, to_json(r.candidate).dump());
  return out;
}

void expect_same(const std::vector<TrialResult>& a, const std::vector<TrialResult>& b) {
  EXPECT_EQ(what_was_tried(a), what_was_tried(b));
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].prediction, b[i].prediction) << a[i].candidate.label;
    EXPECT_EQ(a[i].loss, b[i].loss);
    EXPECT_EQ(a[i].score, b[i].score);
  }
}

TEST(Search, ResultsDoNotDependOnTheNumberOfThreads) {
  TempFolder folder;
  const auto one = Bench(folder.path() / "one").run(propose, 9, 1);
  const auto two = Bench(folder.path() / "two").run(propose, 9, 2);
  const auto four = Bench(folder.path() / "four").run(propose, 9, 4);
  EXPECT_EQ(one.size(), 9U);
  expect_same(one, two);
  expect_same(one, four);
}

TEST(Search, ATrialPredictsEveryValidatedRowOnce) {
  TempFolder folder;
  Bench bench(folder.path() / "run");
  for (const TrialResult& result : bench.run(propose, 3, 1)) {
    EXPECT_EQ(result.prediction.size(), 150U);
    EXPECT_EQ(result.loss, metric::training_loss(bench.y, result.prediction));
    EXPECT_GT(result.score, 0.75) << result.candidate.label;
    EXPECT_GT(result.score_deviation, 0);
    EXPECT_GT(result.size_bytes, 0U);
  }
}

/// A good booster, some that can not come near it, and, as number 6, what continues number 5.
std::optional<Candidate> propose_rivals(std::size_t number, const std::vector<TrialResult>&) {
  ParamMap params = {{"n_estimators", std::int64_t{120}}, {"early_stopping_rounds", std::int64_t{0}}};
  if (number > 0) params["path_smooth"] = 1000.0;  // leaves hardly differ from the root
  if (number > 0) params["learning_rate"] = 0.01 * static_cast<double>(6 + std::min<std::size_t>(number, 5));
  Candidate out{fmt::format("boost {}", number), "lightgbm", params, "native", 1};
  if (number == 6) out.continues = 5;
  return out;
}

TEST(Search, ABoosterThatCanNotReachTheBestIsPausedAndCanGoOn) {
  TempFolder folder;
  const auto one = Bench(folder.path() / "one").run(propose_rivals, 8, 1);
  expect_same(one, Bench(folder.path() / "two").run(propose_rivals, 8, 2));
  EXPECT_FALSE(one[0].paused);
  EXPECT_FALSE(one[3].paused);  // nothing was known yet
  EXPECT_EQ(one[3].mean_rounds, 120);
  ASSERT_TRUE(one[5].paused);
  EXPECT_LT(one[5].mean_rounds, 120);
  EXPECT_THAT(one[5].note, HasSubstr("paused after"));
  EXPECT_FALSE(one[6].paused);
  EXPECT_EQ(one[6].mean_rounds, 120);
  EXPECT_LT(one[6].loss, one[5].loss);
}

TEST(Search, GoingOnGivesWhatAFitWithoutAPauseGives) {
  TempFolder folder;
  Bench kept(folder.path() / "kept");
  kept.paused_bytes = 1 << 24;
  const auto continued = kept.run(propose_rivals, 7, 1);
  // Given up, or of an earlier process: it is fitted anew.
  Bench(folder.path() / "parts").run(propose_rivals, 6, 1);
  Bench rest(folder.path() / "parts", true);
  const auto anew = rest.run(propose_rivals, 7, 1);
  ASSERT_TRUE(continued[5].paused);
  expect_same(continued, anew);
  EXPECT_TRUE(anew[5].paused);  // as the store says
}

TEST(Search, AFailingLearnerIsReportedAndTheRestGoesOn) {
  TempFolder folder;
  Bench bench(folder.path() / "run");
  std::vector<std::string> failed, ended;
  bench.listener.failed = [&](std::size_t number, const Candidate& candidate, const std::string& why) {
    EXPECT_EQ(number, 1U);
    EXPECT_FALSE(why.empty());
    failed.push_back(candidate.label);
  };
  bench.listener.ended = [&](const TrialResult& result) { ended.push_back(result.candidate.label); };
  const auto broken = [](std::size_t number, const std::vector<TrialResult>&) -> std::optional<Candidate> {
    if (number == 1)
      return Candidate{"broken", "extra_trees", {{"n_estimators", std::int64_t{-4}}}, "native", 1};
    return Candidate{fmt::format("fine {}", number), "constant", {}, "native", 1};
  };
  const auto results = bench.run(broken, 4, 2);
  EXPECT_THAT(failed, ElementsAre("broken"));
  EXPECT_EQ(ended.size(), 3U);
  EXPECT_EQ(results.size(), 3U);
  EXPECT_EQ(bench.n_ended, 4U);
  const auto failures = bench.run_store.failures();
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].number, 1U);
  EXPECT_EQ(failures[0].candidate.label, "broken");
  EXPECT_THAT(failures[0].reason, HasSubstr("n_estimators"));
}

TEST(Search, ResumeTriesWhatIsMissingAndNothingElse) {
  TempFolder folder;
  const auto whole = Bench(folder.path() / "whole").run(propose, 8, 1);
  Bench(folder.path() / "parts").run(propose, 5, 2);
  Bench rest(folder.path() / "parts", true);
  std::vector<std::size_t> started;
  rest.listener.started = [&](std::size_t number, const Candidate&) { started.push_back(number); };
  expect_same(whole, rest.run(propose, 8, 1));
  EXPECT_THAT(started, ElementsAre(5, 6, 7));
}

TEST(Search, ATrialThatWasRunningAtAKillIsRunAgain) {
  TempFolder folder;
  const auto whole = Bench(folder.path() / "whole").run(propose, 7, 1);
  Bench(folder.path() / "parts").run(propose, 7, 1);
  std::filesystem::remove(folder.path() / "parts" /
                          "trial_0_0004.kolosal");  // as if it never reached the disk
  std::filesystem::resize_file(folder.path() / "parts" / "trial_0_0006.kolosal", 100);
  Bench rest(folder.path() / "parts", true);
  std::vector<std::size_t> started;
  rest.listener.started = [&](std::size_t number, const Candidate&) { started.push_back(number); };
  expect_same(whole, rest.run(propose, 7, 2));
  EXPECT_THAT(started, ElementsAre(4, 6));
}

TEST(Search, AProposerThatNeedsMoreResultsGetsThem) {
  TempFolder folder;
  // Two entries, then something that can only be said when both are known.
  const auto learner = [](std::size_t number,
                          const std::vector<TrialResult>& known) -> std::optional<Candidate> {
    if (number < 2) return Candidate{fmt::format("{}", number), "constant", {}, "native", 1};
    if (known.size() < 2 || number >= 4) return {};
    return Candidate{fmt::format("after {}", known.size()), "constant", {}, "native", 1};
  };
  for (const std::size_t n_threads : {1, 3}) {
    Bench bench(folder.path() / fmt::format("{}", n_threads));
    std::vector<std::string> labels;
    for (const TrialResult& r : bench.run(learner, 10, n_threads)) labels.push_back(r.candidate.label);
    EXPECT_THAT(labels, ElementsAre("0", "1", "after 2", "after 3"));
  }
}

TEST(Search, ACancelledTrialIsNoResultAndNoFailure) {
  TempFolder folder;
  Bench bench(folder.path() / "run");
  CancelToken cancel;
  bench.listener.started = [&](std::size_t number, const Candidate&) {
    if (number == 2) cancel.cancel();
  };
  const auto results = bench.run(propose, 9, 1, &cancel);
  EXPECT_EQ(results.size(), 2U);
  EXPECT_TRUE(bench.run_store.failures().empty());
  EXPECT_EQ(bench.run_store.trials().size(), 2U);
  Bench rest(folder.path() / "run", true);
  expect_same(Bench(folder.path() / "whole").run(propose, 4, 1), rest.run(propose, 4, 1));
}

TEST(Search, AnErrorOfTheRunStoreEndsAllThreads) {
  TempFolder folder;
  Bench bench(folder.path() / "run");
  bench.listener.ended = [&](const TrialResult&) { throw Error(ErrorCode::kIo, "disk full"); };
  EXPECT_ERROR(bench.run(propose, 12, 3), kIo, HasSubstr("disk full"));
}

// ---- the run store ----

TEST(RunStore, KeepsWhatATrialGave) {
  TempFolder folder;
  std::vector<TrialResult> saved;
  {
    Bench bench(folder.path() / "run");
    saved = bench.run(propose, 3, 1);
    bench.run_store.set_seconds_used(12.5);
  }
  const RunStore again = RunStore::open(folder.path() / "run", Bench::identity);
  expect_same(saved, again.trials());
  EXPECT_EQ(again.seconds_used(), 12.5);
  for (const TrialResult& trial : again.trials()) {
    EXPECT_EQ(again.pipelines(trial).size(), 3U);
    EXPECT_EQ(trial.mean_rounds, saved[trial.number].mean_rounds);
    EXPECT_EQ(trial.size_bytes, saved[trial.number].size_bytes);
  }
}

TEST(RunStore, RefusesAnotherTableOrOtherSettingsAndSaysWhy) {
  TempFolder folder;
  const auto path = folder.path() / "run";
  EXPECT_ERROR(RunStore::open(path, {1, "{}"}), kNotFound, HasSubstr("no run to resume"));
  RunStore::create(path, {1, R"({"seed":1,"target":"y"})"});
  EXPECT_TRUE(RunStore::exists(path));
  EXPECT_ERROR(RunStore::open(path, {2, R"({"seed":1,"target":"y"})"}), kData,
               AllOf(HasSubstr("another table"), HasSubstr("--resume")));
  EXPECT_ERROR(RunStore::open(path, {1, R"({"seed":2,"target":"y"})"}), kData,
               HasSubstr("seed is 2 now and was 1"));
  EXPECT_ERROR(RunStore::open(path, {1, R"({"seed":1,"target":"y","weight":"w"})"}), kData,
               HasSubstr("weight is \"w\" now and was not set"));
  EXPECT_ERROR(RunStore::open(path, {1, R"({"seed":1})"}), kData,
               HasSubstr("--target is not set now and was \"y\""));
  EXPECT_ERROR(RunStore::open(path, {2, R"({"ignore":["x"],"seed":1,"target":"y"})"}), kData,
               HasSubstr("--ignore is [\"x\"] now and was not set"));
  EXPECT_ERROR(RunStore::open(path, {1, R"({"constraints":{"max_model_bytes":9},"seed":1,"target":"y"})"}),
               kData, HasSubstr("--max-model-size is 9 now and was not set"));
  EXPECT_NO_THROW(RunStore::open(path, {1, R"({"seed":1,"target":"y"})"}));
}

TEST(RunStore, ANewRunReplacesAnOldOneButNoOtherFolder) {
  TempFolder folder;
  {
    Bench(folder.path() / "run").run(propose, 2, 1);
  }
  EXPECT_TRUE(RunStore::create(folder.path() / "run", Bench::identity).trials().empty());
  const std::string precious = folder.write("mine/notes.txt", "precious");
  EXPECT_ERROR(RunStore::create(folder.path() / "mine", Bench::identity), kIo,
               HasSubstr("holds other files"));
  EXPECT_EQ(read_text(precious), "precious");
}

TEST(RunStore, RemoveLeavesNothing) {
  TempFolder folder;
  RunStore store = RunStore::create(folder.path() / "run", Bench::identity);
  store.remove();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "run"));
}

TEST(Search, ClassWeightsDoNotReachTheScores) {
  const TempFolder folder;
  Bench bench(folder.path() / "run");
  bench.problem_metric = &metric::metric_for("balanced_accuracy", Task::kBinary);
  const auto results = bench.run(
      [](std::size_t number, const auto&) {
        Candidate out{
            fmt::format("{}", number), "lightgbm", {{"n_estimators", std::int64_t{10}}}, "native", 1};
        if (number > 0) out.choices.class_weight = number == 1 ? "balanced" : "1,30";
        return std::optional(out);
      },
      3, 2);
  ASSERT_EQ(results.size(), 3U);
  for (const TrialResult& result : results) {
    EXPECT_EQ(result.score, bench.problem_metric->compute(bench.y, result.prediction)) << result.number;
    EXPECT_EQ(result.loss, metric::training_loss(bench.y, result.prediction));
    EXPECT_EQ(candidate_from_json(to_json(result.candidate)).choices.class_weight,
              result.candidate.choices.class_weight);
  }
  EXPECT_NE(results[0].prediction, results[2].prediction);
}

}  // namespace
}  // namespace kolosal::automl
