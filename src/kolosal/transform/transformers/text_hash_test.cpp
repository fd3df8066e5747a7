#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::HasSubstr;

std::vector<std::pair<int, float>> row_of(const Column& column, std::size_t row) {
  const auto cells = column.sparse();
  std::vector<std::pair<int, float>> out;
  for (auto i = cells.offsets[row]; i < cells.offsets[row + 1]; ++i)
    out.emplace_back(cells.indices[i], cells.values[i]);
  return out;
}

TEST(TextHash, RowsHaveLengthOneAndAscendingFeatures) {
  const Frame out =
      fit_all("text_hash", {}, one_column(Column::from_texts({"The cat sat on the mat", "", std::nullopt})));
  const auto row = row_of(out.column("x_hash"), 0);
  double square = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    square += static_cast<double>(row[i].second) * static_cast<double>(row[i].second);
    if (i > 0) {
      EXPECT_LT(row[i - 1].first, row[i].first);
    }
  }
  EXPECT_NEAR(square, 1, 1e-5);
  EXPECT_TRUE(row_of(out.column("x_hash"), 1).empty());
  EXPECT_TRUE(row_of(out.column("x_hash"), 2).empty());
  EXPECT_EQ(out.column("x_hash").sparse().width, 1 << 15);
}

TEST(TextHash, CountsWordsAndPairs) {
  // Words only: a, b, "a b", "b a" for "a b a": 4 features, "a" twice.
  const Frame out = fit_all("text_hash", {{"char_min", std::int64_t{0}}, {"char_max", std::int64_t{0}}},
                            one_column(Column::from_texts({"a b a", "A  b!"})));
  const auto first = row_of(out.column("x_hash"), 0), second = row_of(out.column("x_hash"), 1);
  ASSERT_EQ(first.size(), 4U);
  const float twice = 1 + std::log(2.0F), length = std::sqrt(twice * twice + 3);
  int n_twice = 0;
  for (const auto& [feature, value] : first) n_twice += std::abs(value - twice / length) < 1e-6F;
  EXPECT_EQ(n_twice, 1);
  EXPECT_EQ(second.size(), 3U);  // a, b, "a b": case and marks do not matter
  for (const auto& [feature, value] : second)
    EXPECT_TRUE(std::ranges::any_of(first, [&](const auto& cell) { return cell.first == feature; }));
}

TEST(TextHash, CountsCharacterRunsOfWholeCharacters) {
  // " aé " has 4 characters: two runs of 3 and one of 4; the second text differs in case only.
  const Frame out = fit_all("text_hash", {{"word_ngrams", std::int64_t{0}}},
                            one_column(Column::from_texts({"a\xc3\xa9", "A\xc3\x89"})));
  EXPECT_EQ(row_of(out.column("x_hash"), 0).size(), 3U);
  EXPECT_EQ(row_of(out.column("x_hash"), 0), row_of(out.column("x_hash"), 1));
}

TEST(TextHash, IdfWeighsRareFeaturesMore) {
  const Frame out = fit_all("text_hash",
                            {{"idf", true},
                             {"char_min", std::int64_t{0}},
                             {"char_max", std::int64_t{0}},
                             {"word_ngrams", std::int64_t{1}}},
                            one_column(Column::from_texts({"common rare", "common", "common"})));
  const auto common = row_of(out.column("x_hash"), 1);
  ASSERT_EQ(common.size(), 1U);
  for (const auto& [feature, value] : row_of(out.column("x_hash"), 0)) {
    const double idf = feature == common[0].first ? 1 : std::log(4.0 / 2) + 1;  // scikit-learn's smooth idf
    EXPECT_NEAR(value, idf / std::hypot(1, std::log(2.0) + 1), 1e-6);
  }
}

TEST(TextHash, SaysWhenMemoryDoesNotSuffice) {
  Context context;
  context.memory_limit_bytes = 100;
  const auto step = make_transformer("text_hash");
  const Frame x = one_column(Column::from_texts({"some words that take more"}), "notes");
  EXPECT_ERROR(step->fit_transform(x, all_rows(1), {}, {"notes"}, context), kMemory, HasSubstr("notes"));
}

}  // namespace
}  // namespace kolosal::transform
