#include "kolosal/data/field_reader.hpp"

#include <gtest/gtest.h>

namespace kolosal::data {
namespace {

// The reference is Schema::conform() of a table of one row.
struct Case {
  const char* what;
  Column column;
  FieldReader::Read (*read)(const FieldReader&, RowArena&);
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"whole", Column::from_float64({3}), [](const FieldReader& r, RowArena& a) { return r.number(3, a); }},
      {"fraction", Column::from_float64({2.5}),
       [](const FieldReader& r, RowArena& a) { return r.number(2.5, a); }},
      {"one", Column::from_float64({1}), [](const FieldReader& r, RowArena& a) { return r.number(1, a); }},
      {"huge", Column::from_float64({1e300}),
       [](const FieldReader& r, RowArena& a) { return r.number(1e300, a); }},
      {"true", Column::from_bool({1}), [](const FieldReader& r, RowArena& a) { return r.boolean(true, a); }},
      {"false", Column::from_bool({0}),
       [](const FieldReader& r, RowArena& a) { return r.boolean(false, a); }},
      {"red", Column::from_texts({"red"}), [](const FieldReader& r, RowArena&) { return r.text("red"); }},
      {"unseen", Column::from_texts({"lilac"}),
       [](const FieldReader& r, RowArena&) { return r.text("lilac"); }},
      {"number as text", Column::from_texts({" 2.5 "}),
       [](const FieldReader& r, RowArena&) { return r.text(" 2.5 "); }},
      {"no value", Column::from_texts({"N/A"}),
       [](const FieldReader& r, RowArena&) { return r.text("N/A"); }},
      {"yes", Column::from_texts({"yes"}), [](const FieldReader& r, RowArena&) { return r.text("yes"); }},
      {"day", Column::from_texts({"2024-02-29"}),
       [](const FieldReader& r, RowArena&) { return r.text("2024-02-29"); }},
      {"moment", Column::from_texts({"2024-02-29T12:30:05Z"}),
       [](const FieldReader& r, RowArena&) { return r.text("2024-02-29T12:30:05Z"); }},
  };
  return kCases;
}

TEST(FieldReader, ReadsACellAsConformReadsAColumn) {
  const auto levels = [](std::vector<std::string> texts) {
    return std::make_shared<const Dictionary>(std::move(texts));
  };
  std::vector<Field> fields = {{"bool", ColumnType::kBool},
                               {"int", ColumnType::kInt64},
                               {"float", ColumnType::kFloat64},
                               {"float32", ColumnType::kFloat32},
                               {"text", ColumnType::kText},
                               {"date", ColumnType::kDate},
                               {"timestamp", ColumnType::kTimestamp},
                               {"colour", ColumnType::kCategory, Role::kFeature, levels({"red", "blue"})},
                               {"size", ColumnType::kCategory, Role::kFeature, levels({"1.0", "3", "2.50"})},
                               {"flag", ColumnType::kCategory, Role::kFeature, levels({"no", "yes"})}};
  for (const Field& field : fields) {
    const Schema schema({field});
    const FieldReader reader(field);
    for (const Case& c : cases()) {
      SCOPED_TRACE(field.name + " of " + c.what);
      ConformReport report;
      Frame wanted;
      bool refused = false;
      try {
        wanted = schema.conform(Frame({field.name}, {c.column}), &report);
      } catch (const std::exception&) {
        refused = true;  // the only cell of the column can not be read
      }
      RowArena arena;
      const auto read = c.read(reader, arena);
      EXPECT_EQ(read.is_unreadable, refused);
      if (refused) continue;
      const Frame got = frame_of_cells(wanted.slice(0, 0), std::vector<RowCell>{read.cell});
      EXPECT_EQ(got.column(0).cell_text(0), wanted.column(0).cell_text(0));
      EXPECT_EQ(got.column(0).is_missing(0), wanted.column(0).is_missing(0));
      if (field.type == ColumnType::kCategory) {
        EXPECT_EQ(got.column(0).codes()[0], wanted.column(0).codes()[0]);
      }
    }
  }
}

TEST(FieldReader, NothingIsMissing) {
  const FieldReader number({"x", ColumnType::kFloat64});
  const Frame header({"x"}, {Column::from_float64({})});
  EXPECT_TRUE(frame_of_cells(header, std::vector<RowCell>{number.missing()}).column(0).is_missing(0));
}

}  // namespace
}  // namespace kolosal::data
