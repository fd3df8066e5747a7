#include "kolosal/data/cell_buffer.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace kolosal::data {
namespace {

TEST(CellBuffer, BecomesTheColumnOfWhatWasWritten) {
  for (const std::size_t n : {0UL, 1UL, 1000UL, (1UL << 20) + 3}) {
    CellBuffer<double> buffer(n);
    EXPECT_EQ(buffer.size(), n);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    for (std::size_t i = 0; i < n; ++i) buffer[i] = static_cast<double>(i);
    const double* cells = buffer.data();
    const Column column = std::move(buffer).to_column(ColumnType::kFloat64);
    ASSERT_EQ(column.size(), n);
    EXPECT_EQ(column.float64s().data(), cells);  // nothing is copied
    for (std::size_t i = 0; i < n; i += 997) EXPECT_EQ(column.float64s()[i], static_cast<double>(i));
  }
}

TEST(CellBuffer, OfSeveralColumnsOutliveEachOther) {
  EXPECT_TRUE(CellBuffer<float>::several(0, 5).empty());
  auto buffers = CellBuffer<float>::several(3, 1001);
  ASSERT_EQ(buffers.size(), 3U);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffers[c].data()) % 64, 0U);
    ASSERT_EQ(buffers[c].size(), 1001U);
    for (std::size_t i = 0; i < 1001; ++i) buffers[c][i] = static_cast<float>(10'000 * c + i);
  }
  const Column last = std::move(buffers[2]).to_column(ColumnType::kFloat32);
  buffers.clear();
  EXPECT_EQ(last.float32s()[0], 20'000.0F);
  EXPECT_EQ(last.float32s()[1000], 21'000.0F);
}

TEST(CellBuffer, HoldsCodesOfADictionary) {
  CellBuffer<std::int32_t> buffer(2);
  buffer[0] = 1;
  buffer[1] = kMissingCode;
  const Column column = std::move(buffer).to_column(
      ColumnType::kCategory, std::make_shared<const Dictionary>(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(column.cell_text(0), "b");
  EXPECT_TRUE(column.is_missing(1));
}

}  // namespace
}  // namespace kolosal::data
