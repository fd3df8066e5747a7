#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <numeric>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/kernel/bf16_products.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/testing/sample_table.hpp"

namespace kolosal::model {
namespace {

using data::Task;

/// Columns of a table of tests/data/tables (its cells are not quoted): numbers where all are, else
/// categories.
struct RealTable {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> cells;

  explicit RealTable(const std::string& name) {
    std::ifstream file(test_data("tables/" + name + ".csv"));
    std::string line;
    while (std::getline(file, line)) {
      std::vector<std::string> row(1);
      for (const char c : line)
        if (c == ',')
          row.emplace_back();
        else
          row.back() += c;
      if (names.empty())
        names = row;
      else
        cells.push_back(row);
    }
  }

  static double number(const std::string& cell) {
    double out = std::nan("");
    std::from_chars(cell.data(), cell.data() + cell.size(), out);
    return out;
  }
  std::vector<double> numbers(std::size_t c) const {
    std::vector<double> out;
    for (const auto& row : cells) out.push_back(number(row[c]));
    return out;
  }
  data::Column column(std::size_t c) const {
    const bool is_number = std::ranges::all_of(
        cells, [&](const auto& row) { return row[c].empty() || !std::isnan(number(row[c])); });
    if (is_number) return data::Column::from_float64(numbers(c));
    std::vector<std::string> levels;
    std::vector<std::int32_t> codes;
    for (const auto& row : cells) {
      const auto at = std::ranges::find(levels, row[c]);
      codes.push_back(row[c].empty() ? data::kMissingCode : static_cast<std::int32_t>(at - levels.begin()));
      if (!row[c].empty() && at == levels.end()) levels.push_back(row[c]);
    }
    return data::Column::from_category(codes, std::make_shared<const data::Dictionary>(levels));
  }
};

/// Predictions for every fourth row by a network of the others, and the targets of these rows.
struct HeldOut {
  std::vector<double> predicted, target;
};
HeldOut predict_by(const std::string& precision, const RealTable& table, const std::string& target,
                   Task task) {
  data::Frame x;
  std::vector<double> y;
  for (std::size_t c = 0; c < table.names.size(); ++c) {
    if (table.names[c] == target)
      y = table.numbers(c);
    else if (table.names[c] != "name")
      x.add(table.names[c], table.column(c));
  }
  std::vector<std::uint32_t> train, valid;
  for (std::uint32_t i = 0; i < x.n_rows(); ++i) (i % 4 == 3 ? valid : train).push_back(i);
  const auto learner = make_estimator(
      "mlp", {{"precision", precision}, {"n_seeds", std::int64_t{4}}, {"hidden_size", std::int64_t{64}}});
  const auto report =
      learner->fit({&x, {task, y, {}, task == Task::kRegression ? 0U : 2U}}, nullptr, {train, valid}, {});
  HeldOut out{report.valid_prediction, {}};
  for (const std::uint32_t row : valid) out.target.push_back(y[row]);
  return out;
}

/// Share of pairs of the two classes that are in order.
double area(const HeldOut& rows) {
  double right = 0, all = 0;
  for (std::size_t i = 0; i < rows.target.size(); ++i)
    for (std::size_t j = 0; j < rows.target.size(); ++j) {
      if (rows.target[i] <= rows.target[j]) continue;
      all += 1;
      right += rows.predicted[i] > rows.predicted[j] ? 1 : rows.predicted[i] == rows.predicted[j] ? 0.5 : 0;
    }
  return right / all;
}

double root_mean_square(const HeldOut& rows) {
  double sum = 0;
  for (std::size_t i = 0; i < rows.target.size(); ++i)
    sum += (rows.predicted[i] - rows.target[i]) * (rows.predicted[i] - rows.target[i]);
  return std::sqrt(sum / static_cast<double>(rows.target.size()));
}

TEST(MlpPrecision, ScoresOfBf16AreWithinAHundredthOfThoseOfFloat32) {
  const RealTable titanic("titanic"), mpg("mpg");
  const HeldOut by_float32 = predict_by("float32", titanic, "survived", Task::kBinary);
  const HeldOut by_bf16 = predict_by("bf16", titanic, "survived", Task::kBinary);
  EXPECT_NE(by_bf16.predicted, by_float32.predicted);
  const double full = area(by_float32);
  EXPECT_GT(full, 0.8);
  EXPECT_NEAR(area(by_bf16), full, 0.01 * full);
  const double full_error = root_mean_square(predict_by("float32", mpg, "mpg", Task::kRegression));
  const double half_error = root_mean_square(predict_by("bf16", mpg, "mpg", Task::kRegression));
  EXPECT_LT(full_error, 5);
  EXPECT_NEAR(half_error, full_error, 0.01 * full_error);
}

std::vector<std::byte> trained(const std::string& precision, std::size_t n_threads) {
  const SampleTable table = sample_table(Task::kMulticlass, 700);
  ThreadPool pool(n_threads);
  Context context;
  context.pool = &pool;
  context.n_threads = n_threads;
  const auto learner = make_estimator(
      "mlp", {{"precision", precision}, {"n_epochs", std::int64_t{2}}, {"batch_size", std::int64_t{100}}});
  const auto train = table.train_rows(), valid = table.valid_rows();
  learner->fit(table.data(), nullptr, {train, valid}, context);
  return saved_bytes(*learner);
}

TEST(MlpPrecision, Bf16GivesTheSameBytesAtAnyNumberOfThreads) {
  const auto one = trained("bf16", 1);
  EXPECT_EQ(trained("bf16", 3), one);
  EXPECT_EQ(trained("bf16", 1), one);
  EXPECT_NE(trained("float32", 1), one);
}

TEST(MlpPrecision, AutoIsBf16OnlyWhereTheProcessorHasIt) {
  EXPECT_EQ(trained("auto", 1), trained(kernel::has_bf16_dot_products() ? "bf16" : "float32", 1));
}

TEST(MlpPrecision, AnUnknownOneIsNamed) {
  EXPECT_ERROR(make_estimator("mlp", {{"precision", std::string("float16")}}), kInvalidParameter,
               ::testing::HasSubstr("float16"));
}

}  // namespace
}  // namespace kolosal::model
