#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/transform/transformer.hpp"

// Steps on the tables of tests/data/tables, against what scikit-learn, category_encoders and pandas give
// (tools/golden/real_tables.py says what a case holds).

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Cells = std::vector<std::optional<std::string>>;

// The tables have no quoted cells.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> out(1);
  for (const char c : line)
    if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  return out;
}

std::map<std::string, Cells> read_table(const std::string& name) {
  std::ifstream file(test_data("tables/" + name + ".csv"));
  std::string line;
  std::map<std::string, Cells> out;
  if (!std::getline(file, line)) return out;
  const auto names = split(line);
  while (std::getline(file, line)) {
    const auto cells = split(line);
    for (std::size_t c = 0; c < names.size(); ++c)
      out[names[c]].push_back(cells[c].empty() ? std::nullopt : std::optional(cells[c]));
  }
  return out;
}

Column column_of(const std::string& kind, const Cells& cells) {
  if (kind == "text") return Column::from_texts(cells);
  if (kind == "float") {
    std::vector<double> numbers(cells.size(), kNaN);
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (cells[i]) std::from_chars(cells[i]->data(), cells[i]->data() + cells[i]->size(), numbers[i]);
    return Column::from_float64(numbers);
  }
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
  for (const auto& cell : cells) {
    if (!cell) {
      codes.push_back(data::kMissingCode);
      continue;
    }
    const auto at = std::ranges::find(levels, *cell);
    codes.push_back(static_cast<std::int32_t>(at - levels.begin()));
    if (at == levels.end()) levels.push_back(*cell);
  }
  return Column::from_category(codes, std::make_shared<const data::Dictionary>(std::move(levels)));
}

Frame frame_of(const nlohmann::json& golden) {
  const auto table = read_table(golden["table"].get<std::string>());
  Frame out;
  for (const auto& [name, kind] : golden["kinds"].items()) {
    Cells cells = table.at(name);
    if (golden.contains("cells") && golden["cells"].contains(name)) {
      cells.clear();
      for (const auto& cell : golden["cells"][name])
        cells.push_back(cell.is_null() ? std::nullopt : std::optional(cell.get<std::string>()));
    }
    out.add(name, column_of(kind.get<std::string>(), cells));
  }
  return out;
}

// Every 7th of the given rows.
std::vector<std::uint32_t> sevenths(const std::vector<std::uint32_t>& rows) {
  std::vector<std::uint32_t> out;
  for (std::size_t i = 0; i < rows.size(); i += 7) out.push_back(rows[i]);
  return out;
}

void expect_near(double got, const nlohmann::json& want, double tolerance, std::uint32_t row) {
  if (want.is_null()) {
    EXPECT_TRUE(std::isnan(got)) << "row " << row << " is " << got;
    return;
  }
  const double number = want.get<double>();
  EXPECT_LE(std::abs(got - number), tolerance * std::max(1.0, std::abs(number)))
      << "row " << row << " is " << got << ", not " << number;
  EXPECT_FALSE(std::isnan(got)) << "row " << row << " is not " << number;
}

void expect_columns(const Frame& got, const nlohmann::json& want, const std::vector<std::uint32_t>& rows,
                    double tolerance) {
  for (const auto& [name, cells] : want.items()) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(got.find(name).has_value()) << ::testing::PrintToString(got.names());
    ASSERT_EQ(cells.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      expect_near(got.column(name).number(rows[i]), cells[i], tolerance, rows[i]);
  }
}

void expect_matrix(const Column& column, const nlohmann::json& want, const std::vector<std::uint32_t>& rows,
                   double tolerance) {
  const auto sparse = column.sparse();
  ASSERT_EQ(want.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(static_cast<std::size_t>(sparse.width), want[i].size());
    std::vector<double> cells(want[i].size());
    for (auto at = sparse.offsets[rows[i]]; at < sparse.offsets[rows[i] + 1]; ++at)
      cells[static_cast<std::size_t>(sparse.indices[at])] = static_cast<double>(sparse.values[at]);
    for (std::size_t k = 0; k < cells.size(); ++k) expect_near(cells[k], want[i][k], tolerance, rows[i]);
  }
}

void check(const nlohmann::json& golden) {
  const Frame x = frame_of(golden);
  std::vector<double> values(x.n_rows());
  data::TargetView y{data::Task::kRegression, values, {}, 0};
  if (golden.contains("target")) {
    values = golden["target"].get<std::vector<double>>();
    y.task = data::task_from_name(golden["task"].get<std::string>());
    if (y.task != data::Task::kRegression)
      y.n_classes = static_cast<std::size_t>(*std::ranges::max_element(values)) + 1;
    y.values = values;
  }
  std::vector<std::uint32_t> all, rows;
  for (std::uint32_t i = 0; i < x.n_rows(); ++i) {
    all.push_back(i);
    if (i % 4 != 3) rows.push_back(i);
  }
  const auto step = make_transformer(golden["step"].get<std::string>(), params_from_json(golden["params"]));
  const double tolerance = golden.value("tolerance", 1e-9);
  const Frame training = step->fit_transform(x, rows, y, x.names(), {});
  if (golden.contains("training")) expect_columns(training, golden["training"], sevenths(rows), tolerance);
  const Frame out = step->transform(x, {});
  if (golden.contains("matrix")) {
    ASSERT_EQ(out.n_columns(), 1U);
    expect_matrix(out.column(0), golden["matrix"], sevenths(all), tolerance);
    return;
  }
  EXPECT_EQ(out.n_columns(), golden["want"].size() + golden.value("n_other_columns", std::size_t{0}));
  expect_columns(out, golden["want"], sevenths(all), tolerance);
}

TEST(RealTables, StepsGiveWhatTheirPeersGive) {
  std::ifstream file(test_data("transform/real_tables.json"));
  ASSERT_TRUE(file) << "tests/data/transform/real_tables.json is missing";
  const auto golden = nlohmann::json::parse(file);
  ASSERT_GE(golden["cases"].size(), 60U);
  for (const auto& one : golden["cases"]) {
    SCOPED_TRACE(one["name"].get<std::string>());
    check(one);
  }
}

}  // namespace
}  // namespace kolosal::transform
