#include "kolosal/profile/profile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/profile/column_summary_internal.hpp"
#include "kolosal/profile/hyperloglog_internal.hpp"
#include "kolosal/profile/profile_json.hpp"
#include "kolosal/profile/ranking.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

using data::Column;
using data::Frame;
using testing::HasSubstr;
using Texts = std::vector<std::optional<std::string>>;

Column doubles(std::size_t n, const std::function<double(std::size_t)>& value) {
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = value(i);
  return Column::from_float64(std::move(out));
}

Column ints(std::size_t n, const std::function<std::int64_t(std::size_t)>& value) {
  std::vector<std::int64_t> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = value(i);
  return Column::from_int64(std::move(out));
}

Column texts(std::size_t n, const std::function<std::string(std::size_t)>& value) {
  Texts out;
  for (std::size_t i = 0; i < n; ++i) out.emplace_back(value(i));
  return Column::from_texts(out);
}

Column levels(std::size_t n, std::vector<std::string> names,
              const std::function<std::int32_t(std::size_t)>& code) {
  std::vector<std::int32_t> codes(n);
  for (std::size_t i = 0; i < n; ++i) codes[i] = code(i);
  return Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(std::move(names)));
}

double random_at(std::size_t i) { return Rng(i + 1).uniform(); }

/// The names of the flags of a column.
std::vector<std::string> flags_of(const TableProfile& profile, std::string_view name) {
  std::vector<std::string> out;
  for (const ColumnProfile& column : profile.columns)
    if (column.name == name)
      for (const Flag& flag : column.flags) out.emplace_back(flag_name(flag.kind));
  return out;
}

std::vector<std::string> flags_of(Column column) {
  return flags_of(profile_table({{"x"}, {std::move(column)}}, {}, {}), "x");
}

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

TEST(Profile, FlagsWhatASingleColumnShows) {
  constexpr std::size_t n = 500;
  const auto noise = [](std::size_t i) { return random_at(i); };
  EXPECT_THAT(flags_of(doubles(n, noise)), IsEmpty());
  EXPECT_THAT(flags_of(doubles(n, [](auto) { return kNoNumber; })), testing::ElementsAre("empty"));
  EXPECT_THAT(flags_of(doubles(n, [](auto) { return 7; })), testing::ElementsAre("constant"));
  EXPECT_THAT(flags_of(doubles(n, [](auto i) { return i % 2 ? 7 : kNoNumber; })),
              Contains("one_value_or_missing"));
  EXPECT_THAT(flags_of(doubles(n, [](auto i) { return i == 3; })), Contains("nearly_constant"));
  EXPECT_THAT(flags_of(doubles(n, [&](auto i) { return i % 3 ? kNoNumber : noise(i); })),
              Contains("mostly_missing"));
  EXPECT_THAT(flags_of(ints(n, [](auto i) { return static_cast<std::int64_t>((i * 7) % n); })),
              Contains("identifier"));
  EXPECT_THAT(flags_of(texts(n, [](auto i) { return fmt::format("A-{:04}", i); })), Contains("identifier"));
  EXPECT_THAT(flags_of(texts(n, [](auto i) { return fmt::format("the cell number {} here", i); })),
              Contains("unique_text"));
  EXPECT_THAT(flags_of(texts(n, [](auto i) { return i == 9 ? "often" : fmt::format("{}", i % 20); })),
              Contains("mixed_types"));
  EXPECT_THAT(flags_of(texts(n, [](auto i) { return fmt::format("{},{:03} EUR", i % 40 + 1, i % 7); })),
              Contains("numbers_in_text"));
  EXPECT_THAT(flags_of(texts(n, [](auto i) { return fmt::format("{}/{}/2024", i % 28 + 1, i % 12 + 1); })),
              Contains("dates_in_text"));
  EXPECT_THAT(flags_of(levels(n, {"red", "green", "Unknown"},
                              [](auto i) { return static_cast<std::int32_t>(i % 3); })),
              testing::ElementsAre("placeholder"));
  EXPECT_THAT(
      flags_of(ints(n, [](auto i) { return i % 50 ? static_cast<std::int64_t>(100 * random_at(i)) : -999; })),
      Contains("placeholder"));
  EXPECT_THAT(flags_of(ints(n, [](auto i) { return static_cast<std::int64_t>(100 * random_at(i)) - 1; })),
              Not(Contains("placeholder")));
  EXPECT_THAT(flags_of(ints(n, [](auto i) { return static_cast<std::int64_t>(4 * random_at(i)); })),
              Contains("category_number"));
  EXPECT_THAT(flags_of(doubles(n, [&](auto i) { return std::exp(8 * noise(i)); })), Not(IsEmpty()));
  EXPECT_THAT(flags_of(doubles(n, [&](auto i) { return i == 5 ? 1e6 : noise(i); })), Contains("outliers"));
  EXPECT_THAT(flags_of(doubles(n, [&](auto i) { return i == 5 ? INFINITY : noise(i); })),
              testing::ElementsAre("infinite"));
  EXPECT_THAT(flags_of(doubles(n, [&](auto i) { return i % 4 ? 0 : noise(i); })), Contains("many_zeros"));
}

TEST(Profile, FlagsTheOrderOfTheRows) {
  constexpr std::size_t n = 600;
  EXPECT_THAT(flags_of(doubles(n, [](auto i) { return std::sqrt(static_cast<double>(i)); })),
              Contains("sorted_rows"));
  EXPECT_THAT(flags_of(doubles(n, [](auto i) { return 3.0 * static_cast<double>(i); })),
              Contains("row_index"));
  std::vector<std::int64_t> days;
  for (std::size_t i = 0; i < n; ++i)
    days.push_back(static_cast<std::int64_t>(i / 3 * 86'400) * 1'000'000'000);
  EXPECT_THAT(flags_of(Column::from_date(days)), Contains("time_order"));
  const auto patient = [](std::size_t i) { return static_cast<std::int64_t>((i / 6 * 37) % 100) * 11; };
  EXPECT_THAT(flags_of(ints(n, patient)), Contains("group_blocks"));
  EXPECT_THAT(flags_of(ints(n, [&](auto i) { return patient((i * 101) % n); })),
              Not(Contains("group_blocks")));
}

TEST(Profile, FlagsColumnsThatTellTheSame) {
  constexpr std::size_t n = 400;
  const auto x = [](std::size_t i) { return random_at(i); };
  const Frame table(
      {"x", "twice", "scaled", "other", "gone", "gone_too"},
      {doubles(n, x), doubles(n, x), doubles(n, [&](auto i) { return 3 * x(i) + 1e-6 * random_at(i + n); }),
       doubles(n, [](auto i) { return random_at(i + 2 * n); }),
       doubles(n, [](auto i) { return i % 9 ? random_at(i + 3 * n) : kNoNumber; }),
       doubles(n, [](auto i) { return i % 9 ? random_at(i + 4 * n) : kNoNumber; })});
  const TableProfile profile = profile_table(table, {}, {});
  EXPECT_THAT(flags_of(profile, "x"), IsEmpty());
  EXPECT_THAT(flags_of(profile, "twice"), Contains("duplicate_column"));
  EXPECT_THAT(profile.columns[1].find(FlagKind::kDuplicateColumn)->text, HasSubstr("the same as \"x\""));
  EXPECT_THAT(flags_of(profile, "scaled"), testing::ElementsAre("near_duplicate"));
  EXPECT_THAT(flags_of(profile, "other"), IsEmpty());
  EXPECT_THAT(flags_of(profile, "gone_too"), testing::ElementsAre("missing_together"));
}

Frame leaking_table(std::size_t n) {
  const auto y = [](std::size_t i) { return static_cast<std::int64_t>(random_at(i) < 0.3); };
  return {{"noise", "strong", "leak", "level_leak", "gap", "y"},
          {doubles(n, [](auto i) { return random_at(i + 7777); }),
           doubles(n, [&](auto i) { return static_cast<double>(y(i)) + 1.5 * random_at(i + 999); }),
           doubles(n, [&](auto i) { return static_cast<double>(y(i)) + 0.5 * random_at(i + 5); }),
           levels(n, {"kept", "lost"}, [&](auto i) { return static_cast<std::int32_t>(y(i)); }),
           doubles(n, [&](auto i) { return y(i) && i % 5 ? kNoNumber : random_at(i + 3); }), ints(n, y)}};
}

TEST(Profile, SuspectsLeaksOutOfSample) {
  const TableProfile profile = profile_table(leaking_table(3000), {.target = "y"}, {});
  EXPECT_LT(profile.columns[0].target->power, 0.1);
  EXPECT_THAT(flags_of(profile, "noise"), IsEmpty());
  EXPECT_GT(profile.columns[1].target->power, 0.6);
  EXPECT_THAT(flags_of(profile, "strong"), Not(Contains("target_leak")));
  EXPECT_THAT(flags_of(profile, "leak"), Contains("target_leak"));
  EXPECT_THAT(flags_of(profile, "level_leak"), Contains("target_leak"));
  EXPECT_THAT(flags_of(profile, "gap"), Contains("telling_missing"));
}

TEST(Profile, ManyLevelsDoNotLookLikeALeak) {
  // In sample each level alone predicts its row; out of sample it tells nothing.
  constexpr std::size_t n = 1000;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < n / 2; ++i) names.push_back(fmt::format("level {}", i));
  const Frame table({"many", "y"},
                    {levels(n, names, [](auto i) { return static_cast<std::int32_t>((i * 7) % (n / 2)); }),
                     ints(n, [](auto i) { return random_at(i) < 0.5; })});
  const TableProfile profile = profile_table(table, {.target = "y"}, {});
  EXPECT_LT(profile.columns[0].target->power, 0.15);
}

TEST(Profile, DescribesTheTarget) {
  constexpr std::size_t n = 1000;
  const Frame table({"x", "y"},
                    {doubles(n, random_at), levels(n, {"no", "yes"}, [](auto i) { return i < 30; })});
  const TableProfile profile = profile_table(table, {.target = "y"}, {});
  EXPECT_EQ(profile.target->task, data::Task::kBinary);
  EXPECT_EQ(profile.target->classes[1].n, 30U);
  EXPECT_THAT(flags_of(profile, "y"), testing::IsSupersetOf({"imbalanced", "target_follows_rows"}));
  const Frame none({"x", "y"}, {doubles(n, random_at), doubles(n, [](auto) { return kNoNumber; })});
  EXPECT_FALSE(profile_table(none, {.target = "y"}, {}).target->is_usable);
  EXPECT_THAT(flags_of(profile_table(none, {.target = "y"}, {}), "y"), Contains("unusable_target"));
  EXPECT_ERROR(profile_table(table, {.target = "yy"}, {}), kData, HasSubstr("did you mean 'y'?"));
}

TEST(Profile, CountsRepeatedAndContradictingRows) {
  const Frame table({"a", "b", "y"}, {ints(6, [](auto i) { return std::array{1, 1, 1, 2, 2, 3}[i]; }),
                                      texts(6, [](auto i) { return std::string(1, "ppqrrs"[i]); }),
                                      ints(6, [](auto i) { return std::array{0, 0, 0, 0, 1, 1}[i]; })});
  const TableProfile profile = profile_table(table, {.target = "y"}, {});
  EXPECT_EQ(profile.n_repeated_rows, 1U);
  EXPECT_EQ(profile.n_contradicting_rows, 2U);
  EXPECT_EQ(profile_table(table, {}, {}).n_repeated_rows, 1U);
}

TEST(Profile, DescribesMissingCells) {
  const Frame table({"a", "b", "c"}, {doubles(100, [](auto i) { return i % 10 ? double(i) : kNoNumber; }),
                                      doubles(100, [](auto i) { return i % 10 ? double(i) : kNoNumber; }),
                                      doubles(100, [](auto i) { return i != 55 ? double(i) : kNoNumber; })});
  const MissingSummary missing = profile_table(table, {}, {}).missing;
  EXPECT_EQ(missing.n_cells, 21U);
  EXPECT_EQ(missing.n_complete_rows, 89U);
  ASSERT_EQ(missing.patterns.size(), 3U);
  EXPECT_THAT(missing.patterns[0].columns, IsEmpty());
  EXPECT_THAT(missing.patterns[1].columns, testing::ElementsAre(0, 1));
  EXPECT_EQ(missing.patterns[1].n_rows, 10U);
  ASSERT_FALSE(missing.pairs.empty());
  EXPECT_DOUBLE_EQ(missing.pairs[0].correlation, 1);
}

TEST(Profile, StrangeTablesHaveAProfile) {
  const std::vector<Frame> tables = {
      Frame(),
      Frame({"x"}, {Column::from_float64({})}),
      Frame({"x"}, {Column::from_float64({1})}),
      Frame({"x"}, {Column::from_texts({std::nullopt})}),
      Frame({"x", "y"}, {Column::from_float64({1, 2}), Column::from_int64({0, 1})}),
      Frame({"x", "y"}, {Column::from_float64({1e308, -1e308, INFINITY}), Column::from_bool({0, 1, 1})}),
      Frame({"x", "y"}, {Column::from_float64({5e-324, 0, kNoNumber}), Column::from_date({0, 1, 2})}),
      Frame({"x", "y"},
            {Column::from_sparse({0, 1, 1}, {0}, {1.0F}, 3), Column::from_int64({INT64_MIN, INT64_MAX})}),
  };
  for (const Frame& table : tables)
    for (const std::string target : {"", "x", "y"}) {
      if (!target.empty() && !table.find(target)) continue;
      const TableProfile profile = profile_table(table, {.target = target}, {});
      EXPECT_EQ(profile.columns.size(), table.n_columns());
      EXPECT_FALSE(to_json(profile).dump().empty());
    }
}

TEST(Profile, WholeNumbersBeyondDoublesAreToldApart) {
  const std::int64_t big = std::int64_t{1} << 60;
  const TableProfile profile = profile_table({{"x"}, {Column::from_int64({big, big + 1, big + 2})}}, {}, {});
  EXPECT_EQ(profile.columns[0].n_distinct, 3U);
}

TEST(Profile, IsTheSameForAnyNumberOfThreads) {
  const Frame table = leaking_table(20'000);
  ThreadPool pool(4);
  Context many;
  many.pool = &pool;
  many.n_threads = 4;
  const ProfileOptions options{.target = "y", .sample_rows = 5000};
  EXPECT_EQ(to_json(profile_table(table, options, {})).dump(),
            to_json(profile_table(table, options, many)).dump());
}

TEST(Profile, LargeColumnsAreEstimatedWithinTheirError) {
  constexpr std::size_t n = 200'000;
  const Column column = doubles(n, [](auto i) { return std::floor(60'000 * random_at(i)); });
  ColumnProfile exact, estimated;
  summarize_column(column, {}, n, exact);
  summarize_column(column, {}, 50'000, estimated);
  EXPECT_EQ(exact.distinct_error, 0);
  EXPECT_NEAR(static_cast<double>(estimated.n_distinct) / static_cast<double>(exact.n_distinct), 1,
              5 * estimated.distinct_error);
  EXPECT_NEAR(estimated.numbers->median(), exact.numbers->median(), 60'000 * 0.01);
  EXPECT_DOUBLE_EQ(estimated.numbers->mean, exact.numbers->mean);
}

TEST(HyperLogLog, EstimatesWithinFiveStandardErrors) {
  for (const std::size_t n : {0UL, 1UL, 100UL, 10'000UL, 60'000UL, 1'000'000UL}) {
    HyperLogLog one, two;
    Rng rng(n + 1);
    for (std::size_t i = 0; i < n; ++i) (i % 2 ? one : two).add(rng());
    one.merge(two);
    EXPECT_NEAR(one.estimate(), static_cast<double>(n),
                5 * HyperLogLog::kStandardError * static_cast<double>(n) + 0.01)
        << n;
  }
}

TEST(Profile, PagesShowTheMostRemarkableColumns) {
  const TableProfile profile = profile_table(leaking_table(2000), {.target = "y"}, {});
  EXPECT_THAT(most_remarkable(profile, 3), testing::ElementsAre(2, 3, 5));
  EXPECT_EQ(ranked_findings(profile)[0].severity, Severity::kProblem);
}

TEST(Wording, IsShortAndRounded) {
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(share_text(0.00001), "under 0.1 %");
  EXPECT_EQ(share_text(0.9999), "over 99.9 %");
  EXPECT_EQ(number_text(-12345.6), "-12,346");
  EXPECT_EQ(number_text(0.000012), "1.2e-05");
  EXPECT_EQ(short_text("Grüße aus Köln", 10), "Grüße a...");
  EXPECT_EQ(short_text("Köln", 4), "Köln");
  EXPECT_EQ(exact_text(1e6, data::ColumnType::kDate), "1970-01-01");
}

std::vector<std::uint32_t> rows_up_to(std::size_t n) {
  std::vector<std::uint32_t> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint32_t>(i);
  return out;
}

TEST(ProfileColumns, LooksAtTheGivenRowsOnly) {
  const double nan = std::nan("");
  Frame x({"x"}, {Column::from_float64({1, 1, 1, 1, nan, INFINITY, 11})});
  x.add("c", levels(7, {"a", "b", "never"}, [](std::size_t i) { return i == 6 ? -1 : i == 5 ? 1 : 0; }));
  const auto columns = profile_columns(x, rows_up_to(7), 100, {});
  EXPECT_EQ(columns[0].n_missing, 1U);
  EXPECT_EQ(columns[0].numbers->n_infinite, 1U);
  EXPECT_NEAR(columns[0].numbers->skewness, 2.2360679774997896, 1e-12);  // pandas, of 1, 1, 1, 1, 11
  EXPECT_EQ(columns[1].n_missing, 1U);
  EXPECT_EQ(columns[1].n_distinct, 2U);
  EXPECT_EQ(columns[1].n_rare_levels, 1U);
  const auto some = profile_columns(x, rows_up_to(3), 100, {});
  EXPECT_EQ(some[0].n_rows, 3U);
  EXPECT_EQ(some[0].n_missing, 0U);
  EXPECT_EQ(some[1].n_distinct, 1U);
}

TEST(ProfileColumns, CountsOfASampledTableAreThoseOfAllRows) {
  constexpr std::size_t n = 20'000;
  Frame x({"x"}, {doubles(n, [](std::size_t i) {
            return i == 7 ? INFINITY : i % 1'000 == 3 ? kNoNumber : std::exp(3 * random_at(i));
          })});
  std::vector<std::string> names;
  for (int i = 0; i < 3'000; ++i) names.push_back(std::to_string(i));
  x.add("town", levels(n, names, [](std::size_t i) { return static_cast<std::int32_t>(i % 3'000); }));
  x.add("price", texts(n, [](std::size_t i) { return fmt::format("{} EUR", 1'000 + i); }));
  const auto columns = profile_columns(x, rows_up_to(n), 1'000, {});
  EXPECT_EQ(columns[0].n_missing, 20U);
  EXPECT_EQ(columns[0].numbers->n_infinite, 1U);
  EXPECT_EQ(columns[1].n_distinct, 3'000U);
  EXPECT_NE(columns[2].find(FlagKind::kNumbersInText), nullptr);
  ThreadPool pool(3);
  const auto again = profile_columns(x, rows_up_to(n), 1'000, Context{&pool, 3});
  EXPECT_EQ(again[0].numbers->skewness, columns[0].numbers->skewness);
}

}  // namespace
}  // namespace kolosal::profile
