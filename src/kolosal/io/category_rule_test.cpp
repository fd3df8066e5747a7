#include "kolosal/io/category_rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::io {
namespace {

using ::testing::ElementsAre;

/// One text per row; `n` rows of it as a CSV file.
std::string rows(std::size_t n, const std::function<std::string(std::size_t)>& cell) {
  std::string out = "x,n\n";
  for (std::size_t i = 0; i < n; ++i) out += fmt::format("{},{}\n", cell(i), i);
  return out;
}

TEST(CategoryRule, DecidesAsReadTableDoesWhateverTheBatches) {
  const TempFolder folder;
  const std::pair<const char*, std::string> kCases[] = {
      {"few levels", rows(100, [](std::size_t i) { return fmt::format("w{}", i % 7); })},
      {"half of the cells are levels", rows(100, [](std::size_t i) { return fmt::format("w{}", i / 2); })},
      {"more than half", rows(99, [](std::size_t i) { return fmt::format("w{}", i / 2); })},
      {"19 rows", rows(19, [](std::size_t) { return std::string("w"); })},
      {"20 rows", rows(20, [](std::size_t) { return std::string("w"); })},
      {"5 words", rows(40, [](std::size_t i) { return fmt::format("a b  c d e{}", i % 2); })},
      {"more than 5 words", rows(40, [](std::size_t i) { return i % 20 ? "a b c d e" : "a b c d e f"; })},
      {"missing cells do not count",
       rows(60, [](std::size_t i) { return i % 3 ? "" : fmt::format("w{}", i / 6); })},
      {"empty strings are levels", rows(40, [](std::size_t i) { return i % 2 ? "\"\"" : "w"; })},
      {"65,536 levels", rows(131'072, [](std::size_t i) { return fmt::format("w{}", i % 65'536); })},
      {"65,537 levels", rows(131'074, [](std::size_t i) { return fmt::format("w{}", i % 65'537); })},
  };
  std::size_t n_categories = 0;
  for (const auto& [name, text] : kCases) {
    SCOPED_TRACE(name);
    const std::string path = folder.write("t.csv", text);
    const data::Frame whole = read_table(path, {}, {});
    CategoryRule rule;
    const auto stream = open_table_stream(path, {.batch_rows = 1'000}, {});
    while (const auto batch = stream->next()) rule.add(batch->column("x"));
    const auto levels = rule.levels();
    ASSERT_EQ(levels != nullptr, whole.column("x").type() == data::ColumnType::kCategory);
    if (!levels) continue;
    ++n_categories;
    EXPECT_EQ(levels->levels(), whole.column("x").dictionary()->levels());
  }
  EXPECT_EQ(n_categories, 7U);
}

TEST(CategoryRule, ColumnsThatComeAsCategoriesStayThat) {
  CategoryRule rule;
  for (const char* level : {"b", "a", "b"})
    rule.add(data::Column::from_category(
        {0}, std::make_shared<const data::Dictionary>(std::vector<std::string>{level})));
  ASSERT_NE(rule.levels(), nullptr);
  EXPECT_THAT(rule.levels()->levels(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace kolosal::io
