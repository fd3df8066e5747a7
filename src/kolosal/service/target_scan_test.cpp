#include "kolosal/service/target_scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::service {
namespace {

using data::Column;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Column category(std::vector<std::string> levels, std::vector<std::int32_t> codes) {
  return Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(std::move(levels)));
}

// What a batch-wise scan says of a column is what the whole column says.
void expect_as_whole(const Column& column, std::size_t batch_rows, const std::string& task = "auto") {
  TargetScan scan("y");
  for (std::size_t begin = 0; begin < column.size(); begin += batch_rows)
    scan.add(column.slice(begin, std::min(batch_rows, column.size() - begin)));
  const automl::Problem want = target_problem(column, "y", task);
  const StreamedTarget got = scan.decide(task);
  EXPECT_EQ(got.task(), want.task);
  EXPECT_EQ(got.n_classes(), want.classes.size());
  EXPECT_EQ(scan.n_rows(), column.size());
  std::vector<double> values = got.values(column);
  std::erase_if(values, [](double value) { return std::isnan(value); });
  EXPECT_EQ(values, want.target);
  EXPECT_EQ(scan.n_missing(), column.size() - values.size());
}

TEST(TargetScan, DecidesAsTheWholeColumn) {
  std::vector<double> numbers, two;
  std::vector<std::int64_t> few, many;
  std::vector<std::optional<std::string>> texts;
  for (int i = 0; i < 20'000; ++i) {
    numbers.push_back(i % 9 == 4 ? kNaN : i * 0.37);
    two.push_back(i % 3 == 0 ? -1.5 : 2.0);
    few.push_back(i % 5 - 2);
    many.push_back(i % 21);
    texts.push_back(i % 7 == 0 ? std::nullopt : std::optional("class " + std::to_string(i % 12)));
  }
  few[0] = 40;  // a class of one row
  expect_as_whole(Column::from_float64(numbers), 777);
  expect_as_whole(Column::from_float64(two), 777);
  expect_as_whole(Column::from_int64(few), 777);
  expect_as_whole(Column::from_int64(few), 777, "regression");
  expect_as_whole(Column::from_int64(many), 777);
  expect_as_whole(Column::from_int64(many), 777, "multiclass");
  expect_as_whole(Column::from_texts(texts), 777);
  // Few rows: whole numbers are no classes when they hardly repeat.
  expect_as_whole(Column::from_int64({1, 2, 3, 4, 5}), 2);
  expect_as_whole(Column::from_int64({1, 2, 1, 2, 3, 3, 1}), 2);
}

TEST(TargetScan, TakesAnotherDictionaryInEachBatch) {
  TargetScan scan("y");
  scan.add(category({"no", "yes"}, {0, 1, 1}));
  scan.add(category({"yes", "maybe"}, {0, data::kMissingCode, 1}));
  const StreamedTarget target = scan.decide("auto");
  EXPECT_EQ(target.task(), data::Task::kMulticlass);
  EXPECT_THAT(target.values(category({"yes", "no", "maybe"}, {0, 1, 2})), ElementsAre(2, 1, 0));
  EXPECT_TRUE(std::isnan(target.values(category({"yes"}, {data::kMissingCode}))[0]));
  EXPECT_ERROR(target.values(category({"perhaps"}, {0})), kData, HasSubstr("\"perhaps\""));
}

TEST(TargetScan, RefusesWhatIsNoTarget) {
  TargetScan infinite("y");
  infinite.add(Column::from_float64({1, 2, 3}));
  EXPECT_ERROR(infinite.add(Column::from_float64({4, std::numeric_limits<double>::infinity()})), kData,
               HasSubstr("row 5"));
  TargetScan missing("y");
  missing.add(Column::from_float64({kNaN, kNaN}));
  EXPECT_ERROR(missing.decide("auto"), kData, HasSubstr("missing in all 2 rows"));
  TargetScan constant("y");
  constant.add(Column::from_float64(std::vector<double>(50, 3.0)));
  EXPECT_ERROR(constant.decide("auto"), kData, HasSubstr("nothing to learn"));
}

}  // namespace
}  // namespace kolosal::service
