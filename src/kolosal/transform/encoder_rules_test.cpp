#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

// What handle_unknown and handle_missing mean, for every encoder of categories.

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::TargetView;
using data::Task;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kLevels = {"a", "b", "on no row"};
// Rows 0 ... 8 are fitted: four a, three b, two missing. Then come a, b, missing, and two unknown ones.
const std::vector<std::int32_t> kCodes = {0, 0, 1, 1, 0, 1, 0, -1, -1, 0, 1, -1, -2, 2};
constexpr std::size_t kFirstMissing = 7, kFitted = 9, kFirst = 9, kMissing = 11, kUnseen = 12, kOnNoRow = 13;

class EncoderRules : public ::testing::TestWithParam<std::string> {
 protected:
  const std::vector<double> values_ = {1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0};
  const Frame x_{{"town", "colour"}, {categories(kLevels, kCodes), categories(kLevels, kCodes)}};

  std::vector<std::string> words(const std::string& parameter) const {
    std::vector<std::string> out;
    for (const auto& spec : transformer_info(GetParam()).params)
      if (spec.name == parameter)
        for (const auto& value : spec.search->choices) out.push_back(to_string(value));
    return out;
  }
  bool offers(const std::string& parameter, const std::string& word) const {
    const auto all = words(parameter);
    return std::ranges::find(all, word) != all.end();
  }
  std::unique_ptr<Transformer> made(ParamMap params) const {
    if (GetParam() == "group_rare") params["min_rows"] = std::int64_t{1};
    return make_transformer(GetParam(), params);
  }
  std::unique_ptr<Transformer> fitted(const ParamMap& params, std::size_t n_rows = kFitted) const {
    auto out = made(params);
    out->fit(x_, all_rows(n_rows), {Task::kBinary, values_, {}, 2}, x_.names(), {});
    return out;
  }
  // The same rows in two batches, by two steps of which the first takes over what the second gathered.
  std::unique_ptr<Transformer> streamed(const ParamMap& params, std::size_t n_rows = kFitted) const {
    auto front = made(params), back = made(params);
    const auto gather = [&](Transformer& step, std::size_t begin, std::size_t end) {
      const std::vector<double> values(values_.begin() + static_cast<std::ptrdiff_t>(begin),
                                       values_.begin() + static_cast<std::ptrdiff_t>(end));
      step.partial_fit(x_.slice(begin, end - begin), {Task::kBinary, values, {}, 2}, x_.names(), {});
    };
    gather(*front, 0, 3);
    gather(*back, 3, n_rows);
    front->merge(*back);
    front->finish_fit({});
    return front;
  }
  // The cells of a row of what the step makes, as texts.
  std::vector<std::string> row_of(const Frame& out, std::size_t row) const {
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < out.n_columns(); ++c) {
      const Column& column = out.column(c);
      if (x_.find(out.name(c)) && GetParam() == "category_cross") continue;
      if (column.type() == data::ColumnType::kSparse) {
        const auto sparse = column.sparse();
        for (auto i = sparse.offsets[row]; i < sparse.offsets[row + 1]; ++i)
          cells.push_back(fmt::format("{}:{}", sparse.indices[i], sparse.values[i]));
      } else {
        const bool unseen =
            column.type() == data::ColumnType::kCategory && column.codes()[row] == data::kUnseenCode;
        cells.push_back(unseen ? "unseen" : column.is_missing(row) ? "missing" : column.cell_text(row));
      }
    }
    return cells;
  }
  // Of one row alone: its cells, or why it is refused.
  std::vector<std::string> answer(const Transformer& step, std::size_t row) const {
    try {
      return row_of(step.transform(x_.slice(row, 1), {}), 0);
    } catch (const Error& error) {
      return {error.what()};
    }
  }
};

TEST_P(EncoderRules, AreDocumented) {
  EXPECT_TRUE(offers("handle_missing", "error"));
  EXPECT_TRUE(offers("handle_missing", "level"));
  EXPECT_EQ(offers("handle_unknown", "error"), GetParam() != "hash_encode");  // to it no level is unknown
}

TEST_P(EncoderRules, UnknownLevelsMayBeAsMissingCells) {
  if (!offers("handle_unknown", "missing")) return;
  const auto step = fitted({{"handle_unknown", "missing"}});
  const Frame out = step->transform(x_, {});
  EXPECT_EQ(row_of(out, kUnseen), row_of(out, kMissing));
  EXPECT_EQ(row_of(out, kOnNoRow), row_of(out, kMissing));
  EXPECT_NE(row_of(out, kFirst), row_of(out, kFirst + 1));
}

TEST_P(EncoderRules, MissingCellsMayBeAsUnknownLevels) {
  if (!offers("handle_missing", "unknown")) return;
  const auto step = fitted({{"handle_missing", "unknown"}});
  const Frame out = step->transform(x_, {});
  EXPECT_EQ(row_of(out, kMissing), row_of(out, kUnseen));
  EXPECT_EQ(row_of(out, kMissing), row_of(out, kOnNoRow));
}

TEST_P(EncoderRules, MissingCellsMayBeALevel) {
  const auto step = fitted({{"handle_missing", "level"}});
  const Frame out = step->transform(x_, {});
  const std::set<std::vector<std::string>> different = {row_of(out, kFirst), row_of(out, kFirst + 1),
                                                        row_of(out, kMissing)};
  EXPECT_EQ(different.size(), 3U);
  for (const auto& cell : row_of(out, kMissing)) EXPECT_NE(cell, "missing");
}

TEST_P(EncoderRules, NanIsInEveryColumn) {
  if (!offers("handle_unknown", "nan")) return;
  const auto step = fitted({{"handle_unknown", "nan"}, {"handle_missing", "nan"}});
  const Frame out = step->transform(x_, {});
  for (const std::size_t row : {kMissing, kUnseen, kOnNoRow})
    for (const auto& cell : row_of(out, row)) EXPECT_EQ(cell, "missing") << row;
  for (const auto& cell : row_of(out, kFirst)) EXPECT_NE(cell, "missing");

  const auto again = make_transformer(GetParam(), step->all_params());
  const Frame train =
      again->fit_transform(x_, all_rows(kFitted), {Task::kBinary, values_, {}, 2}, x_.names(), {});
  for (const auto& cell : row_of(train, 7)) EXPECT_EQ(cell, "missing");  // fitted, and missing
  for (const auto& cell : row_of(train, 0)) EXPECT_NE(cell, "missing");
}

TEST_P(EncoderRules, ErrorsNameColumnRowAndLevel) {
  if (offers("handle_unknown", "error")) {
    const auto step = fitted({{"handle_unknown", "error"}});
    EXPECT_EQ(step->transform(x_.slice(0, kUnseen), {}).n_rows(), kUnseen);
    const Frame last = x_.slice(kOnNoRow, 1);
    EXPECT_ERROR(step->transform(last, {}), kData,
                 AllOf(HasSubstr("\"town\""), HasSubstr("row 0"), HasSubstr("\"on no row\"")));
    EXPECT_ERROR(step->transform(x_.slice(0, kUnseen + 1), {}), kData, HasSubstr("row 12"));
    artifact::Node node;
    step->save(node);
    const auto loaded = make_transformer(GetParam(), step->all_params());
    loaded->load(node);
    EXPECT_ERROR(loaded->transform(last, {}), kData, HasSubstr("\"on no row\""));
  }
  // The missing cells of the rows that are not fitted do not matter to a fit, but to what follows.
  const auto step = fitted({{"handle_missing", "error"}}, kFirstMissing);
  EXPECT_ERROR(step->transform(x_, {}), kData, AllOf(HasSubstr("\"town\""), HasSubstr("row 7")));
  if (GetParam() == "hash_encode") return;  // learns nothing from rows
  EXPECT_ERROR(fitted({{"handle_missing", "error"}}), kData,
               AllOf(HasSubstr("\"town\""), HasSubstr("2 of the training rows")));
}

TEST_P(EncoderRules, HoldInAStreamAsInMemory) {
  auto unknown_words = words("handle_unknown");
  if (unknown_words.empty()) unknown_words.emplace_back();  // hash_encode
  for (const auto& unknown : unknown_words)
    for (const auto& missing : words("handle_missing")) {
      SCOPED_TRACE("unknown " + unknown + ", missing " + missing);
      ParamMap params = {{"handle_missing", missing}};
      if (!unknown.empty()) params["handle_unknown"] = unknown;
      const std::size_t n_rows = missing == "error" ? kFirstMissing : kFitted;
      const auto whole = fitted(params, n_rows), stream = streamed(params, n_rows);
      for (std::size_t row = 0; row < x_.n_rows(); ++row)
        EXPECT_EQ(answer(*stream, row), answer(*whole, row)) << "row " << row;
    }
  if (GetParam() == "hash_encode") return;  // learns nothing from rows
  EXPECT_ERROR(streamed({{"handle_missing", "error"}}), kData,
               AllOf(HasSubstr("\"town\""), HasSubstr("2 of the training rows")));
}

INSTANTIATE_TEST_SUITE_P(Encoders, EncoderRules,
                         ::testing::Values("one_hot", "ordinal_encode", "frequency_encode", "target_encode",
                                           "leave_one_out_encode", "weight_of_evidence", "binary_encode",
                                           "hash_encode", "group_rare", "category_cross"),
                         [](const auto& parameter) { return parameter.param; });

TEST(EncoderRulesOf, OrdinalEncodeGivesItsNumbers) {
  const Frame x = one_column(categories(kLevels, kCodes));
  const auto step = make_transformer(
      "ordinal_encode", {{"missing_value", -1.0}, {"unknown_value", -2.0}, {"handle_unknown", "value"}});
  step->fit(x, all_rows(kFitted), {}, {"x"}, {});
  const auto cells = numbers(step->transform(x, {}), "x");
  EXPECT_EQ(cells[kMissing], -1);
  EXPECT_EQ(cells[kUnseen], -2);
  EXPECT_EQ(cells[kOnNoRow], -2);
  EXPECT_EQ(numbers(fit_all("ordinal_encode", {{"handle_missing", "level"}}, x), "x")[kMissing], 3);
}

TEST(EncoderRulesOf, FrequencyEncodeCountsMissingCells) {
  const Frame x = one_column(categories(kLevels, kCodes));
  const auto step = make_transformer("frequency_encode", {{"method", "count"}, {"handle_missing", "level"}});
  step->fit(x, all_rows(kFitted), {}, {"x"}, {});
  const auto cells = numbers(step->transform(x, {}), "x");
  EXPECT_EQ(cells[kMissing], 2);
  EXPECT_EQ(cells[kUnseen], 0);
}

TEST(EncoderRulesOf, OneHotMayIgnoreWhatTheInfrequentGroupWouldTake) {
  const Frame x = one_column(categories({"a", "b", "new"}, {0, 0, 0, 1, 2}));
  const auto hot = [&](const char* rule) {
    const auto step = make_transformer(
        "one_hot", {{"min_frequency", std::int64_t{2}}, {"dense", true}, {"handle_unknown", rule}});
    step->fit(x, all_rows(4), {}, {"x"}, {});
    return numbers(step->transform(x, {}), "x=(infrequent)");
  };
  EXPECT_THAT(hot("value"), ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(hot("ignore"), ElementsAre(0, 0, 0, 1, 0));
}

TEST(EncoderRulesOf, GroupRarePutsMissingCellsWithTheRareLevelsWhenTheyAreFew) {
  const Frame x = one_column(categories({"a", "b"}, {0, 0, 0, 1, -1, -1}));
  const auto cells = [&](std::int64_t min_rows) {
    const Frame out = fit_all("group_rare", {{"min_rows", min_rows}, {"handle_missing", "level"}}, x);
    return out.column(0).cell_text(4);
  };
  EXPECT_EQ(cells(3), "(rare)");
  EXPECT_EQ(cells(2), "(missing)");
}

}  // namespace
}  // namespace kolosal::transform
