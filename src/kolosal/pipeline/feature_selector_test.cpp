#include "kolosal/pipeline/feature_selector.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::pipeline {
namespace {

using data::Column;
using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

// Columns a and c tell the target, of which c only by its square; b, d, e and f are noise. Rows 0 ... n - 1
// are for training, as many others follow, whose target and cells are wild.
struct Problem {
  explicit Problem(std::size_t n, Task task) {
    Rng rng(12);
    std::vector<std::vector<double>> cells(6, std::vector<double>(2 * n));
    for (std::uint32_t i = 0; i < 2 * n; ++i) {
      for (auto& column : cells) column[i] = rng.normal() * (i < n ? 1 : 100);
      const double value = 2 * cells[0][i] + cells[2][i] * cells[2][i] + 0.3 * rng.normal();
      values.push_back(task == Task::kRegression ? value
                       : task == Task::kBinary   ? value > 1
                                                 : (value > 0) + (value > 2));
      if (i < n) rows.push_back(i);
    }
    const char* names = "abcdef";
    for (std::size_t c = 0; c < 6; ++c) x.add(std::string(1, names[c]), Column::from_float64(cells[c]));
    y = {task, values, {}, task == Task::kRegression ? 0U : task == Task::kBinary ? 2U : 3U};
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;
  Frame x;
  std::vector<double> values;
  TargetView y;
  std::vector<std::uint32_t> rows;
};

std::vector<std::string> chosen(const std::string& selector, const ParamMap& params, const Problem& p) {
  return make_feature_selector(selector, params)->fit(p.x, p.rows, p.y, {}).names(p.x);
}

// Cheaper than the defaults.
ParamMap quick(const std::string& name) {
  if (name == "shadow") return {{"n_rounds", std::int64_t{3}}};
  if (name == "stability") return {{"n_rounds", std::int64_t{4}}};
  if (name == "permutation") return {{"n_repeats", std::int64_t{1}}};
  if (name == "recursive_elimination") return {{"step", 0.5}};
  return {};
}

class SelectorContract : public ::testing::TestWithParam<std::string> {};

TEST_P(SelectorContract, IsDocumented) {
  const auto& info = feature_selector_info(GetParam());
  EXPECT_GT(info.summary.size(), 20U);
  EXPECT_EQ(info.summary.back(), '.');
  for (const auto& spec : info.params) EXPECT_GT(spec.doc.size(), 10U) << spec.name;
}

TEST_P(SelectorContract, LooksAtTheTrainingRowsOnly) {
  Problem p(120, Task::kBinary);
  const auto selector = make_feature_selector(GetParam(), quick(GetParam()));
  const Selection before = selector->fit(p.x, p.rows, p.y, {});
  std::vector<std::uint32_t> order(240);
  std::iota(order.begin(), order.end(), 0U);
  std::reverse(order.begin() + 120, order.end());
  for (std::size_t i = 120; i < 240; ++i) p.values[i] = 1 - p.values[i];
  const Selection after = selector->fit(p.x.take(order), p.rows, p.y, {});
  EXPECT_EQ(before.kept, after.kept);
  EXPECT_EQ(before.score, after.score);
}

TEST_P(SelectorContract, SameChoiceForAnyNumberOfThreads) {
  ThreadPool pool(4);
  Context many;
  many.pool = &pool;
  many.n_threads = 4;
  for (const Task task : {Task::kRegression, Task::kMulticlass}) {
    const Problem p(100, task);
    const auto selector = make_feature_selector(GetParam(), quick(GetParam()));
    const Selection one = selector->fit(p.x, p.rows, p.y, {}), other = selector->fit(p.x, p.rows, p.y, many);
    EXPECT_EQ(one.kept, other.kept);
    EXPECT_EQ(one.score, other.score);
  }
}

TEST_P(SelectorContract, AlwaysLeavesAColumn) {
  Problem p(60, Task::kRegression);
  const std::vector<std::uint32_t> few = {1, 2, 3};
  const auto selector = make_feature_selector(GetParam(), quick(GetParam()));
  EXPECT_EQ(selector->fit(p.x, few, p.y, {}).names(p.x).size(), 6U);
  std::ranges::fill(p.values, 3.0);  // nothing tells a constant target
  EXPECT_GE(selector->fit(p.x, p.rows, p.y, {}).names(p.x).size(), 1U);
}

// Every kind of column that breaks naive code beside one that tells the target.
TEST_P(SelectorContract, SurvivesHostileColumns) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const Task task : {Task::kRegression, Task::kBinary, Task::kMulticlass}) {
    const Problem p(90, task);
    const std::size_t n = p.values.size();
    std::vector<double> holes(n), infinite(n), huge(n), tiny(n), constant(n, 7.5), missing(n, kNaN);
    std::vector<std::int32_t> single(n, 0), none(n, data::kMissingCode), mixed(n);
    for (std::size_t i = 0; i < n; ++i) {
      holes[i] = i % 3 == 0 ? kNaN : static_cast<double>(i % 11);
      infinite[i] = i % 5 == 0 ? kInf : i % 5 == 1 ? -kInf : static_cast<double>(i);
      huge[i] = i % 2 == 0 ? 1e308 : -1.7e308;
      tiny[i] = 5e-324 * static_cast<double>(i % 3);
      mixed[i] = static_cast<std::int32_t>(i % 4) - 2;  // unseen, missing and two levels
    }
    const auto levels = std::make_shared<const data::Dictionary>(std::vector<std::string>{"x", "y"});
    Frame x({"a"}, {p.x.column("a")});
    x.add("holes", Column::from_float64(holes));
    x.add("infinite", Column::from_float64(infinite));
    x.add("huge", Column::from_float64(huge));
    x.add("tiny", Column::from_float64(tiny));
    x.add("constant", Column::from_float64(constant));
    x.add("missing", Column::from_float64(missing));
    x.add("single", Column::from_category(single, levels));
    x.add("none", Column::from_category(none, levels));
    x.add("mixed", Column::from_category(mixed, levels));
    const auto selector = make_feature_selector(GetParam(), quick(GetParam()));
    if (GetParam() == "l1" || GetParam() == "stability") {  // linear learners take finite numbers only
      for (const std::string name : {"holes", "infinite", "missing"}) {
        const Frame two({"a", name}, {p.x.column("a"), x.column(name)});
        EXPECT_ERROR(selector->fit(two, p.rows, p.y, {}), kData, HasSubstr("\"" + name + "\""));
        x = x.without(std::vector<std::string>{name});
      }
    }
    const Selection got = selector->fit(x, p.rows, p.y, {});
    EXPECT_THAT(got.names(x), ::testing::Contains("a")) << data::task_name(task);
    for (std::size_t c = 0; c < x.n_columns(); ++c) EXPECT_FALSE(std::isnan(got.score[c])) << x.name(c);
  }
}

TEST_P(SelectorContract, OneColumnStays) {
  const Problem p(40, Task::kBinary);
  const Frame one({"a"}, {p.x.column("a")});
  const auto selector = make_feature_selector(GetParam(), quick(GetParam()));
  EXPECT_EQ(selector->fit(one, p.rows, p.y, {}).names(one).size(), 1U);
  EXPECT_EQ(selector->fit(one, {}, p.y, {}).names(one).size(), 1U);
}

std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const auto& info : feature_selectors()) out.push_back(info.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Registry, SelectorContract, ::testing::ValuesIn(all_names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(FeatureSelectors, FindTheColumnsThatMatter) {
  for (const Task task : {Task::kRegression, Task::kBinary}) {
    const Problem p(400, task);
    EXPECT_THAT(chosen("model_importance", {{"threshold", 0.5}}, p), ElementsAre("a", "c"));
    EXPECT_THAT(chosen("permutation", {{"threshold", 0.05}}, p), ElementsAre("a", "c"));
    EXPECT_THAT(chosen("shadow", {{"n_rounds", std::int64_t{15}}, {"keep_tentative", false}}, p),
                ElementsAre("a", "c"));
    // The default threshold of model_importance is the mean, which c does not always reach.
    EXPECT_THAT(chosen("stability", {{"selector", "model_importance"}, {"n_rounds", std::int64_t{5}}}, p),
                ::testing::AllOf(::testing::Contains("a"), ::testing::IsSubsetOf({"a", "c"})));
    const auto left = chosen("recursive_elimination", {}, p);
    EXPECT_THAT(left, ::testing::IsSupersetOf({"a", "c"}));
    EXPECT_LT(left.size(), 6U);
    EXPECT_THAT(chosen("l1", {{"relative_alpha", 0.3}}, p), ElementsAre("a"));  // c is not linear
  }
}

TEST(FeatureSelectors, RefuseWhatTheyCanNotDo) {
  EXPECT_ERROR(make_feature_selector("boruta_shadow"), kInvalidParameter, HasSubstr("shadow"));
  EXPECT_ERROR(make_feature_selector("shadow", {{"estimator", "random_forrest"}}), kInvalidParameter,
               HasSubstr("random_forest"));
  EXPECT_ERROR(make_feature_selector("stability", {{"selector", "stability"}}), kInvalidParameter,
               HasSubstr("another"));
  EXPECT_ERROR(make_feature_selector("permutation", {{"choose", "fdr"}}), kInvalidParameter,
               HasSubstr("top_k"));
  const Problem p(50, Task::kRegression);
  EXPECT_ERROR(
      make_feature_selector("model_importance", {{"estimator", "constant"}})->fit(p.x, p.rows, p.y, {}),
      kInvalidParameter, HasSubstr("random_forest"));
}

TEST(L1, MatchesScikitLearn) {
  std::ifstream file(test_data("selection/golden.json"));
  ASSERT_TRUE(file) << "tests/data/selection/golden.json is missing";
  const auto golden = nlohmann::json::parse(file);
  Frame x;
  for (const auto& cells : golden["x"])
    x.add("x" + std::to_string(x.n_columns()), Column::from_float64(cells.get<std::vector<double>>()));
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  const auto number = golden["y_number"].get<std::vector<double>>(),
             classes = golden["y_class"].get<std::vector<double>>();
  std::vector<double> second;
  for (const double k : classes) second.push_back(k == 1);
  const auto check = [&](const char* name, const TargetView& y, double tolerance) {
    const ParamMap params = {{"alpha", golden["l1"][name]["alpha"].get<double>()},
                             {"tol", 1e-12},
                             {"max_iter", std::int64_t{20000}}};
    const Selection got = make_feature_selector("l1", params)->fit(x, rows, y, {});
    const auto want = golden["l1"][name]["size"].get<std::vector<double>>();
    EXPECT_THAT(got.score, Pointwise(NanSensitiveDoubleNear(tolerance), want)) << name;
    for (std::size_t c = 0; c < want.size(); ++c) EXPECT_EQ(got.kept[c] == 1, want[c] > 0) << name;
  };
  check("lasso", {Task::kRegression, number, {}, 0}, 1e-9);
  check("binary", {Task::kBinary, second, {}, 2}, 1e-8);  // as far as the peer's solver converges
  check("multiclass", {Task::kMulticlass, classes, {}, 3}, 1e-8);
}

TEST(L1, AColumnOfCategoriesStaysAsAWhole) {
  const Problem p(200, Task::kRegression);
  std::vector<std::int32_t> useful, useless;
  Rng rng(2);
  std::vector<double> values;
  for (std::size_t i = 0; i < 200; ++i) {
    useful.push_back(static_cast<std::int32_t>(rng.below(3)));
    useless.push_back(static_cast<std::int32_t>(rng.below(3)));
    values.push_back(useful.back() == 2 ? 5 : rng.normal());
  }
  const auto levels = std::make_shared<const data::Dictionary>(std::vector<std::string>{"x", "y", "z"});
  const Frame x({"useful", "useless"},
                {Column::from_category(useful, levels), Column::from_category(useless, levels)});
  const auto got = make_feature_selector("l1", {{"relative_alpha", 0.4}})
                       ->fit(x, p.rows, {Task::kRegression, values, {}, 0}, {});
  EXPECT_THAT(got.names(x), ElementsAre("useful"));
}

}  // namespace
}  // namespace kolosal::pipeline
