#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/metric/metric.hpp"
#include "kolosal/pipeline/learned_steps.hpp"
#include "kolosal/pipeline/pipeline.hpp"
#include "kolosal/pipeline/splitter.hpp"
#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::pipeline {
namespace {

using data::Column;
using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

using Texts = std::vector<std::optional<std::string>>;

transform::StepSpec score_step(ParamMap params = {}, std::string types = "sparse") {
  transform::StepSpec out("linear_score", std::move(params), {.types = std::move(types)});
  out.info = linear_score_step();
  return out;
}

transform::Recipe scored_texts(ParamMap params = {}) {
  return transform::Recipe(
      {{"text_tfidf",
        {{"ngram_max", std::int64_t{2}}, {"min_rows", std::int64_t{2}}, {"sublinear_tf", true}}},
       score_step(std::move(params))});
}

Frame text_frame(const Texts& texts) { return Frame({"text"}, {Column::from_texts(texts)}); }

std::vector<std::uint32_t> first_rows(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

std::vector<double> cells_of(const Frame& x) {
  std::vector<double> out;
  for (std::size_t i = 0; i < x.n_rows(); ++i)
    for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back(x.column(c).number(i));
  return out;
}

/// Texts of words by chance, a target that knows nothing of them, or follows the word "good".
struct Problem {
  explicit Problem(bool telling, std::size_t n = 600) {
    Rng rng(4);
    Texts texts;
    for (std::size_t i = 0; i < n; ++i) {
      std::string text;
      for (int w = 0; w < 12; ++w) text += fmt::format("w{} ", rng.below(150));
      const bool is_good = rng.below(2) == 1;
      if (is_good && telling) text += "good";
      texts.emplace_back(text);
      target.push_back(telling ? (rng.uniform() < 0.9 ? is_good : !is_good)
                               : static_cast<double>(rng.below(2)));
    }
    x = text_frame(texts);
    rows = first_rows(n);
  }
  TargetView y() const { return {Task::kBinary, target, {}, 2}; }

  Frame x;
  std::vector<double> target;
  std::vector<std::uint32_t> rows;
};

double auc(const TargetView& y, const Frame& scores) {
  return metric::metric_for("roc_auc", Task::kBinary).compute(y, cells_of(scores));
}

TEST(LinearScore, AgreesWithCrossValPredictOfScikitLearn) {
  std::ifstream file(test_data("linear_score/golden.json"));
  const auto golden = nlohmann::json::parse(file);
  Texts texts, later;
  for (const auto& text : golden.at("texts")) texts.emplace_back(text.get<std::string>());
  for (const auto& text : golden.at("later_texts")) later.emplace_back(text.get<std::string>());
  const Frame x = text_frame(texts);
  const auto rows = first_rows(texts.size());
  for (const auto& one : golden.at("cases")) {
    SCOPED_TRACE(one.at("task").get<std::string>());
    const auto values = one.at("target").get<std::vector<double>>();
    const Task task = data::task_from_name(one.at("task").get<std::string>());
    const TargetView y{task, values, {}, task == Task::kMulticlass ? 3U : task == Task::kBinary ? 2U : 0U};
    std::string folds(texts.size(), '-');
    const auto splits = make_splits(y, rows, {}, derive_seed(0, {"linear_score"}));
    for (std::size_t f = 0; f < splits.size(); ++f)
      for (const std::uint32_t row : splits[f].valid) folds[row] = static_cast<char>('0' + f);
    ASSERT_EQ(folds, one.at("folds").get<std::string>()) << "make it again with these folds";
    transform::Recipe recipe = scored_texts({{"max_iter", std::int64_t{2000}}, {"tol", 1e-9}});
    const Frame train = recipe.fit_transform(x, rows, y, {});
    EXPECT_THAT(cells_of(train),
                Pointwise(NanSensitiveDoubleNear(2e-6), one.at("out_of_fold").get<std::vector<double>>()));
    EXPECT_THAT(cells_of(recipe.transform(text_frame(later), {})),
                Pointwise(NanSensitiveDoubleNear(2e-6), one.at("later").get<std::vector<double>>()));
  }
}

TEST(LinearScore, FittedRowsAreNotToldTheirOwnTarget) {
  const Problem problem(false);
  transform::Recipe recipe = scored_texts({{"C", 100.0}});
  const Frame train = recipe.fit_transform(problem.x, problem.rows, problem.y(), {});
  EXPECT_THAT(train.names(), ElementsAre("text_tfidf_score"));
  // The deviation of the area under the curve of noise is 0.024 with 600 rows.
  EXPECT_NEAR(auc(problem.y(), train), 0.5, 0.08);
  EXPECT_GT(auc(problem.y(), recipe.transform(problem.x, {})), 0.9) << "what a leak would look like";
}

TEST(LinearScore, FittedRowsAreNotToldTheTargetOfTheirGroup) {
  // 60 groups of ten rows: the text names the group, and all of its rows have the same target: a coin.
  Texts texts;
  std::vector<double> coin, target;
  std::vector<std::int64_t> groups;
  for (int g = 0; g < 60; ++g) coin.push_back(g % 2);
  Rng rng(5);
  rng.shuffle(coin);
  for (std::size_t i = 0; i < 600; ++i) {
    texts.emplace_back(fmt::format("member of group{}", i % 60));
    groups.push_back(static_cast<std::int64_t>(i % 60));
    target.push_back(coin[i % 60]);
  }
  const Frame x = text_frame(texts);
  TargetView y{Task::kBinary, target, {}, 2};
  EXPECT_GT(auc(y, scored_texts().fit_transform(x, first_rows(600), y, {})), 0.95) << "told by its group";
  y.groups = groups;
  EXPECT_LT(auc(y, scored_texts().fit_transform(x, first_rows(600), y, {})), 0.6);
  const std::vector<std::int64_t> one_group(600, 4);  // no folds of groups: as without
  y.groups = one_group;
  EXPECT_GT(auc(y, scored_texts().fit_transform(x, first_rows(600), y, {})), 0.95);
}

TEST(LinearScore, TellsWhatTheWordsTell) {
  const Problem problem(true);
  transform::Recipe recipe = scored_texts();
  EXPECT_GT(auc(problem.y(), recipe.fit_transform(problem.x, problem.rows, problem.y(), {})), 0.8);
}

TEST(LinearScore, RowsBeyondTheSampleAreScoredAsRowsToCome) {
  const Problem problem(true);
  transform::Recipe recipe = scored_texts({{"max_rows", std::int64_t{200}}});
  const auto train = cells_of(recipe.fit_transform(problem.x, problem.rows, problem.y(), {}));
  const auto later = cells_of(recipe.transform(problem.x, {}));
  std::size_t n_same = 0;
  for (std::size_t i = 0; i < train.size(); ++i) n_same += train[i] == later[i];
  EXPECT_EQ(n_same, 400U);
}

TEST(LinearScore, SeveralColumnsAreOneModelAndClassesHaveAColumnEach) {
  const Problem problem(true);
  std::vector<double> number(600), three(600);
  for (std::size_t i = 0; i < 600; ++i) {
    number[i] = static_cast<double>(i % 3);
    three[i] = static_cast<double>(i % 3);
  }
  Frame x({"a", "b"}, {Column::from_float64(number), Column::from_float64(problem.target)});
  transform::Recipe recipe({score_step({}, "numeric")});
  const Frame made = recipe.fit_transform(x, problem.rows, {Task::kMulticlass, three, {}, 3}, {});
  EXPECT_THAT(made.names(), ElementsAre("linear_score_0", "linear_score_1", "linear_score_2"));
  for (std::size_t i = 0; i < 600; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) sum += made.column(k).number(i);
    ASSERT_NEAR(sum, 1, 1e-9);
  }
}

TEST(LinearScore, TheSameBytesForAnyNumberOfThreadsAndAfterSavingAndLoading) {
  const Problem problem(true);
  transform::Recipe one = scored_texts(), many = scored_texts();
  const auto train = cells_of(one.fit_transform(problem.x, problem.rows, problem.y(), {}));
  ThreadPool pool(4);
  Context context;
  context.pool = &pool;
  context.n_threads = 4;
  EXPECT_EQ(cells_of(many.fit_transform(problem.x, problem.rows, problem.y(), context)), train);
  artifact::Node node;
  one.save(node);
  const auto loaded = transform::Recipe::load(node, learned_steps());
  EXPECT_EQ(cells_of(loaded.transform(problem.x, {})), cells_of(one.transform(problem.x, context)));
  EXPECT_ERROR(transform::Recipe::load(node), kInvalidParameter, HasSubstr("linear_score"));
}

TEST(LinearScore, APipelineWithScoresPredictsTheSameFromItsState) {
  const Problem problem(true);
  transform::Recipe recipe({{"text_tfidf", {}}, score_step(), {"impute", {}, {.types = "numeric"}}});
  Pipeline pipeline(recipe, "decision_tree", {{"max_depth", std::int64_t{3}}});
  pipeline.fit(problem.x, problem.y(), {problem.rows, {}}, {});
  artifact::Node node;
  pipeline.save(node);
  std::vector<double> want(600), got(600);
  pipeline.predict(problem.x, want, {});
  Pipeline::load(node).predict(problem.x, got, {});
  EXPECT_EQ(got, want);
  EXPECT_GT(metric::metric_for("roc_auc", Task::kBinary).compute(problem.y(), want), 0.8);
}

TEST(LinearScore, FewRowsAndClassesOfOneRowAreEverydayInput) {
  for (const std::size_t n : {0, 1, 9, 10, 11, 30}) {
    SCOPED_TRACE(n);
    const Problem problem(true, 40);
    auto target = problem.target;
    for (std::size_t i = 0; i < 40; ++i) target[i] = i == 3 ? 2 : target[i];
    const TargetView y{Task::kMulticlass, target, {}, 3};
    transform::Recipe recipe = scored_texts();
    const Frame made = recipe.fit_transform(problem.x, first_rows(n), y, {});
    ASSERT_EQ(made.n_columns(), 3U);
    for (const double cell : cells_of(made)) EXPECT_EQ(std::isfinite(cell), n >= kLeastScoredRows);
  }
  std::vector<double> constant(40, 7.5);
  const Problem problem(true, 40);
  transform::Recipe recipe = scored_texts();
  const Frame made = recipe.fit_transform(problem.x, problem.rows, {Task::kRegression, constant, {}, 0}, {});
  for (const double cell : cells_of(made)) EXPECT_NEAR(cell, 7.5, 1e-9);
}

TEST(LinearScore, MistakesAreTold) {
  const Problem problem(true, 40);
  transform::Recipe texts({score_step({}, "text")});
  EXPECT_ERROR(texts.fit_transform(problem.x, problem.rows, problem.y(), {}), kInvalidParameter,
               testing::AllOf(HasSubstr("linear_score"), HasSubstr("\"text\""), HasSubstr("text_tfidf")));
  EXPECT_ERROR(scored_texts().fit_transform(problem.x, problem.rows, {}, {}), kInvalidParameter,
               HasSubstr("target"));
  const auto plan = transform::parse_recipe(
      "[[steps]]\nstep = \"text_tfidf\"\n[[steps]]\nstep = \"linear_score\"\n", "r.toml", learned_steps());
  EXPECT_EQ(transform::to_toml(transform::parse_recipe(transform::to_toml(plan), "again", learned_steps())),
            transform::to_toml(plan));
  EXPECT_ERROR(transform::parse_recipe("[[steps]]\nstep = \"linear_scores\"\n", "r.toml", learned_steps()),
               kInvalidParameter, HasSubstr("linear_score"));
}

TEST(LinearScore, WithoutTimeThereIsNoHalfScore) {
  const Problem problem(true);
  CancelToken cancel;
  cancel.cancel();
  Context stopped;
  stopped.cancel = &cancel;
  EXPECT_ERROR(scored_texts().fit_transform(problem.x, problem.rows, problem.y(), stopped), kBudget,
               HasSubstr("linear_score"));
}

}  // namespace
}  // namespace kolosal::pipeline
