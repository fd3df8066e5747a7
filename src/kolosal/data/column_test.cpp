#include "kolosal/data/column.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <functional>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNull;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::shared_ptr<const Dictionary> levels(std::vector<std::string> names) {
  return std::make_shared<const Dictionary>(std::move(names));
}

// Rows 0, 2, 3 are present and row 1 is missing, in every type that can be.
std::vector<Column> one_of_each() {
  const Bitmap valid{0b1101};
  return {Column::from_bool({1, 0, 0, 1}, valid),
          Column::from_int64({7, 0, -3, 12}, valid),
          Column::from_float64({0.5, kNaN, -3, 1e30}),
          Column::from_float32({0.1F, static_cast<float>(kNaN), 3, 4}),
          Column::from_category({1, kMissingCode, 0, 1}, levels({"a", "b"})),
          Column::from_texts({"x", std::nullopt, "", "long \"text\""}),
          Column::from_date({0, 0, 86'400'000'000'000, -86'400'000'000'000}, valid),
          Column::from_timestamp({1, 0, 1'000'000'000, -1}, valid)};
}

std::vector<std::string> texts(const Column& column) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < column.size(); ++i)
    out.push_back(column.is_missing(i) ? "<missing>" : column.cell_text(i));
  return out;
}

TEST(Column, NamesOfTypesAreReadBack) {
  for (const auto& column : one_of_each()) EXPECT_EQ(type_from_name(type_name(column.type())), column.type());
  EXPECT_EQ(type_from_name("integer"), std::nullopt);
}

TEST(Column, CellTextIsWhatCsvHolds) {
  const auto columns = one_of_each();
  const std::vector<std::vector<std::string>> want{
      {"true", "<missing>", "false", "true"},
      {"7", "<missing>", "-3", "12"},
      {"0.5", "<missing>", "-3", "1e+30"},
      {"0.1", "<missing>", "3", "4"},
      {"b", "<missing>", "a", "b"},
      {"x", "<missing>", "", "long \"text\""},
      {"1970-01-01", "<missing>", "1970-01-02", "1969-12-31"},
      {"1970-01-01T00:00:00.000000001", "<missing>", "1970-01-01T00:00:01", "1969-12-31T23:59:59.999999999"}};
  for (std::size_t i = 0; i < columns.size(); ++i) EXPECT_EQ(texts(columns[i]), want[i]);
}

TEST(Column, SliceTakeAndConcatenateAgreeForEveryType) {
  for (const Column& column : one_of_each()) {
    SCOPED_TRACE(type_name(column.type()));
    const auto all = texts(column);
    EXPECT_EQ(column.n_missing(), 1U);
    EXPECT_THAT(texts(column.slice(1, 2)), ElementsAre(all[1], all[2]));
    EXPECT_THAT(texts(column.slice(1, 3).slice(1, 2)), ElementsAre(all[2], all[3]));
    EXPECT_EQ(column.slice(2, 2).n_missing(), 0U);
    EXPECT_EQ(column.slice(4, 0).size(), 0U);
    const std::uint32_t rows[] = {3, 1, 1, 0};
    EXPECT_THAT(texts(column.take(rows)), ElementsAre(all[3], all[1], all[1], all[0]));
    EXPECT_THAT(texts(column.slice(1, 3).take(std::span(rows).subspan(1, 1))), ElementsAre(all[2]));
    const Column parts[] = {column.slice(3, 1), column.slice(0, 0), column, column.slice(1, 1)};
    EXPECT_THAT(texts(concatenate(parts)), ElementsAre(all[3], all[0], all[1], all[2], all[3], all[1]));
  }
}

TEST(Column, NumbersAreNaNWhereMissing) {
  for (const Column& column : one_of_each()) {
    if (column.type() == ColumnType::kText) continue;
    SCOPED_TRACE(type_name(column.type()));
    std::vector<double> fast(column.size());
    std::vector<float> fast32(column.size());
    column.copy_numbers(fast);
    column.copy_numbers(std::span(fast32));
    EXPECT_TRUE(std::isnan(fast[1]));
    EXPECT_TRUE(std::isnan(fast32[1]));
    for (const std::size_t i : {0U, 2U, 3U}) {
      EXPECT_EQ(fast[i], column.number(i));
      EXPECT_EQ(fast32[i], static_cast<float>(column.number(i)));
    }
  }
}

TEST(Column, UnseenLevelsAreMissing) {
  const Column column = Column::from_category({kUnseenCode, 0}, levels({"a"}));
  EXPECT_TRUE(column.is_missing(0));
  EXPECT_EQ(column.cell_text(0), "");
  EXPECT_TRUE(std::isnan(column.number(0)));
}

TEST(Column, DropsABitmapWithoutMissingRows) {
  EXPECT_THAT(Column::from_int64({1, 2, 3}, Bitmap{0b11111111}).valid_bits(), IsNull());
  EXPECT_THAT(Column::from_int64({1, 2, 3}, Bitmap{0b11111101}).slice(2, 1).valid_bits(), IsNull());
}

TEST(Column, RefusesAccessAsAnotherType) {
  EXPECT_ERROR(Column::from_int64({1}).float64s(), kInternal, HasSubstr("float"));
  EXPECT_ERROR(Column::from_texts({"a"}).number(0), kInternal, HasSubstr("text"));
  EXPECT_ERROR(Column::from_category({1}, levels({"a"})), kInternal, HasSubstr("level"));
  EXPECT_ERROR(Column::from_int64({1}).slice(1, 1), kInternal, HasSubstr("inside"));
}

TEST(Column, SparseRowsKeepTheirEntries) {
  const Column column = Column::from_sparse({0, 2, 2, 3}, {1, 4, 0}, {0.5F, 2, 3}, 5);
  EXPECT_THAT(texts(column), ElementsAre("1:0.5 4:2", "", "0:3"));
  const std::uint32_t rows[] = {2, 0};
  EXPECT_THAT(texts(column.take(rows)), ElementsAre("0:3", "1:0.5 4:2"));
  const Column parts[] = {column.slice(2, 1), column.slice(0, 2)};
  const Column joined = concatenate(parts);
  EXPECT_THAT(texts(joined), ElementsAre("0:3", "1:0.5 4:2", ""));
  EXPECT_EQ(joined.sparse().width, 5);
}

TEST(Column, AgreesWithAPlainListUnderAnySlices) {
  EXPECT_TRUE(rc::check("slices and takes of int and text columns", [] {
    const auto values = *rc::gen::arbitrary<std::vector<rc::Maybe<std::int16_t>>>();
    std::vector<std::int64_t> numbers;
    std::vector<std::optional<std::string>> words;
    Bitmap valid = all_present(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      numbers.push_back(values[i] ? *values[i] : 0);
      words.push_back(values[i] ? std::optional(std::to_string(*values[i])) : std::nullopt);
      if (!values[i]) clear_bit(valid.data(), i);
    }
    const auto offset = *rc::gen::inRange<std::size_t>(0, values.size() + 1);
    const auto n = *rc::gen::inRange<std::size_t>(0, values.size() - offset + 1);
    const Column number = Column::from_int64(numbers, valid).slice(offset, n);
    const Column word = Column::from_texts(words).slice(offset, n);
    std::size_t n_missing = 0;
    for (std::size_t i = 0; i < n; ++i) {
      n_missing += !words[offset + i];
      RC_ASSERT(number.is_missing(i) == !words[offset + i]);
      RC_ASSERT(word.is_missing(i) == !words[offset + i]);
      RC_ASSERT(number.cell_text(i) == words[offset + i].value_or(""));
      RC_ASSERT(word.cell_text(i) == words[offset + i].value_or(""));
    }
    RC_ASSERT(number.n_missing() == n_missing);
    RC_ASSERT(word.n_missing() == n_missing);
  }));
}

TEST(Dictionary, FindsLevelsAndRefusesTwins) {
  const Dictionary dictionary({"a", "", "c"});
  EXPECT_EQ(dictionary.find(""), 1);
  EXPECT_EQ(dictionary.find("d"), kUnseenCode);
  EXPECT_ERROR(Dictionary({"a", "a"}), kInternal, HasSubstr("'a'"));
}

}  // namespace
}  // namespace kolosal::data
