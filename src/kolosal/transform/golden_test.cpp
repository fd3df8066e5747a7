#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/transform/transformer.hpp"

// tests/data/transform/*.json hold what scikit-learn, category_encoders and pandas give; each names the
// script of tools/golden/ that made it.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<double> numbers_of(const nlohmann::json& cells) {
  std::vector<double> out;
  for (const auto& cell : cells) out.push_back(cell.is_null() ? kNaN : cell.get<double>());
  return out;
}

// Levels in the order of their first cell, as a reader of files gives them.
Column category_of(const nlohmann::json& cells) {
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  for (const auto& cell : cells) {
    if (cell.is_null()) {
      codes.push_back(data::kMissingCode);
      continue;
    }
    const auto at = std::ranges::find(levels, cell.get<std::string>());
    codes.push_back(static_cast<std::int32_t>(at - levels.begin()));
    if (at == levels.end()) levels.push_back(cell.get<std::string>());
  }
  return Column::from_category(codes, std::make_shared<const data::Dictionary>(std::move(levels)));
}

Column text_of(const nlohmann::json& cells) {
  std::vector<std::optional<std::string>> out;
  for (const auto& cell : cells)
    out.push_back(cell.is_null() ? std::nullopt : std::optional(cell.get<std::string>()));
  return Column::from_texts(out);
}

Column column_of(const std::string& kind, const nlohmann::json& cells) {
  if (kind == "timestamp") return Column::from_timestamp(cells.get<std::vector<std::int64_t>>());
  return kind == "float"  ? Column::from_float64(numbers_of(cells))
         : kind == "text" ? text_of(cells)
                          : category_of(cells);
}

std::vector<double> row_of(const Column& column, std::size_t row) {
  const auto cells = column.sparse();
  std::vector<double> out(static_cast<std::size_t>(cells.width));
  for (auto i = cells.offsets[row]; i < cells.offsets[row + 1]; ++i)
    out[static_cast<std::size_t>(cells.indices[i])] = static_cast<double>(cells.values[i]);
  return out;
}

void expect_columns(const Frame& got, const nlohmann::json& want, double tolerance = 1e-9) {
  EXPECT_EQ(got.n_columns(), want.size());
  for (const auto& [name, cells] : want.items()) {
    SCOPED_TRACE(name);
    std::vector<double> numbers(got.n_rows());
    got.column(name).copy_numbers(std::span<double>(numbers));
    EXPECT_THAT(numbers, Pointwise(NanSensitiveDoubleNear(tolerance), numbers_of(cells)));
  }
}

void check(const nlohmann::json& golden) {
  Frame x;
  std::vector<std::string> names;
  std::vector<Column> columns;
  for (const auto& [name, cells] : golden["columns"].items()) {
    names.push_back(name);
    columns.push_back(column_of(golden["kind"].get<std::string>(), cells));
  }
  x = Frame(names, columns);
  std::vector<double> values(x.n_rows());
  data::TargetView y{data::Task::kRegression, values, {}, 0};
  if (golden.contains("target")) {
    values = numbers_of(golden["target"]);
    y.task = data::task_from_name(golden["task"].get<std::string>());
    y.n_classes = y.task == data::Task::kRegression ? 0 : y.task == data::Task::kBinary ? 2 : 3;
  }
  y.values = values;
  const auto rows = golden["rows"].get<std::vector<std::uint32_t>>();
  const auto step = make_transformer(golden["step"].get<std::string>(), params_from_json(golden["params"]));
  const Frame train = step->fit_transform(x, rows, y, names, {});
  const Frame out = step->transform(x, {});
  if (golden.contains("training")) expect_columns(train.take(rows), golden["training"]);
  if (golden.contains("matrix")) {
    ASSERT_EQ(out.n_columns(), 1U);
    for (std::size_t row = 0; row < out.n_rows(); ++row)
      EXPECT_EQ(row_of(out.column(0), row), numbers_of(golden["matrix"][row])) << "row " << row;
    return;
  }
  if (golden.contains("cells")) {
    ASSERT_EQ(out.column(0).sparse().width, golden["width"].get<int>());
    for (std::size_t row = 0; row < out.n_rows(); ++row) {
      std::vector<double> want(golden["width"].get<std::size_t>());
      for (const auto& cell : golden["cells"][row]) want[cell[0].get<std::size_t>()] = cell[1].get<double>();
      EXPECT_THAT(row_of(out.column(0), row),
                  Pointwise(NanSensitiveDoubleNear(golden["tolerance"].get<double>()), want))
          << "row " << row;
    }
    return;
  }
  expect_columns(out, golden["want"], golden.value("tolerance", 1e-9));
}

void check_file(const std::string& name, std::size_t n_cases) {
  std::ifstream file(test_data("transform/" + name));
  ASSERT_TRUE(file) << "tests/data/transform/" << name << " is missing";
  const auto golden = nlohmann::json::parse(file);
  ASSERT_GE(golden["cases"].size(), n_cases);
  for (const auto& one : golden["cases"]) {
    SCOPED_TRACE(one["name"].get<std::string>());
    check(one);
  }
}

TEST(Golden, MatchesScikitLearn) { check_file("golden.json", 19); }
TEST(Golden, TextFeaturesMatchScikitLearn) { check_file("text_features.json", 12); }
TEST(Golden, NumberFeaturesMatchScikitLearn) { check_file("number_features.json", 14); }
TEST(Golden, EncodersMatchCategoryEncoders) { check_file("encoders.json", 7); }
TEST(Golden, DatePartsMatchPandas) { check_file("dates.json", 1); }
TEST(Golden, NumericStepsMatchScikitLearn) { check_file("numeric_steps.json", 40); }

}  // namespace
}  // namespace kolosal::transform
