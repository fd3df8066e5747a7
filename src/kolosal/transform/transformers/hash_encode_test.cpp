#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/murmur3_internal.hpp"
#include "kolosal/transform/testing/frames.hpp"

// Agreement with scikit-learn's FeatureHasher is checked by golden_test.cpp.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;

TEST(HashEncode, HashMatchesThePublishedVectors) {
  // By sklearn.utils.murmurhash3_32.
  EXPECT_EQ(murmur3_32(""), 0U);
  EXPECT_EQ(murmur3_32("", 1), 0x514E28B7U);
  EXPECT_EQ(murmur3_32(std::string_view("\0\0\0\0", 4)), 0x2362F9DEU);
  EXPECT_EQ(murmur3_32("abc"), 3017643002U);
  EXPECT_EQ(murmur3_32("town=Aix-en-Provence"), 974188960U);
  EXPECT_EQ(murmur3_32("stra\xc3\x9f"
                       "e"),
            2095602437U);
}

TEST(HashEncode, TextAndCategoryCellsAreAlike) {
  const Frame category = one_column(categories({"u", "v"}, {1, 0, data::kMissingCode, 1}));
  const Frame text = one_column(Column::from_texts({"v", "u", std::nullopt, "v"}));
  const auto hashed = [](const Frame& x) {
    const auto step = make_transformer("hash_encode", {{"width", std::int64_t{32}}});
    step->fit(x, {}, {}, {"x"}, {});
    const Frame out = step->transform(x, {});
    const auto cells = out.column("hashed").sparse();
    std::vector<std::int64_t> all(cells.offsets.begin(), cells.offsets.end());
    for (std::int64_t i = 0; i < cells.offsets.back(); ++i) {
      all.push_back(cells.indices[i]);
      all.push_back(static_cast<std::int64_t>(cells.values[i]));
    }
    return all;
  };
  EXPECT_EQ(hashed(category), hashed(text));
  EXPECT_EQ(hashed(text)[2], hashed(text)[3]);  // nothing for the missing cell
}

TEST(HashEncode, ALevelHasOnePlaceWhateverTheDictionaryAndTheBatch) {
  std::vector<std::string> levels(100);
  for (std::size_t i = 0; i < levels.size(); ++i) levels[i] = "level " + std::to_string(i);
  const Frame x = one_column(categories(levels, {7}));  // fewer rows than levels
  const Frame y = one_column(categories({"level 7"}, {0}));
  const auto step = make_transformer("hash_encode");
  step->fit(x, {}, {}, {"x"}, {});
  const auto a = step->transform(x, {}), b = step->transform(y, {});
  EXPECT_EQ(a.column(0).sparse().indices[0], b.column(0).sparse().indices[0]);
  EXPECT_EQ(a.column(0).sparse().values[0], b.column(0).sparse().values[0]);
}

}  // namespace
}  // namespace kolosal::transform
