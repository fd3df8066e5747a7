#include "kolosal/io/csv_row.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "kolosal/core/testing/counted_allocations.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/data/schema.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::io {
namespace {

using data::ColumnType;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<data::Field> kFields = {
    {"age", ColumnType::kFloat64},
    {"job", ColumnType::kCategory, data::Role::kFeature,
     std::make_shared<const data::Dictionary>(std::vector<std::string>{"cook", "smith, black", " x", ""})},
    {"note", ColumnType::kText},
    {"member", ColumnType::kBool},
    {"count", ColumnType::kInt64},
    {"day", ColumnType::kDate},
    {"at", ColumnType::kTimestamp},
    {"small", ColumnType::kFloat32}};

struct Row {
  explicit Row(const CsvRowReader& reader) : reader_(reader) {}
  std::optional<std::string_view> read(std::string_view text) {
    arena.clear();
    return reader_.read(text, cells, arena, scratch);
  }
  const CsvRowReader& reader_;
  std::vector<data::RowCell> cells = std::vector<data::RowCell>(kFields.size());
  data::RowArena arena;
  CsvRowReader::Scratch scratch;
};

TEST(CsvRow, ReadsCellsInTheOrderOfTheFields) {
  const CsvRowReader reader(kFields);
  Row row(reader);
  EXPECT_EQ(row.read("41.5,\"smith, black\",\"a \"\"b\"\"\",yes,7,2024-02-29,2024-02-29 12:30,0.1\r\nrest"),
            "rest");
  EXPECT_EQ(row.cells[0].number, 41.5);
  EXPECT_EQ(row.cells[1].number, 1);
  EXPECT_EQ(row.cells[2].text(), "a \"b\"");
  EXPECT_EQ(row.cells[3].number, 1);
  EXPECT_EQ(row.cells[4].number, 7);
  EXPECT_EQ(data::format_date(row.cells[5].time), "2024-02-29");
  EXPECT_EQ(data::format_timestamp(row.cells[6].time), "2024-02-29T12:30:00");
  EXPECT_EQ(row.cells[7].number, static_cast<double>(0.1F));
}

TEST(CsvRow, AHeaderTellsTheOrder) {
  const std::vector<data::Field> two = {{"a", ColumnType::kFloat64}, {"b,c", ColumnType::kFloat64}};
  const CsvRowReader reader(two, "more,\"b,c\", a\n1,2,3\n");
  EXPECT_EQ(reader.n_cells(), 3U);
  Row row(reader);
  EXPECT_EQ(row.read("x,2,3"), "");
  EXPECT_EQ(row.cells[0].number, 3);
  EXPECT_EQ(row.cells[1].number, 2);
  EXPECT_ERROR(CsvRowReader(two, "aa,\"b,c\""), kData, AllOf(HasSubstr("\"a\""), HasSubstr("\"aa\"")));
  EXPECT_ERROR(CsvRowReader(two, "a,\"b,c\",a"), kData, HasSubstr("\"a\" twice"));
  EXPECT_ERROR(CsvRowReader(two, ""), kData, HasSubstr("\"a\""));
}

TEST(CsvRow, BlankLinesArePassedOver) {
  const CsvRowReader reader({{"a", ColumnType::kFloat64}});
  Row row(reader);
  EXPECT_EQ(row.read("\n  \r\n5\n\n"), "\n");
  EXPECT_EQ(row.cells[0].number, 5);
  EXPECT_EQ(row.read("\n \n"), std::nullopt);
  EXPECT_EQ(row.read(""), std::nullopt);
  EXPECT_EQ(row.read("\"\"\n"), "");
  EXPECT_TRUE(std::isnan(row.cells[0].number));
}

TEST(CsvRow, TellsWhatIsWrong) {
  const CsvRowReader reader(kFields);
  Row row(reader);
  const std::string rest = ",t,n,yes,7,2024-02-29,2024-02-29,0.1";
  EXPECT_ERROR(
      row.read("old" + rest), kData,
      AllOf(HasSubstr("\"age\""), HasSubstr("float"), HasSubstr("\"old\""), HasSubstr("cell 1, byte 1")));
  EXPECT_ERROR(row.read("1,2,3,maybe,5,6,7,8"), kData, AllOf(HasSubstr("\"member\""), HasSubstr("byte 7")));
  EXPECT_ERROR(row.read("1,2,3,yes,5,2024-02-30,,8"), kData,
               AllOf(HasSubstr("\"day\""), HasSubstr("2024-02-30")));
  EXPECT_ERROR(row.read("1" + rest + ",9"), kData, HasSubstr("9 cells instead of 8"));
  EXPECT_ERROR(row.read("1,2"), kData, HasSubstr("2 cells instead of 8"));
  EXPECT_ERROR(row.read("1,\"2" + rest), kData, HasSubstr("quote at byte 3"));
}

TEST(CsvRow, AnotherDelimiterAndDecimalSign) {
  const CsvRowReader reader({{"a", ColumnType::kFloat64}, {"b", ColumnType::kFloat64}},
                            CsvRowOptions{.delimiter = ';', .decimal = ',', .missing_tokens = {"none"}});
  Row row(reader);
  row.read("1,5;none");
  EXPECT_EQ(row.cells[0].number, 1.5);
  EXPECT_TRUE(std::isnan(row.cells[1].number));
  EXPECT_ERROR(row.read("1.5;2"), kData, HasSubstr("\"a\""));
}

/// What predictions make of a file of one line: the types that they force, then the schema.
data::Frame as_a_table(const std::string& line, const TempFolder& folder) {
  std::string names;
  ReadOptions options;
  for (const data::Field& field : kFields) {
    names += (names.empty() ? "" : ",") + field.name;
    const bool is_time = field.type == ColumnType::kDate || field.type == ColumnType::kTimestamp;
    const bool is_string = field.type == ColumnType::kCategory || field.type == ColumnType::kText;
    options.types[field.name] = is_string                         ? "category"
                                : is_time                         ? "timestamp"
                                : field.type == ColumnType::kBool ? "bool"
                                                                  : "float";
  }
  options.delimiter = ',';
  options.header = true;
  options.decimal = '.';
  const std::string path = folder.file("one.csv");
  std::ofstream(path, std::ios::binary) << names << "\n" << line << "\n";
  return data::Schema(kFields).conform(read_table(path, options, Context()));
}

TEST(CsvRow, IsReadAsATableOfThatLine) {
  // By column: cells that can be read as it, as many different kinds as there are.
  const std::vector<std::vector<std::string>> cells = {
      {"1", "-0", "+3.25", "1e400", ".5", "inf", "-Infinity", "NaN", "", "?", " 7 ", "\"8\"", "\"\"", "NULL",
       "123456789012345678901234567890", "1e-3", "N/A", "-"},
      {"cook", "\"smith, black\"", "queen", "NA", "", "\"\"", "\" x\"", " x", "\"NA\"", "\"co\"\"ok\"",
       "none"},
      {"some words", "", "\"\"", "null", "\"two\nlines\"", "\"a, b\"", " blanks ", "\"q\"\"q\""},
      {"yes", "NO", "1", "0", "t", "F", "true", "", "?", "\"true\"", "y"},
      {"7", "7.4", "-7.5", "1e3", "", "\"\"", "nan", "007"},
      {"2024-02-29", "2024/1/5", "01/31/2024", "31.01.2024", "01/02/2024", "01.02.2024", "", "NA",
       "2024-02-29 23:59"},
      {"2024-02-29T12:30:05.25Z", "2024-02-29 12:30:05+02:00", "1/2/2024 3:45 PM", "", "2024-01-01"},
      {"0.1", "1e39", "", "-2"}};
  TempFolder folder;
  const CsvRowReader reader(kFields);
  Row row(reader);
  std::size_t n_cells = 0;
  for (std::size_t c = 0; c < cells.size(); ++c)
    for (const std::string& cell : cells[c]) {
      std::string line;
      for (std::size_t k = 0; k < cells.size(); ++k)
        line += (k > 0 ? "," : "") + (k == c ? cell : cells[k][0]);
      SCOPED_TRACE(line);
      const data::Frame table = as_a_table(line, folder);
      ASSERT_EQ(table.n_rows(), 1U);
      ASSERT_TRUE(row.read(line));
      data::RowArena arena;
      for (std::size_t k = 0; k < cells.size(); ++k) {
        SCOPED_TRACE(kFields[k].name);
        const data::RowCell wanted = data::cell_of(table.column(k), 0, arena), found = row.cells[k];
        if (kFields[k].type == ColumnType::kText || kFields[k].type >= ColumnType::kDate) {
          EXPECT_EQ(found.is_missing, wanted.is_missing);
          if (wanted.is_missing) continue;
          if (kFields[k].type == ColumnType::kText)
            EXPECT_EQ(found.text(), wanted.text());
          else
            EXPECT_EQ(found.time, wanted.time);
        } else if (std::isnan(wanted.number)) {
          EXPECT_TRUE(std::isnan(found.number)) << found.number;
        } else {
          EXPECT_EQ(found.number, wanted.number);
          EXPECT_EQ(std::signbit(found.number), std::signbit(wanted.number));
        }
        ++n_cells;
      }
    }
  EXPECT_GT(n_cells, 300U);
}

TEST(CsvRow, AWarmRowAllocatesNothing) {
  const CsvRowReader reader(kFields);
  Row row(reader);
  const std::string lines[] = {"41.5,\"smith, black\",some words,yes,7,2024-02-29,2024-02-29 12:30,0.1\n",
                               ",none,,,,,,\n", "1e3,cook,\"two\nlines\",no,8,01/31/2024,2024-01-01,-1\n"};
  for (const std::string& line : lines) row.read(line);
  const std::size_t before = allocations_of_thread();
  for (const std::string& line : lines) row.read(line);
  EXPECT_EQ(allocations_of_thread() - before, 0U);
}

}  // namespace
}  // namespace kolosal::io
