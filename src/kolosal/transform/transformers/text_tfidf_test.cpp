#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// Agreement with scikit-learn is checked by golden_test.cpp.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Texts of made-up words, of which the first are frequent.
Frame made_up_texts(std::size_t n) {
  Rng rng(1);
  std::vector<std::optional<std::string>> out;
  for (std::size_t i = 0; i < n; ++i) {
    std::string text;
    for (std::uint64_t k = rng.below(12); k > 0; --k)
      text += "word" + std::to_string(static_cast<int>(400 * rng.uniform() * rng.uniform())) +
              (k % 3 ? " " : ", ");
    out.emplace_back(text);
  }
  return one_column(Column::from_texts(out));
}

std::vector<float> cells_of(const Frame& x) {
  const auto cells = x.column(0).sparse();
  std::vector<float> out = {static_cast<float>(cells.width)};
  for (std::size_t row = 0; row < x.n_rows(); ++row)
    for (auto i = cells.offsets[row]; i < cells.offsets[row + 1]; ++i)
      out.insert(out.end(), {static_cast<float>(row), static_cast<float>(cells.indices[i]), cells.values[i]});
  return out;
}

TEST(TextTfidf, BatchesAndTheirOrderDoNotChangeABit) {
  const Frame x = made_up_texts(9000);
  for (const ParamMap& params :
       {ParamMap{}, ParamMap{{"max_features", std::int64_t{50}}, {"ngram_max", std::int64_t{2}}},
        ParamMap{{"analyzer", "char_wb"},
                 {"ngram_min", std::int64_t{3}},
                 {"ngram_max", std::int64_t{3}},
                 {"min_rows", std::int64_t{20}}}}) {
    const auto whole = make_transformer("text_tfidf", params);
    const auto first = cells_of(whole->fit_transform(x, all_rows(9000), {}, {"x"}, {}));
    EXPECT_EQ(cells_of(whole->transform(x, {})), first);
    const auto a = make_transformer("text_tfidf", params), b = make_transformer("text_tfidf", params);
    a->partial_fit(x.slice(5000, 4000), {}, {"x"}, {});
    b->partial_fit(x.slice(17, 4983), {}, {"x"}, {});
    b->partial_fit(x.slice(0, 17), {}, {"x"}, {});
    a->merge(*b);
    a->finish_fit({});
    EXPECT_EQ(cells_of(a->transform(x, {})), first);
  }
}

TEST(TextTfidf, TermsOfOtherRowsAreNoFeatures) {
  const Frame x = one_column(Column::from_texts({"red green", "blue red", "black"}));
  const auto step = make_transformer("text_tfidf", {{"use_idf", false}, {"norm", "none"}});
  const std::vector<std::uint32_t> rows = {0, 1};
  const Frame out = step->fit_transform(x, rows, {}, {"x"}, {});
  EXPECT_THAT(out.names(), ElementsAre("x_tfidf"));
  // blue, green, red
  EXPECT_THAT(cells_of(out), ElementsAre(3, 0, 1, 1, 0, 2, 1, 1, 0, 1, 1, 2, 1));
  EXPECT_EQ(cells_of(step->transform(x, {})), cells_of(out));
}

TEST(TextTfidf, EquallyFrequentTermsGoByTheirCharacters) {
  const Frame x = one_column(Column::from_texts({"delta gamma beta", "gamma alpha", "gamma"}));
  const Frame out =
      fit_all("text_tfidf", {{"max_features", std::int64_t{2}}, {"use_idf", false}, {"norm", "none"}}, x);
  EXPECT_THAT(cells_of(out), ElementsAre(2, 0, 1, 1, 1, 0, 1, 1, 1, 1, 2, 1, 1));  // alpha, gamma
}

TEST(TextTfidf, NoTermsAtAllAreOneEmptyFeature) {
  const Frame out = fit_all("text_tfidf", {}, one_column(Column::from_texts({"", std::nullopt, "-"})));
  EXPECT_THAT(cells_of(out), ElementsAre(1));
}

TEST(TextTfidf, SaysWhatIsWrong) {
  EXPECT_ERROR(make_transformer("text_tfidf", {{"ngram_min", std::int64_t{3}}}), kInvalidParameter,
               HasSubstr("ngram_min must not exceed ngram_max: 3 > 1"));
  EXPECT_ERROR(make_transformer("text_tfidf", {{"min_share", 0.5}, {"max_share", 0.25}}), kInvalidParameter,
               HasSubstr("max_share"));
  Context context;
  context.memory_limit_bytes = 100;
  const Frame x = one_column(Column::from_texts({"some words that take more"}), "notes");
  EXPECT_ERROR(make_transformer("text_tfidf")->fit_transform(x, all_rows(1), {}, {"notes"}, context), kMemory,
               HasSubstr("\"notes\""));
  const auto step = make_transformer("text_tfidf");
  step->limit_features(3, 0);
  EXPECT_ERROR(step->fit(x, all_rows(1), {}, {"notes"}, {}), kInvalidParameter, HasSubstr("3"));
}

}  // namespace
}  // namespace kolosal::transform
