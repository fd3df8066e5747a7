#include "kolosal/pipeline/kept_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::pipeline {
namespace {

using data::Column;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

data::Frame table_of_all_types() {
  data::Bitmap second_missing = data::all_present(3);
  data::clear_bit(second_missing.data(), 1);
  data::Frame out;
  out.add("f", Column::from_float64({1.5, std::nan(""), -0.0}));
  out.add("g", Column::from_float32({1.25F, std::nanf(""), 3}));
  out.add("i", Column::from_int64({std::int64_t{1} << 60, 0, -1}, second_missing));
  out.add("b", Column::from_bool({1, 0, 0}, second_missing));
  out.add("c",
          Column::from_category({2, -1, 0}, std::make_shared<const data::Dictionary>(std::vector<std::string>{
                                                "z", "the level of another row", "a\"b"})));
  out.add("t", Column::from_texts({"first, \"text\"", std::nullopt, ""}));
  out.add("d", Column::from_date({0, 0, 86'400'000'000'000}, second_missing));
  out.add("s", Column::from_timestamp({1, 0, -5}, second_missing));
  return out;
}

TEST(KeptRows, ComeBackAsTheyWere) {
  TempFolder folder;
  artifact::ContainerWriter writer;
  const data::Frame rows = table_of_all_types();
  save_kept_rows(rows, writer);
  writer.write(folder.file("m"), false);
  const auto file = artifact::Container::open(folder.file("m"));
  EXPECT_EQ(n_kept_rows(file), 3U);
  const auto back = load_kept_rows(file);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->names(), rows.names());
  for (std::size_t c = 0; c < rows.n_columns(); ++c) {
    SCOPED_TRACE(rows.name(c));
    EXPECT_EQ(back->column(c).type(), rows.column(c).type());
    for (std::size_t r = 0; r < 3; ++r) {
      EXPECT_EQ(back->column(c).cell_text(r), rows.column(c).cell_text(r));
      EXPECT_EQ(back->column(c).is_missing(r), rows.column(c).is_missing(r));
    }
  }
  EXPECT_THAT(back->column("c").dictionary()->levels(), ElementsAre("z", "a\"b"));
}

TEST(KeptRows, AModelWithoutThemHasNone) {
  artifact::ContainerWriter writer;
  writer.add_json("manifest", nlohmann::json::object());
  TempFolder folder;
  writer.write(folder.file("m"), false);
  const auto file = artifact::Container::open(folder.file("m"));
  EXPECT_EQ(n_kept_rows(file), 0U);
  EXPECT_FALSE(load_kept_rows(file));
}

/// A block that says one thing and holds another.
artifact::Container damaged(const TempFolder& folder, std::int64_t n_rows, std::vector<std::int32_t> codes,
                            std::vector<std::string> levels) {
  artifact::Node node;
  node.set("n_rows", n_rows);
  node.set("names", std::vector<std::string>{"colour"});
  artifact::Node& column = node.add_child("column_0");
  column.set("type", "category");
  column.set("levels", std::move(levels));
  column.set_array("values", codes);
  artifact::ContainerWriter writer;
  writer.add_node("kept_rows", node);
  writer.write(folder.file("m"), false);
  return artifact::Container::open(folder.file("m"));
}

TEST(KeptRows, ADamagedBlockIsRefusedByItsColumn) {
  TempFolder folder;
  EXPECT_ERROR(load_kept_rows(damaged(folder, 2, {0}, {"a"})), kModel, HasSubstr("\"colour\""));
  EXPECT_ERROR(load_kept_rows(damaged(folder, 1, {1}, {"a"})), kModel, HasSubstr("no level"));
  EXPECT_ERROR(load_kept_rows(damaged(folder, 1, {0}, {"a", "a"})), kModel, HasSubstr("twice"));
  EXPECT_ERROR(n_kept_rows(damaged(folder, -1, {0}, {"a"})), kModel, HasSubstr("-1 rows"));
}

TEST(KeptRows, AreDrawnByClass) {
  std::vector<double> classes(1000);
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = i == 500 ? 2 : i % 10 == 0 ? 1 : 0;
  const data::TargetView y{data::Task::kMulticlass, classes, {}, 3};
  const auto rows = draw_kept_rows(y, 50, 7);
  ASSERT_EQ(rows.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(rows));
  std::array<int, 3> counts{};
  for (const std::uint32_t i : rows) ++counts[static_cast<std::size_t>(classes[i])];
  EXPECT_EQ(counts[2], 1);
  EXPECT_NEAR(counts[1], 5, 1);
  EXPECT_EQ(draw_kept_rows(y, 50, 7), rows);
  EXPECT_NE(draw_kept_rows(y, 50, 8), rows);
  EXPECT_EQ(draw_kept_rows(y, 2, 7).size(), 2U);
  EXPECT_EQ(draw_kept_rows(y, 5000, 7).size(), 1000U);
  EXPECT_TRUE(draw_kept_rows(y, 0, 7).empty());
  const data::TargetView numbers{data::Task::kRegression, classes, {}, 0};
  EXPECT_EQ(draw_kept_rows(numbers, 10, 7).size(), 10U);
}

}  // namespace
}  // namespace kolosal::pipeline
