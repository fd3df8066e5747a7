#include "kolosal/automl/more_folds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/automl/testing/tables.hpp"
#include "kolosal/automl/validation_plan.hpp"
#include "kolosal/pipeline/pipeline.hpp"

namespace kolosal::automl {
namespace {

using data::Task;

constexpr std::size_t kRows = 120;

class MoreFoldsTest : public testing::Test {
 protected:
  MoreFoldsTest() {
    options.problem.target = "y";
    options.time_budget_s = 60;
  }
  std::vector<pipeline::Split> further() const {
    const Problem problem = make_problem(table, options.problem);
    return further_splits(problem, validation_plan(problem, base.n_columns(), options, 2), options, 2);
  }
  std::unique_ptr<Stage> stage() const {
    std::vector<std::uint32_t> all(kRows);
    for (std::uint32_t i = 0; i < kRows; ++i) all[i] = i;
    const auto splits = pipeline::make_splits(y, all, {}, 1);
    return make_stage(0, kRows, base, y, splits, std::make_shared<FeatureCache>(1 << 20), 5, {});
  }
  static TrialResult trial(std::string estimator, std::string view) {
    TrialResult out;
    out.candidate = {estimator, estimator, {}, view, 1};
    out.seconds = 1;
    return out;
  }

  data::Frame table = made_table(Task::kBinary, kRows);
  data::Frame base = table.without(std::vector<std::string>{"y"});
  MadeTarget target = target_of(table, Task::kBinary);
  data::TargetView y = target.view();
  RunOptions options;
};

TEST_F(MoreFoldsTest, AreForSmallTablesWithTimeToSpareWhoseFoldsNobodyHasTold) {
  EXPECT_EQ(further().size(), 10U);
  const auto with = [&](const auto& change) {
    const RunOptions before = options;
    change();
    const std::size_t n = further().size();
    options = before;
    return n;
  };
  EXPECT_EQ(with([&] { options.time_budget_s = 3; }), 0U);
  EXPECT_EQ(with([&] {
              options.time_budget_s.reset();
              options.n_trials = 5;
            }),
            0U);
  EXPECT_EQ(with([&] { options.n_folds = 3; }), 0U);
  EXPECT_EQ(with([&] { options.distill = true; }), 0U);
  EXPECT_EQ(with([&] { options.constraints.max_latency_us = 10; }), 0U);
  EXPECT_EQ(with([&] { options.constraints.ensemble = false; }), 0U);
}

TEST_F(MoreFoldsTest, EachMemberGetsAFitOfEachFold) {
  const auto all = stage();
  MoreFolds more(*all, further());
  const std::vector<TrialResult> results = {trial("logistic_regression", "linear"),
                                            trial("constant", "native"),
                                            trial("random_forest", "encoded_only")};
  Blend blend;
  blend.trials = {2, 1, 0};
  blend.weights = {0.5, 0.3, 0.2};
  ThreadPool pool(2);
  std::vector<std::string> notes;
  const auto fitted = more.run(blend, results, {.pool = &pool, .n_threads = 2, .seed = 3},
                               [&](std::string note) { notes.push_back(std::move(note)); });
  EXPECT_TRUE(notes.empty()) << notes.front();
  ASSERT_EQ(fitted.size(), 2U);  // what is constant has nothing to learn
  for (const auto& [member, nodes] : fitted) {
    EXPECT_EQ(nodes.size(), 10U);
    for (const artifact::Node& node : nodes)
      EXPECT_EQ(pipeline::Pipeline::load(node).estimator_name(), results[member].candidate.estimator);
  }
  EXPECT_DOUBLE_EQ(more.expected_s(results, 2), 1.2 * (1 + 1) * 10 / 5 / 2);
}

TEST_F(MoreFoldsTest, WithoutTheTimeNothingIsFittedAndAFailureIsTold) {
  const auto all = stage();
  MoreFolds more(*all, further());
  std::vector<TrialResult> results = {trial("logistic_regression", "linear")};
  Blend blend;
  blend.trials = {0};
  Context context;
  context.deadline = Deadline(Clock::system(), Clock::system().now_s() + 0.1);
  std::vector<std::string> notes;
  const auto note = [&](std::string text) { notes.push_back(std::move(text)); };
  EXPECT_TRUE(more.run(blend, results, context, note).empty());
  EXPECT_TRUE(notes.empty());
  results[0].candidate.params["C"] = -1.0;
  EXPECT_TRUE(more.run(blend, results, {}, note).empty());
  EXPECT_EQ(notes.size(), 10U);
}

}  // namespace
}  // namespace kolosal::automl
