#include "kolosal/data/cell_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace kolosal::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// 11 rows with a column of each type, some cells missing.
Frame table() {
  std::vector<double> numbers;
  std::vector<float> floats;
  std::vector<std::int64_t> integers, times;
  std::vector<std::uint8_t> bools;
  std::vector<std::int32_t> codes;
  std::vector<std::optional<std::string>> texts;
  std::vector<std::int64_t> offsets(1, 0);
  std::vector<std::int32_t> indices;
  std::vector<float> weights;
  for (int i = 0; i < 11; ++i) {
    numbers.push_back(i == 3 ? kNaN : 0.5 * i);
    floats.push_back(static_cast<float>(i) - 4);
    integers.push_back(i * i);
    times.push_back(86'400'000'000'000LL * i);
    bools.push_back(static_cast<std::uint8_t>(i % 2));
    codes.push_back(i % 3 - 1);
    texts.push_back(i % 4 == 2 ? std::nullopt : std::optional(std::string(static_cast<std::size_t>(i), 'x')));
    for (int k = 0; k < i % 3; ++k) {
      indices.push_back(2 * k);
      weights.push_back(static_cast<float>(i));
    }
    offsets.push_back(static_cast<std::int64_t>(indices.size()));
  }
  const Bitmap valid = {0xFD, 0x07};  // the second is missing
  Frame out;
  out.add("number", Column::from_float64(numbers));
  out.add("float", Column::from_float32(floats));
  out.add("integer", Column::from_int64(integers, valid));
  out.add("bool", Column::from_bool(bools, valid));
  out.add("level",
          Column::from_category(codes, std::make_shared<Dictionary>(std::vector<std::string>{"p", "q"})));
  out.add("text", Column::from_texts(texts));
  out.add("date", Column::from_date(times, valid));
  out.add("time", Column::from_timestamp(times, valid));
  out.add("sparse", Column::from_sparse(offsets, indices, weights, 5));
  return out;
}

std::vector<RowCell> cells_of(const Frame& frame, std::size_t begin, std::size_t n_rows, RowArena& arena) {
  std::vector<RowCell> out;
  for (std::size_t row = begin; row < begin + n_rows; ++row)
    for (std::size_t c = 0; c < frame.n_columns(); ++c) out.push_back(cell_of(frame.column(c), row, arena));
  return out;
}

TEST(CellRows, RunsOfRowsBecomeTheFrameThatTheyCameFrom) {
  const Frame want = table();
  RowArena arena;
  const auto first = cells_of(want, 0, 4, arena), second = cells_of(want, 4, 1, arena),
             third = cells_of(want, 5, 6, arena);
  const std::vector<std::span<const RowCell>> parts = {first, second, {}, third};
  const Frame got = frame_of_rows(want.slice(0, 0), parts);
  ASSERT_EQ(got.n_rows(), 11U);
  for (std::size_t c = 0; c < want.n_columns(); ++c) {
    EXPECT_EQ(got.name(c), want.name(c));
    ASSERT_EQ(got.column(c).type(), want.column(c).type());
    for (std::size_t row = 0; row < 11; ++row) {
      EXPECT_EQ(got.column(c).is_missing(row), want.column(c).is_missing(row)) << want.name(c) << row;
      if (want.column(c).type() == ColumnType::kSparse) continue;
      EXPECT_EQ(got.column(c).cell_text(row), want.column(c).cell_text(row)) << want.name(c) << row;
    }
  }
  const SparseView a = got.column(8).sparse(), b = want.column(8).sparse();
  EXPECT_EQ(a.width, b.width);
  EXPECT_TRUE(std::ranges::equal(a.offsets, b.offsets));
  const auto n = static_cast<std::size_t>(b.offsets.back());
  EXPECT_TRUE(std::ranges::equal(std::span(a.indices, n), std::span(b.indices, n)));
  EXPECT_TRUE(std::ranges::equal(std::span(a.values, n), std::span(b.values, n)));
}

TEST(CellRows, NoRowsAreAFrameWithoutRows) {
  const Frame got = frame_of_rows(table().slice(0, 0), {});
  EXPECT_EQ(got.n_rows(), 0U);
  EXPECT_EQ(got.n_columns(), 9U);
}

}  // namespace
}  // namespace kolosal::data
