#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using data::Column;
using data::Frame;
using data::Task;

std::shared_ptr<const data::Dictionary> levels(int n) {
  std::vector<std::string> names;
  for (int i = 0; i < n; ++i) names.push_back("level " + std::to_string(i));
  return std::make_shared<data::Dictionary>(std::move(names));
}

std::vector<std::uint32_t> rows_between(std::uint32_t begin, std::uint32_t end) {
  std::vector<std::uint32_t> out(end - begin);
  std::iota(out.begin(), out.end(), begin);
  return out;
}

// tools/golden/knn.py made the numbers with scikit-learn.
TEST(Knn, PredictsWhatScikitLearnPredicts) {
  const auto golden = nlohmann::json::parse(std::ifstream(test_data("knn/golden.json")));
  Frame numbers;
  for (const auto& cells : golden["numbers"]) {
    std::vector<double> column;
    for (const auto& cell : cells) column.push_back(cell.is_null() ? std::nan("") : cell.get<double>());
    numbers.add("x" + std::to_string(numbers.n_columns()), Column::from_float64(column));
  }
  Frame mixed;  // the category in the middle: the order of the columns does not matter
  mixed.add("x0", numbers.column(0));
  mixed.add("kind", Column::from_category(golden["codes"].get<std::vector<std::int32_t>>(), levels(4)));
  mixed.add("x1", numbers.column(1));
  mixed.add("x2", numbers.column(2));
  const auto n = static_cast<std::uint32_t>(numbers.n_rows());
  const auto n_train = golden["n_train"].get<std::uint32_t>();
  const auto train = rows_between(0, n_train), query = rows_between(n_train, n);
  for (const auto& c : golden["cases"]) {
    SCOPED_TRACE(c["name"].get<std::string>());
    const Frame& x = c["with_codes"].get<bool>() ? mixed : numbers;
    const Task task = data::task_from_name(c["task"].get<std::string>());
    const auto target = c["target"].get<std::vector<double>>();
    const std::size_t n_classes = task == Task::kRegression ? 0 : task == Task::kBinary ? 2 : 3;
    const auto learner = make_estimator("knn", params_from_json(c["params"]));
    const auto report = learner->fit({&x, {task, target, {}, n_classes}}, nullptr, {train, query}, {});
    const auto want = c["prediction"].get<std::vector<double>>();
    // scikit-learn takes distances from products, which costs it digits where numbers are large.
    EXPECT_THAT(report.valid_prediction, ::testing::Pointwise(::testing::DoubleNear(1e-7), want));
    EXPECT_EQ(predictions(*learner, x.take(query)), report.valid_prediction);
  }
}

// scikit-learn takes the rows that come first; here the order of the rows says nothing.
TEST(Knn, EquallyDistantRowsShareTheLastPlaces) {
  Frame x, at;
  x.add("x", Column::from_float64({5, 1, 1, 0, 1, 9}));
  at.add("x", Column::from_float64({0, 10}));
  const std::vector<double> y = {100, 1, 2, 30, 6, 50}, weights = {1, 1, 1, 1, 2, 1};
  const auto rows = rows_between(0, 6);
  const auto two = make_estimator("knn", {{"n_neighbors", std::int64_t{2}}, {"standardize", false}});
  two->fit({&x, {Task::kRegression, y, {}, 0}}, nullptr, {rows, {}}, {});
  EXPECT_THAT(predictions(*two, at), ::testing::ElementsAre((30 + 3.0) / 2, (50 + 100.0) / 2));
  two->fit({&x, {Task::kRegression, y, weights, 0}}, nullptr, {rows, {}}, {});
  EXPECT_DOUBLE_EQ(predictions(*two, at)[0], (30 + (1 + 2 + 2 * 6) / 3.0) / (1 + 4 / 3.0));
}

TEST(Knn, ARowWithoutACellInCommonGetsTheMean) {
  Frame x, at;
  const double missing = std::nan("");
  x.add("a", Column::from_float64({1, 2, 3, missing}));
  x.add("b", Column::from_float64({missing, missing, missing, missing}));
  at.add("a", Column::from_float64({missing, 2, std::numeric_limits<double>::infinity()}));
  at.add("b", Column::from_float64({7, 7, 7}));
  const std::vector<double> y = {1, 2, 3, 10};
  const auto one = make_estimator("knn", {{"n_neighbors", std::int64_t{1}}});
  one->fit({&x, {Task::kRegression, y, {}, 0}}, nullptr, {rows_between(0, 4), {}}, {});
  EXPECT_THAT(predictions(*one, at), ::testing::ElementsAre(4, 2, 4));
}

TEST(Knn, RefusesAnUnknownWeighting) {
  try {
    make_estimator("knn", {{"weights", std::string("closest")}});
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("closest"));
  }
}

}  // namespace
}  // namespace kolosal::model
