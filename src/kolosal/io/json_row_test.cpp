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
