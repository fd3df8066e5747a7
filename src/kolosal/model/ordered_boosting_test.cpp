// What ordered_boosting has beside other boosters: its contract is tested with theirs.

#include "kolosal/model/estimators/ordered_boosting.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/model/boosting_loss.hpp"
#include "kolosal/model/category_statistics.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using data::Column;
using data::Task;
using nlohmann::json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::shared_ptr<const data::Dictionary> levels(std::size_t n) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(std::to_string(i));
  return std::make_shared<data::Dictionary>(std::move(out));
}

Column category(const std::vector<std::int32_t>& codes, std::size_t n_levels) {
  return Column::from_category(codes, levels(n_levels));
}

std::vector<std::uint32_t> row_range(std::uint32_t begin, std::uint32_t end) {
  std::vector<std::uint32_t> out(end - begin);
  std::iota(out.begin(), out.end(), begin);
  return out;
}

double mean_log_loss(const std::vector<double>& p, const std::vector<double>& y) {
  return Loss{.kind = LossKind::kLogLoss, .parameter = 0, .y = y, .weights = {}}(p);
}

json golden() { return json::parse(std::ifstream(test_data("ordered_boosting/golden.json"))); }

// tools/golden/ordered_boosting.py made the numbers with CatBoost.
TEST(OrderedBoosting, PredictsWhatCatBoostPredictsWithoutChance) {
  const json g = golden();
  data::Frame x;
  for (const json& cells : g["numbers"]) {
    std::vector<double> values;
    for (const json& cell : cells) values.push_back(cell.is_null() ? kNaN : cell.get<double>());
    x.add("x" + std::to_string(x.n_columns()), Column::from_float64(std::move(values)));
  }
  const auto weights = g["weights"].get<std::vector<double>>();
  const auto rows = row_range(0, static_cast<std::uint32_t>(x.n_rows()));
  for (const json& c : g["exact"]) {
    SCOPED_TRACE(c["target"].dump() + " " + c["params"].dump());
    const Task task = c["target"] == "binary" ? Task::kBinary : Task::kRegression;
    const auto target = g["targets"][c["target"].get<std::string>()].get<std::vector<double>>();
    const std::span<const double> used =
        c["weighted"].get<bool>() ? std::span<const double>(weights) : std::span<const double>();
    const auto learner = make_estimator("ordered_boosting", params_from_json(c["params"]));
    learner->fit({&x, {task, target, used, task == Task::kBinary ? std::size_t{2} : std::size_t{0}}}, nullptr,
                 {rows, {}}, {});
    // CatBoost's exponential is less exact than ours, which many Newton steps add up.
    const double tolerance = c["params"]["leaf_estimation_iterations"] == 1 ? 2e-5 : 2e-4;
    EXPECT_THAT(predictions(*learner, x), ::testing::Pointwise(::testing::DoubleNear(tolerance),
                                                               c["prediction"].get<std::vector<double>>()));
  }
}

TEST(OrderedBoosting, PredictsCategoriesAsWellAsCatBoost) {
  const json g = golden()["categories"];
  const auto codes = [&](const char* name) { return g[name].get<std::vector<std::int32_t>>(); };
  data::Frame x;
  x.add("many", category(codes("many"), 60));
  x.add("few", category(codes("few"), 5));
  x.add("kind", category(codes("kind"), 2));
  x.add("number", Column::from_float64(g["number"].get<std::vector<double>>()));
  const auto y = g["target"].get<std::vector<double>>();
  const auto n = static_cast<std::uint32_t>(y.size()), half = g["n_train"].get<std::uint32_t>();
  const auto train = row_range(0, half), test = row_range(half, n);
  double loss = 0;
  constexpr std::uint64_t kSeeds = 5;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Context context;
    context.seed = seed;
    const auto learner =
        make_estimator("ordered_boosting", {{"n_estimators", g["rounds"].get<std::int64_t>()},
                                            {"learning_rate", g["learning_rate"].get<double>()}});
    learner->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {train, {}}, context);
    loss += mean_log_loss(predictions(*learner, x.take(test)), {y.begin() + half, y.end()}) / kSeeds;
  }
  // CatBoost's mean over seeds is 0.393, of the mean target 0.693; CatBoost also combines three columns.
  EXPECT_LT(loss, 1.05 * g["loss"].get<double>());
}

TEST(OrderedBoosting, LearnsNothingFromALevelPerRow) {
  // Were a row's own target in its level's mean, every training row would be foretold.
  const std::size_t n = 600;
  Rng rng(3);
  std::vector<std::int32_t> code(n), twice(n);
  std::vector<double> y;
  for (std::size_t i = 0; i < n; ++i) {
    code[i] = static_cast<std::int32_t>(i);
    twice[i] = static_cast<std::int32_t>(i / 2);
    y.push_back(static_cast<double>(rng.below(2)));
  }
  const double share = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(n);
  const auto all = row_range(0, static_cast<std::uint32_t>(n));
  data::Frame x({"id"}, {category(code, n)});
  const auto learner = make_estimator("ordered_boosting");
  learner->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {all, {}}, {});
  EXPECT_THAT(predictions(*learner, x), ::testing::Each(::testing::DoubleNear(share, 1e-6)));

  // Two rows per level, of which each knows the other at most: nothing to learn for new rows either.
  std::vector<double> fresh;
  x = data::Frame({"id"}, {category(twice, n)});
  const auto train = row_range(0, 400), valid = row_range(400, 600);
  learner->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {train, {}}, {});
  EXPECT_LT(mean_log_loss(predictions(*learner, x.take(valid)), {y.begin() + 400, y.end()}), 0.75);
}

TEST(OrderedBoosting, MeansAreOfTheRowsBefore) {
  const std::vector<std::uint32_t> level = {0, 1, 0, 0, 1}, order = {3, 0, 1, 2, 4};
  const std::vector<double> target = {1, 0, 0, 1, 1};
  std::vector<double> out(5);
  ordered_means(level, 2, target, order, 0.6, 2, out);
  // Row 3 comes first and knows nothing; row 0 knows row 3; row 2 knows both; row 4 knows row 1.
  const std::vector<double> wanted = {(1.2 + 1) / 3, 0.6, (1.2 + 2) / 4, 0.6, 1.2 / 3};
  EXPECT_THAT(out, ::testing::Pointwise(::testing::DoubleNear(1e-12), wanted));
}

TEST(OrderedBoosting, FindsWhatOnlyAPairOfColumnsTells) {
  const std::size_t n = 2000;
  Rng rng(8);
  std::vector<std::int32_t> a(n), b(n);
  std::vector<double> y;
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = static_cast<std::int32_t>(rng.below(30));
    b[i] = static_cast<std::int32_t>(rng.below(30));
    y.push_back((a[i] * 7 + b[i] * 11) % 10 < 5 ? 1 : 0);
  }
  const data::Frame x({"a", "b"}, {category(a, 30), category(b, 30)});
  const auto train = row_range(0, 1600), test = row_range(1600, 2000);
  std::vector<double> losses;
  for (const std::int64_t pairs : {1, 0}) {
    const auto learner =
        make_estimator("ordered_boosting", {{"max_ctr_pairs", pairs}, {"n_estimators", std::int64_t{200}}});
    learner->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {train, {}}, {});
    losses.push_back(mean_log_loss(predictions(*learner, x.take(test)), {y.begin() + 1600, y.end()}));
    EXPECT_THAT(learner->feature_importance(), ::testing::Each(::testing::Gt(0.1)));
  }
  EXPECT_LT(losses[0], 0.8 * losses[1]);
}

TEST(OrderedBoosting, TakesMissingInfiniteAndNewCells) {
  const std::size_t n = 400;
  std::vector<double> number(n), y(n);
  std::vector<std::int32_t> code(n);
  for (std::size_t i = 0; i < n; ++i) {
    number[i] = std::vector<double>{kNaN, -kInf, 1, kInf}[i % 4];
    code[i] = i % 5 == 0 ? data::kMissingCode : static_cast<std::int32_t>(i % 5);
    y[i] = 10.0 * static_cast<double>(i % 4) + static_cast<double>(i % 5);
  }
  const data::Frame x({"number", "kind"}, {Column::from_float64(number), category(code, 9)});
  const auto all = row_range(0, static_cast<std::uint32_t>(n));
  const auto learner =
      make_estimator("ordered_boosting", {{"n_estimators", std::int64_t{400}}, {"learning_rate", 0.2}});
  learner->fit({&x, {Task::kRegression, y, {}, 0}}, nullptr, {all, all}, {});
  EXPECT_THAT(predictions(*learner, x), ::testing::Pointwise(::testing::DoubleNear(2.0), y));
  // A level that training did not hold, in the dictionary or not, is like the mean of all.
  const data::Frame fresh({"number", "kind"},
                          {Column::from_float64({1, 1}), category({7, data::kUnseenCode}, 9)});
  const auto predicted = predictions(*learner, fresh);
  EXPECT_EQ(predicted[0], predicted[1]);
  EXPECT_NEAR(predicted[0], 22, 4);
}

TEST(OrderedBoosting, RefusesDamagedTrees) {
  const SampleTable t = sample_table(Task::kBinary, 200);
  const auto all = t.all_rows();
  const auto learner = make_estimator("ordered_boosting", {{"n_estimators", std::int64_t{5}}});
  learner->fit(t.data(), nullptr, {all, {}}, {});
  SymmetricForest forest = dynamic_cast<const OrderedBoosting&>(*learner).forest();
  const auto load = [&] {
    artifact::Node node;
    forest.save(node);
    return SymmetricForest::load(node, t.x.n_columns(), 1);
  };
  EXPECT_EQ(load().leaf_value, forest.leaf_value);
  const SymmetricForest good = forest;
  forest.split_input[0] = static_cast<std::int32_t>(forest.inputs.size());
  EXPECT_ERROR(load(), kModel, ::testing::HasSubstr("input of a split"));
  forest = good;
  forest.leaf_value.pop_back();
  EXPECT_ERROR(load(), kModel, ::testing::HasSubstr("leaves"));
  forest = good;
  forest.tree_depth[0] = 9;
  EXPECT_ERROR(load(), kModel, ::testing::HasSubstr("depth"));
  forest = good;
  for (auto& input : forest.inputs)
    if (input.index >= 0) input.bin_of_level.pop_back();
  EXPECT_ERROR(load(), kModel, ::testing::HasSubstr("levels"));
}

}  // namespace
}  // namespace kolosal::model
