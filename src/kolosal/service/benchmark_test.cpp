#include "kolosal/service/benchmark.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class BenchmarkTest : public testing::Test {
 protected:
  /// y is the first column with noise, and so is whether it is above the middle.
  std::string table(const std::string& name, bool is_regression, std::size_t n_rows = 150) const {
    std::string text = "x,noise,y\n";
    Rng rng(3);
    for (std::size_t i = 0; i < n_rows; ++i) {
      const double x = rng.uniform(), y = x + 0.2 * rng.uniform();
      text += fmt::format("{},{},{}\n", x, rng.uniform(),
                          is_regression ? fmt::format("{}", y)
                          : y > 0.6     ? "high"
                                        : "low");
    }
    return folder.write(name, text);
  }
  BenchmarkRequest request(std::vector<std::filesystem::path> data, std::vector<std::string> models) const {
    BenchmarkRequest out;
    out.data = std::move(data);
    out.models = std::move(models);
    return out;
  }

  TempFolder folder;
};

TEST_F(BenchmarkTest, ComparesLearnersOnTheSameFolds) {
  std::vector<std::string> lines;
  const auto report =
      run_benchmark(request({table("t.csv", false)}, {"constant", "decision_tree", "logistic_regression"}),
                    Context(), [&](const std::string& line) { lines.push_back(line); });
  ASSERT_THAT(report.tables, SizeIs(1));
  const TableBenchmark& t = report.tables[0];
  EXPECT_EQ(t.target, "y");  // the last column
  EXPECT_EQ(t.task, "binary");
  ASSERT_THAT(t.rows, SizeIs(3));
  EXPECT_THAT(lines, SizeIs(3));
  EXPECT_EQ(t.rows[2].model, "constant");
  EXPECT_GT(t.rows[1].score, t.rows[2].score + 0.2);
  for (const BenchmarkRow& row : t.rows) {
    ASSERT_THAT(row.fold_scores, SizeIs(3));
    EXPECT_NEAR(row.score, (row.fold_scores[0] + row.fold_scores[1] + row.fold_scores[2]) / 3, 1e-12);
    EXPECT_GE(row.deviation, 0);
    EXPECT_GT(row.model_bytes, 0U);
    EXPECT_GE(row.fit_s, 0);
    EXPECT_GE(row.predict_us_per_row, 0);
  }
}

TEST_F(BenchmarkTest, TheSearchIsJudgedOnRowsThatItDidNotSee) {
  auto wanted = request({table("t.csv", true, 90)}, {"automl", "constant"});
  wanted.budget_s = 9;  // a busy machine must come to a first model in each fold
  const auto report = run_benchmark(wanted, Context(), {});
  ASSERT_THAT(report.tables[0].rows, SizeIs(2));
  const BenchmarkRow& automl = report.tables[0].rows[0];
  EXPECT_EQ(automl.model, "automl");
  EXPECT_THAT(automl.fold_scores, SizeIs(3));
  EXPECT_LT(automl.score, 0.5 * report.tables[0].rows[1].score);  // rmse
  EXPECT_GT(automl.score, 0.03);                                  // the noise that nobody can know
}

TEST_F(BenchmarkTest, OfSeveralTablesOneThatCanNotBeUsedStopsNoOther) {
  const auto report =
      run_benchmark(request({table("a.csv", false), folder.path() / "absent.csv", table("b.csv", true)},
                            {"constant", "decision_tree"}),
                    Context(), {});
  ASSERT_THAT(report.tables, SizeIs(3));
  EXPECT_THAT(report.tables[1].error, HasSubstr("absent.csv"));
  EXPECT_THAT(report.tables[2].rows, SizeIs(2));
  const auto ranks = mean_ranks(report);
  ASSERT_THAT(ranks, SizeIs(2));
  EXPECT_EQ(ranks[0].model, "decision_tree");
  EXPECT_EQ(ranks[0].rank, 1);
  EXPECT_EQ(ranks[0].n_tables, 2U);
  EXPECT_ERROR(run_benchmark(request({folder.path() / "absent.csv"}, {}), Context(), {}), kNotFound,
               HasSubstr("absent.csv"));
}

TEST_F(BenchmarkTest, NamesThatAreNoModelsAreRefused) {
  EXPECT_ERROR(run_benchmark(request({table("t.csv", true)}, {"decison_tree"}), Context(), {}),
               kInvalidParameter, HasSubstr("did you mean \"decision_tree\"?"));
}

TEST_F(BenchmarkTest, StopsSoonWhenAskedToAndKeepsWhatIsThere) {
  CancelToken cancel;
  Context context;
  context.cancel = &cancel;
  const auto report = run_benchmark(request({table("t.csv", false), table("u.csv", false)}, {}), context,
                                    [&](const std::string&) { cancel.cancel(); });
  EXPECT_TRUE(report.interrupted);
  ASSERT_THAT(report.tables, SizeIs(1));
  EXPECT_THAT(report.tables[0].rows, SizeIs(1));
}

TEST_F(BenchmarkTest, ALearnerMayHaveParameters) {
  const auto report = run_benchmark(
      request({table("t.csv", false)}, {"decision_tree", "decision_tree:max_depth=1:min_samples_leaf=40"}),
      Context(), {});
  ASSERT_THAT(report.tables[0].rows, SizeIs(2));
  const auto& rows = report.tables[0].rows;
  const bool first_is_plain = rows[0].model == "decision_tree";
  EXPECT_EQ(rows[first_is_plain ? 1 : 0].model, "decision_tree:max_depth=1:min_samples_leaf=40");
  EXPECT_NE(rows[0].score, rows[1].score);
  const auto refused = [&](const char* model) {
    return [&, model] { run_benchmark(request({table("t.csv", false)}, {model}), Context(), {}); };
  };
  EXPECT_ERROR(refused("decision_tree:max_dept=1")(), kInvalidParameter, HasSubstr("max_depth"));
  EXPECT_ERROR(refused("decision_tree:deep")(), kInvalidParameter, HasSubstr("has no ="));
  EXPECT_ERROR(refused("automl:trials=3")(), kInvalidParameter, HasSubstr("no parameters"));
}

TEST_F(BenchmarkTest, AutomlOfALogarithmIsScoredAsTheLearnersAre) {
  auto asked = request({table("t.csv", true)}, {"decision_tree", "automl"});
  asked.problem.metric = "rmsle";
  asked.n_folds = 2;
  asked.budget_s = 4;
  const auto report = run_benchmark(asked, Context(), {});
  ASSERT_THAT(report.tables[0].rows, SizeIs(2));
  for (const BenchmarkRow& row : report.tables[0].rows) EXPECT_LT(row.score, 0.15) << row.model << row.note;
}

TEST_F(BenchmarkTest, AModelWithoutAllFoldsStandsBehindThoseWithAll) {
  TableBenchmark table;
  table.n_folds = 3;
  const double none = std::numeric_limits<double>::quiet_NaN();
  table.rows = {{.model = "failed", .score = none},
                {.model = "lucky", .fold_scores = {0.99, 0.98}, .score = 0.985},
                {.model = "fair", .fold_scores = {0.7, 0.7, 0.7}, .score = 0.7},
                {.model = "good", .fold_scores = {0.8, 0.9, 0.7}, .score = 0.8}};
  const auto order = [&] {
    order_rows(table);
    std::vector<std::string> out;
    for (const BenchmarkRow& row : table.rows) out.push_back(row.model);
    return out;
  };
  EXPECT_THAT(order(), ElementsAre("good", "fair", "lucky", "failed"));
  table.higher_is_better = false;
  EXPECT_THAT(order(), ElementsAre("fair", "good", "lucky", "failed"));
}

TEST_F(BenchmarkTest, PageAndJsonHoldAllModels) {
  const auto report =
      run_benchmark(request({table("<t>.csv", false)}, {"constant", "decision_tree"}), Context(), {});
  const std::string page = benchmark_page(report);
  for (const char* text : {"decision_tree", "constant", "&lt;t&gt;.csv", "<svg"})
    EXPECT_THAT(page, HasSubstr(text));
  EXPECT_EQ(page.find("<t>"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(to_json(report)["tables"][0]["models"].size(), 2U);
}

}  // namespace
}  // namespace kolosal::service
