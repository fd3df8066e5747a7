#include "kolosal/io/json_row.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::io {
namespace {

using data::ColumnType;
using ::testing::AllOf;
using ::testing::HasSubstr;

class JsonRow : public ::testing::Test {
 protected:
  std::string_view read(std::string_view text) { return reader.read(text, cells, arena, scratch); }

  JsonRowReader reader{{{"age", ColumnType::kFloat64},
                        {"job", ColumnType::kCategory, data::Role::kFeature,
                         std::make_shared<const data::Dictionary>(std::vector<std::string>{"cook", "smith"})},
                        {"note", ColumnType::kText}}};
  std::vector<data::RowCell> cells = std::vector<data::RowCell>(3);
  data::RowArena arena;
  JsonRowReader::Scratch scratch;
};

TEST_F(JsonRow, FieldsComeInAnyOrderAmongOthers) {
  EXPECT_EQ(read(R"({"note": "a \"b\"", "more": [1, {"x": 2}], "job": "smith", "age": 41.5} rest)"), " rest");
  EXPECT_EQ(cells[0].number, 41.5);
  EXPECT_EQ(cells[1].number, 1);
  EXPECT_EQ(cells[2].text(), "a \"b\"");
  read(R"({"age": "17", "job": "queen", "note": null, "age": 18})");
  EXPECT_EQ(cells[0].number, 18);
  EXPECT_EQ(cells[1].number, data::kUnseenCode);
  EXPECT_TRUE(cells[2].is_missing);
  read(R"({"age": null, "job": null, "note": 3})");
  EXPECT_TRUE(std::isnan(cells[0].number));
  EXPECT_EQ(cells[1].number, data::kMissingCode);
  EXPECT_EQ(cells[2].text(), "3");
}

/// The same values among others, which is read by the scanner.
TEST_F(JsonRow, AnObjectOfAllFieldsInOrderReadsAsAnyOther) {
  const std::string numbers[] = {"0",
                                 "-0",
                                 "-0.0",
                                 "7",
                                 "-12.5",
                                 "0.1",
                                 "123456789012345",
                                 "1234567890123456",
                                 "3.14159265358979",
                                 "0.00000000000001",
                                 "-3.141592653589793",
                                 "9007199254740993",
                                 "0.30000000000000004",
                                 "1e3",
                                 "1.5E-3",
                                 "1e999",
                                 "NaN",
                                 "-Infinity",
                                 "null",
                                 "true",
                                 "\"41.5\"",
                                 "\"\"",
                                 "\"NA\""};
  const std::string words[] = {
      "\"cook\"",   "\"smith\"", "\"smit\"", "\"smiths\"", "\"c\\u006fok\"",     "\"\"",
      "null",       "3",         "false",    "\"NA\"",     "\"cook smith and\"", "\"Čeština\"",
      "[\"cook\"]", "{\"a\": 1}"};
  for (const std::string& number : numbers)
    for (const std::string& word : words) {
      const std::string row = "\"age\": " + number + ", \"job\" :" + word + ",\n\"note\": " + word;
      SCOPED_TRACE(row);
      const std::string alone = " {" + row + "}, ", among_others = "{\"x\": 0, " + row + "}";
      EXPECT_EQ(read(alone), ", ");
      const std::vector<data::RowCell> in_order = cells;
      const std::string note(cells[2].text());
      read(among_others);
      EXPECT_EQ(std::signbit(cells[0].number), std::signbit(in_order[0].number));
      EXPECT_TRUE(cells[0].number == in_order[0].number ||
                  (std::isnan(cells[0].number) && std::isnan(in_order[0].number)));
      EXPECT_EQ(cells[1].number, in_order[1].number);
      EXPECT_EQ(cells[2].text(), note);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(cells[i].is_missing, in_order[i].is_missing) << i;
    }
}

TEST_F(JsonRow, NoTextThatIsCutOrSpoiltIsTakenForAnObject) {
  const std::string row = R"({"age": -12.5, "job": "cook and smith", "note": "some more words"})";
  for (std::size_t n = 0; n < row.size(); ++n) {
    const std::string cut = row.substr(0, n);  // its own bytes: nothing may be read behind them
    SCOPED_TRACE(cut);
    EXPECT_ERROR(read(cut), kData, HasSubstr("object"));
  }
  for (const char* spoilt :
       {R"({"age": 01, "job": null, "note": null})", R"({"age": 1., "job": null, "note": null})",
        R"({"age": -, "job": null, "note": null})", R"({"age": +1, "job": null, "note": null})",
        R"({"age": 1 "job": null, "note": null})", R"({"age": 1, "job": nul, "note": null})",
        R"({"age": 1, "job": null, "note": null,})", "{\"age\": 1, \"job\": null, \"note\": \"a\nb\"}",
        "{\"age\": 1, \"job\": null, \"note\": \"a long text with a tab:\t\"}"})
    EXPECT_ERROR(read(spoilt), kData, HasSubstr("object"));
}

TEST(JsonRowNames, MayNeedEscapes) {
  const JsonRowReader reader({{"a\"b", ColumnType::kFloat64}, {"c", ColumnType::kFloat64}});
  std::vector<data::RowCell> cells(2);
  data::RowArena arena;
  JsonRowReader::Scratch scratch;
  reader.read(R"({"a\"b": 3, "c": 4})", cells, arena, scratch);
  EXPECT_EQ(cells[0].number, 3);
  EXPECT_ERROR(reader.read(R"({"a"b": 3, "c": 4})", cells, arena, scratch), kData, HasSubstr("object"));
}

TEST_F(JsonRow, TellsWhatIsWrong) {
  EXPECT_ERROR(read(R"({"age": 1, "job": "cook"})"), kData, AllOf(HasSubstr("\"note\""), HasSubstr("null")));
  EXPECT_ERROR(read(R"({"age": "old", "job": "cook", "note": ""})"), kData,
               AllOf(HasSubstr("\"age\""), HasSubstr("\"old\""), HasSubstr("float")));
  EXPECT_ERROR(read(R"({"age": 1,, "job": "cook"})"), kData, HasSubstr("byte 11"));
  EXPECT_ERROR(read("[1]"), kData, HasSubstr("object"));
  EXPECT_ERROR(read(""), kData, HasSubstr("object"));
}

}  // namespace
}  // namespace kolosal::io
