// The learner lightgbm against LightGBM's own Python package.

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using ::testing::Pointwise;

// tools/golden/lightgbm_modes.py made the numbers.
TEST(LightgbmModes, PredictAsTheLibrarysOwnPackageDoes) {
  if (const std::string reason = estimator_info("lightgbm").unavailable(); !reason.empty())
    GTEST_SKIP() << reason;
  const auto golden = nlohmann::json::parse(std::ifstream(test_data("lightgbm/modes.json")));
  constexpr std::size_t kColumns = 3;
  std::vector<std::vector<double>> columns(kColumns);
  for (const auto& row : golden["x"])
    for (std::size_t c = 0; c < kColumns; ++c)
      columns[c].push_back(row[c].is_null() ? std::numeric_limits<double>::quiet_NaN()
                                            : row[c].get<double>());
  data::Frame x;
  for (std::size_t c = 0; c < kColumns; ++c)
    x.add(std::string(1, static_cast<char>('a' + c)), data::Column::from_float64(columns[c]));
  const auto weights = golden["weights"].get<std::vector<double>>();
  std::vector<std::uint32_t> train(golden["n_train"].get<std::size_t>()), rest(x.n_rows() - train.size());
  std::iota(train.begin(), train.end(), 0U);
  std::iota(rest.begin(), rest.end(), static_cast<std::uint32_t>(train.size()));
  Context context;
  context.seed = 7;
  for (const auto& c : golden["cases"]) {
    SCOPED_TRACE(c["task"].get<std::string>() + " " + c["params"].dump());
    const auto task = data::task_from_name(c["task"].get<std::string>());
    const auto y = golden["targets"][c["task"].get<std::string>()].get<std::vector<double>>();
    ParamMap params = params_from_json(c["params"]);
    params.insert({{"min_data_in_leaf", std::int64_t{10}},
                   {"num_leaves", std::int64_t{12}},
                   {"learning_rate", 0.2},
                   {"early_stopping_rounds", std::int64_t{0}}});
    const std::size_t n_classes = task == data::Task::kRegression ? 0 : task == data::Task::kBinary ? 2 : 3;
    const auto estimator = make_estimator("lightgbm", params);
    estimator->fit({&x, {task, y, weights, n_classes}}, nullptr, {train, {}}, context);
    // Numbers are learned in another unit here, as float32.
    EXPECT_THAT(predictions(*estimator, x.take(rest)),
                Pointwise(NanSensitiveDoubleNear(2e-6), c["prediction"].get<std::vector<double>>()));
  }
}

// Its text is read a few rounds at a time.
TEST(LightgbmModes, AModelOfLargeTreesPredictsAsTheLibraryDid) {
  if (const std::string reason = estimator_info("lightgbm").unavailable(); !reason.empty())
    GTEST_SKIP() << reason;
  constexpr std::size_t kRows = 900, kTrain = 700, kClasses = 3;
  Rng rng(5);
  std::vector<double> a, b, y;
  for (std::size_t i = 0; i < kRows; ++i) {
    a.push_back(rng.normal());
    b.push_back(rng.normal());
    y.push_back(std::floor(std::clamp(1.5 + a.back() + a.back() * b.back(), 0.0, 2.9)));
  }
  data::Frame x;
  x.add("a", data::Column::from_float64(a));
  x.add("b", data::Column::from_float64(b));
  std::vector<std::uint32_t> train(kTrain), valid(kRows - kTrain);
  std::iota(train.begin(), train.end(), 0U);
  std::iota(valid.begin(), valid.end(), static_cast<std::uint32_t>(kTrain));
  const auto estimator = make_estimator("lightgbm", {{"num_leaves", std::int64_t{4096}},
                                                     {"min_data_in_leaf", std::int64_t{1}},
                                                     {"n_estimators", std::int64_t{25}},
                                                     {"early_stopping_rounds", std::int64_t{0}}});
  const auto report =
      estimator->fit({&x, {data::Task::kMulticlass, y, {}, kClasses}}, nullptr, {train, valid}, Context());
  ASSERT_EQ(report.n_rounds, 25U);
  EXPECT_THAT(predictions(*estimator, x.take(valid)),
              Pointwise(NanSensitiveDoubleNear(1e-9), report.valid_prediction));
}

}  // namespace
}  // namespace kolosal::model
