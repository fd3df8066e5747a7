#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using data::Task;

// tools/golden/decision_tree.py made the numbers with scikit-learn.
TEST(DecisionTree, PredictsWhatScikitLearnPredicts) {
  const auto golden = nlohmann::json::parse(std::ifstream(test_data("decision_tree/golden.json")));
  data::Frame x;
  for (const auto& cells : golden["x"])
    x.add("x" + std::to_string(x.n_columns()), data::Column::from_float64(cells.get<std::vector<double>>()));
  const auto weights = golden["weights"].get<std::vector<double>>();
  std::vector<std::uint32_t> rows(x.n_rows());
  std::iota(rows.begin(), rows.end(), 0U);
  for (const auto& c : golden["cases"]) {
    SCOPED_TRACE(c["task"].get<std::string>() + " " + c["params"].dump());
    const Task task = data::task_from_name(c["task"].get<std::string>());
    const auto target = c["target"].get<std::vector<double>>();
    const std::size_t n_classes = task == Task::kRegression ? 0 : task == Task::kBinary ? 2 : 3;
    const std::span<const double> used =
        c["weighted"].get<bool>() ? std::span<const double>(weights) : std::span<const double>();
    const auto learner = make_estimator("decision_tree", params_from_json(c["params"]));
    learner->fit({&x, {task, target, used, n_classes}}, nullptr, {rows, {}}, {});
    EXPECT_THAT(predictions(*learner, x), ::testing::Pointwise(::testing::DoubleNear(1e-6),
                                                               c["prediction"].get<std::vector<double>>()));
  }
}

}  // namespace
}  // namespace kolosal::model
