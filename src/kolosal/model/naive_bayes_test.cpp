#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/core/testing/matchers.hpp"
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

std::vector<std::uint32_t> first_rows(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

void add_numbers(Frame& x, const nlohmann::json& columns) {
  for (const auto& cells : columns)
    x.add("x" + std::to_string(x.n_columns()), Column::from_float64(cells.get<std::vector<double>>()));
}

/// Columns of counts as one sparse column.
Column sparse_of(const nlohmann::json& columns) {
  std::vector<std::int64_t> offsets = {0};
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  for (std::size_t i = 0; i < columns[0].size(); ++i) {
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (columns[c][i] != 0) {
        indices.push_back(static_cast<std::int32_t>(c));
        values.push_back(columns[c][i].get<float>());
      }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  return Column::from_sparse(offsets, indices, values, static_cast<std::int32_t>(columns.size()));
}

// tools/golden/naive_bayes.py made the numbers with scikit-learn.
TEST(NaiveBayes, PredictsWhatScikitLearnPredicts) {
  const auto golden = nlohmann::json::parse(std::ifstream(test_data("naive_bayes/golden.json")));
  const Column kind = Column::from_category(golden["codes"].get<std::vector<std::int32_t>>(), levels(3));
  Frame numbers, counts, sparse;
  add_numbers(numbers, golden["numbers"]);
  add_numbers(counts, golden["counts"]);
  sparse.add("words", sparse_of(golden["counts"]));
  Frame mixed = numbers;
  for (Frame* x : {&mixed, &counts, &sparse}) x->add("kind", kind);
  const auto weights = golden["weights"].get<std::vector<double>>();
  const auto rows = first_rows(numbers.n_rows());
  for (const auto& c : golden["cases"]) {
    SCOPED_TRACE(c["learner"].get<std::string>() + " " + c["params"].dump());
    std::vector<const Frame*> tables = {&counts, &sparse};
    if (c["learner"] == "gaussian_nb") tables = {c["with_codes"].get<bool>() ? &mixed : &numbers};
    const Task task = data::task_from_name(c["task"].get<std::string>());
    const auto target = c["target"].get<std::vector<double>>();
    const std::span<const double> used =
        c["weighted"].get<bool>() ? std::span<const double>(weights) : std::span<const double>();
    for (const Frame* x : tables) {
      const auto learner = make_estimator(c["learner"].get<std::string>(), params_from_json(c["params"]));
      learner->fit({x, {task, target, used, task == Task::kBinary ? 2U : 3U}}, nullptr, {rows, {}}, {});
      EXPECT_THAT(
          predictions(*learner, *x),
          ::testing::Pointwise(::testing::DoubleNear(1e-9), c["prediction"].get<std::vector<double>>()));
    }
  }
}

TEST(NaiveBayes, AMissingCellSaysNothing) {
  Frame x, at;
  x.add("a", Column::from_float64({0, 1, 4, 6, 5, 3}));
  x.add("kind", Column::from_category({0, 0, 1, 1, 1, 0}, levels(2)));
  at.add("a", Column::from_float64({std::nan(""), std::nan("")}));
  at.add("kind", Column::from_category({data::kMissingCode, data::kUnseenCode}, levels(2)));
  const std::vector<double> y = {0, 0, 1, 1, 1, 1};
  const auto rows = first_rows(6);
  const auto learner = make_estimator("gaussian_nb");
  learner->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {rows, {}}, {});
  EXPECT_THAT(predictions(*learner, at), ::testing::Each(::testing::DoubleNear(4.0 / 6, 1e-12)));
}

TEST(NaiveBayes, MultinomialRefusesNegativeCountsByName) {
  Frame x;
  x.add("n words", Column::from_float64({1, 2, -3, 1}));
  const std::vector<double> y = {0, 1, 1, 0};
  const auto rows = first_rows(4);
  EXPECT_ERROR(
      make_estimator("multinomial_nb")->fit({&x, {Task::kBinary, y, {}, 2}}, nullptr, {rows, {}}, {}), kData,
      ::testing::AllOf(::testing::HasSubstr("\"n words\""), ::testing::HasSubstr("-3")));
}

}  // namespace
}  // namespace kolosal::model
