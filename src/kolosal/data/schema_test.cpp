#include "kolosal/data/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
using Texts = std::vector<std::optional<std::string>>;

std::shared_ptr<const Dictionary> levels(std::vector<std::string> names) {
  return std::make_shared<const Dictionary>(std::move(names));
}

Field field(ColumnType type, std::shared_ptr<const Dictionary> dictionary = nullptr) {
  return {"x", type, Role::kFeature, std::move(dictionary), kNaN, kNaN, 0};
}

// Conforms one column and gives its cells as text, missing ones as "-" and unseen levels as "!".
std::vector<std::string> conformed(const Field& wanted, Column input, ConformReport* report = nullptr) {
  const Frame out = Schema({wanted}).conform(Frame({"x"}, {std::move(input)}), report);
  const Column& column = out.column(0);
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < column.size(); ++i) {
    const bool unseen = column.type() == ColumnType::kCategory && column.codes()[i] == kUnseenCode;
    cells.push_back(unseen ? "!" : column.is_missing(i) ? "-" : column.cell_text(i));
  }
  return cells;
}

TEST(Schema, TakesFeaturesByNameInItsOrder) {
  const Frame train({"a", "b", "y", "id"}, {Column::from_int64({1}), Column::from_float64({2}),
                                            Column::from_bool({1}), Column::from_int64({9})});
  Schema schema = Schema::of(train);
  schema.fields()[2].role = Role::kTarget;
  schema.fields()[3].role = Role::kIgnored;
  const Frame input({"more", "b", "y", "a"}, {Column::from_int64({0}), Column::from_float64({5}),
                                              Column::from_bool({0}), Column::from_int64({4})});
  ConformReport report;
  const Frame out = schema.conform(input, &report);
  EXPECT_THAT(out.names(), ElementsAre("a", "b"));
  EXPECT_EQ(out.column("a").int64s().data(), input.column("a").int64s().data())
      << "nothing to convert, nothing copied";
  EXPECT_THAT(report.extra_columns, ElementsAre("more"));
  EXPECT_THAT(schema.names_with(Role::kTarget), ElementsAre("y"));
}

TEST(Schema, NamesAnAbsentColumnAndTheNearest) {
  const Schema schema = Schema::of(Frame({"age"}, {Column::from_int64({1})}));
  EXPECT_ERROR(schema.conform(Frame({"agee"}, {Column::from_int64({1})})), kData,
               AllOf(HasSubstr("'age'"), HasSubstr("'agee'")));
}

TEST(Schema, ConvertsToNumbers) {
  using enum ColumnType;
  EXPECT_THAT(conformed(field(kFloat64), Column::from_int64({1, 2}, {0b01})), ElementsAre("1", "-"));
  EXPECT_THAT(conformed(field(kFloat64), Column::from_bool({1, 0})), ElementsAre("1", "0"));
  EXPECT_THAT(conformed(field(kFloat64), Column::from_float32({0.5F})), ElementsAre("0.5"));
  EXPECT_THAT(conformed(field(kFloat32), Column::from_float64({0.1, kNaN})), ElementsAre("0.1", "-"));
  EXPECT_THAT(conformed(field(kFloat64), Column::from_texts({" 1.5", "NA", "1e3", std::nullopt})),
              ElementsAre("1.5", "-", "1000", "-"));
  EXPECT_THAT(conformed(field(kFloat64), Column::from_category({1, 0, kMissingCode}, levels({"3", "0.25"}))),
              ElementsAre("0.25", "3", "-"));
  EXPECT_THAT(conformed(field(kInt64), Column::from_float64({1, kNaN, -7})), ElementsAre("1", "-", "-7"));
  EXPECT_THAT(conformed(field(kInt64), Column::from_texts({"12", "12.0", "9007199254740993"})),
              ElementsAre("12", "12", "9007199254740993"));
  EXPECT_THAT(conformed(field(kInt64), Column::from_bool({1, 0})), ElementsAre("1", "0"));
}

TEST(Schema, RoundsFractionsInAColumnThatWasWholeAndCountsThem) {
  const Field whole = field(ColumnType::kInt64);
  ConformReport report;
  EXPECT_THAT(conformed(whole, Column::from_float64({1.5, -1.6, 2, kNaN}), &report),
              ElementsAre("2", "-2", "2", "-"));
  EXPECT_THAT(conformed(whole, Column::from_texts({"0.4", "12.0", "NA"}), &report),
              ElementsAre("0", "12", "-"));
  EXPECT_THAT(report.rounded_cells, ElementsAre(Pair("x", 3)));
  EXPECT_THAT(report.unreadable_cells, IsEmpty());
  EXPECT_THAT(conformed(whole, Column::from_float64({1, 2, 1e300}), &report), ElementsAre("1", "2", "-"));
  EXPECT_THAT(report.unreadable_cells, ElementsAre(Pair("x", 1)));
}

TEST(Schema, ConvertsToBool) {
  using enum ColumnType;
  EXPECT_THAT(conformed(field(kBool), Column::from_int64({1, 0})), ElementsAre("true", "false"));
  EXPECT_THAT(conformed(field(kBool), Column::from_float64({1, 0, kNaN})), ElementsAre("true", "false", "-"));
  EXPECT_THAT(conformed(field(kBool), Column::from_texts({"Yes", "no", "TRUE", "0.0", ""})),
              ElementsAre("true", "false", "true", "false", "-"));
  EXPECT_THAT(conformed(field(kBool), Column::from_category({0, 1}, levels({"f", "t"}))),
              ElementsAre("false", "true"));
}

TEST(Schema, ConvertsToTimes) {
  using enum ColumnType;
  EXPECT_THAT(
      conformed(field(kTimestamp), Column::from_texts({"2024-02-29", "2024-02-29T01:00+01:00", "none"})),
      ElementsAre("2024-02-29T00:00:00", "2024-02-29T00:00:00", "-"));
  EXPECT_THAT(conformed(field(kDate), Column::from_timestamp({-1, 1})),
              ElementsAre("1969-12-31", "1970-01-01"));
  EXPECT_THAT(conformed(field(kTimestamp), Column::from_date({0})), ElementsAre("1970-01-01T00:00:00"));
  EXPECT_THAT(conformed(field(kDate), Column::from_category({0, 0}, levels({"2024-02-29"}))),
              ElementsAre("2024-02-29", "2024-02-29"));
}

TEST(Schema, ConvertsToText) {
  using enum ColumnType;
  EXPECT_THAT(conformed(field(kText), Column::from_int64({1, 2}, {0b10})), ElementsAre("-", "2"));
  EXPECT_THAT(conformed(field(kText), Column::from_float64({0.1})), ElementsAre("0.1"));
  EXPECT_THAT(conformed(field(kText), Column::from_category({0, kMissingCode}, levels({"a"}))),
              ElementsAre("a", "-"));
}

TEST(Schema, MatchesLevelsOfNumbersHoweverTheyAreStored) {
  const Field wanted = field(ColumnType::kCategory, levels({"1", "2", "0.1"}));
  EXPECT_THAT(conformed(wanted, Column::from_int64({2, 1, 7}, {0b111})), ElementsAre("2", "1", "!"));
  EXPECT_THAT(conformed(wanted, Column::from_float64({1.0, 0.1, kNaN, 1.5})),
              ElementsAre("1", "0.1", "-", "!"));
  EXPECT_THAT(conformed(wanted, Column::from_float32({1.0F, 0.1F})), ElementsAre("1", "0.1"));
  EXPECT_THAT(conformed(wanted, Column::from_texts({"2", "two", std::nullopt, "NA"})),
              ElementsAre("2", "!", "-", "-"));
  // Levels as another program wrote them; the exact text goes first.
  const Field other = field(ColumnType::kCategory, levels({"01", "2.0", "1", "9007199254740993"}));
  EXPECT_THAT(conformed(other, Column::from_int64({1, 2, 9007199254740993, 9007199254740992})),
              ElementsAre("1", "2.0", "9007199254740993", "!"));
}

TEST(Schema, MatchesLevelsOfBooleans) {
  const Column input = Column::from_bool({1, 0});
  EXPECT_THAT(conformed(field(ColumnType::kCategory, levels({"false", "true"})), input),
              ElementsAre("true", "false"));
  EXPECT_THAT(conformed(field(ColumnType::kCategory, levels({"No", "Yes"})), input),
              ElementsAre("Yes", "No"));
  EXPECT_THAT(conformed(field(ColumnType::kCategory, levels({"1", "red"})), input), ElementsAre("1", "!"));
}

TEST(Schema, RecodesCategoriesOnlyWhenLevelsDiffer) {
  const auto trained = levels({"a", "b"});
  const Field wanted = field(ColumnType::kCategory, trained);
  ConformReport report;
  EXPECT_THAT(
      conformed(wanted, Column::from_category({0, 1, 2, kMissingCode}, levels({"b", "c", "NA"})), &report),
      ElementsAre("b", "!", "-", "-"));
  EXPECT_THAT(report.unseen_levels, ElementsAre(Pair("x", 1)));

  const Column same = Column::from_category({1, 0}, levels({"a", "b"}));
  const Frame out = Schema({wanted}).conform(Frame({"x"}, {same}));
  EXPECT_EQ(out.column(0).codes().data(), same.codes().data());
  EXPECT_EQ(out.column(0).dictionary(), trained);
}

TEST(Schema, CountsCellsThatDoNotFit) {
  ConformReport report;
  EXPECT_THAT(
      conformed(field(ColumnType::kFloat64), Column::from_texts({"1", "x", "3", std::nullopt}), &report),
      ElementsAre("1", "-", "3", "-"));
  EXPECT_THAT(report.unreadable_cells, ElementsAre(Pair("x", 1)));
  EXPECT_THAT(report.unseen_levels, IsEmpty());
}

TEST(Schema, RefusesAColumnThatIsMostlyAnotherThing) {
  EXPECT_ERROR(
      conformed(field(ColumnType::kFloat64), Column::from_texts({"1", std::nullopt, "red", "blue"})), kData,
      AllOf(HasSubstr("'x'"), HasSubstr("float"), HasSubstr("2 of its 3"), HasSubstr("'red' in row 3")));
  EXPECT_ERROR(conformed(field(ColumnType::kFloat64), Column::from_date({0})), kData,
               HasSubstr("'1970-01-01' in row 1"));
  EXPECT_ERROR(conformed(field(ColumnType::kTimestamp), Column::from_int64({5})), kData, HasSubstr("'5'"));
  EXPECT_ERROR(conformed(field(ColumnType::kBool), Column::from_int64({5})), kData, HasSubstr("bool"));
}

TEST(Schema, IsReadBackFromJson) {
  const Frame frame({"n", "c", "t", "e"},
                    {Column::from_float64({1, kNaN, std::numeric_limits<double>::infinity()}),
                     Column::from_category({1, 0, kMissingCode}, levels({"a", "ü"})),
                     Column::from_texts({"", "", ""}), Column::from_float64({kNaN, kNaN, kNaN})});
  Schema schema = Schema::of(frame);
  schema.fields()[1].role = Role::kTarget;
  const Schema back = Schema::from_json(nlohmann::json::parse(schema.to_json().dump()));
  ASSERT_EQ(back.fields().size(), 4U);
  EXPECT_EQ(back.to_json(), schema.to_json());
  EXPECT_EQ(back.fields()[0].minimum, 1);
  EXPECT_TRUE(std::isinf(back.fields()[0].maximum));
  EXPECT_EQ(back.fields()[0].n_missing, 1U);
  EXPECT_THAT(back.fields()[1].dictionary->levels(), ElementsAre("a", "ü"));
  EXPECT_EQ(back.find("c")->role, Role::kTarget);
  EXPECT_TRUE(std::isnan(back.fields()[3].minimum));
}

TEST(Schema, RefusesJsonThatIsNoSchema) {
  const auto json = Schema::of(Frame({"c"}, {Column::from_category({0}, levels({"a"}))})).to_json();
  for (const char* patch : {R"({"type": "colour"})", R"({"role": 3})", R"({"levels": ["a", "a"]})",
                            R"({"name": null})", R"({"minimum": "low"})", R"({"n_missing": "many"})"}) {
    auto broken = json;
    broken["columns"][0].update(nlohmann::json::parse(patch));
    EXPECT_ERROR(Schema::from_json(broken), kModel, HasSubstr("schema"));
  }
  EXPECT_ERROR(Schema::from_json(nlohmann::json::array()), kModel, HasSubstr("schema"));
}

}  // namespace
}  // namespace kolosal::data
