#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"
#include "kolosal/io/byte_finder_internal.hpp"
#include "kolosal/io/formats/csv_table_internal.hpp"

namespace kolosal::io {
namespace {

// The frame to the last bit, the types with their reasons, and the notes.
std::string shown(const data::Frame& frame, const ReadReport& report) {
  std::string out;
  for (std::size_t i = 0; i < frame.n_columns(); ++i) {
    const data::Column& column = frame.column(i);
    out +=
        fmt::format("{}:{} ({})\n", frame.name(i), data::type_name(column.type()), report.columns[i].reason);
    for (std::size_t row = 0; row < column.size(); ++row)
      out += column.is_missing(row)
                 ? "~|"
                 : fmt::format("{}{}|", std::signbit(column.is_numeric() ? column.number(row) : 0) ? "-" : "",
                               column.cell_text(row));
    if (column.dictionary())
      for (std::int32_t code = 0; code < column.dictionary()->size(); ++code)
        out += fmt::format("{}={} ", code, column.dictionary()->level(code));
    out += '\n';
  }
  for (const std::string& note : report.notes) out += note + '\n';
  return out;
}

struct Outcome {
  std::string text;  // or the error
  bool attempted = false;
};

// Reads by two passes, or by one with guesses.
Outcome read(const std::string& text, const ReadOptions& options, const Context& context, bool guess) {
  Outcome out;
  try {
    ReadReport report;
    const CsvTable table(*read_csv_head(text, true, "t.csv", options, report.notes), "t.csv", options);
    CsvWindow window;
    window.begin = text.data() + table.head().data_begin;
    window.end = text.data() + text.size();
    window.line = 1 + count_byte(text.data(), window.begin, '\n');
    std::optional<CsvAttempt> attempt;
    if (guess) attempt = table.attempt(window, nullptr, context);
    out.attempted = attempt.has_value();
    const std::vector<CsvPart> parts = attempt ? attempt->parts : table.analyze(window, context);
    const std::vector<ColumnPlan> plans = table.plan(table.merge_stats(window, parts), report);
    const data::Frame frame =
        table.build(window, parts, plans, context, &report, attempt ? &*attempt : nullptr);
    out.text = shown(frame, report);
  } catch (const Error& error) {
    out.text = error.what();
  }
  return out;
}

using Maker = std::function<std::string(Rng&)>;

std::string pick(Rng& rng, const std::vector<std::string>& choices) {
  return choices[rng.below(choices.size())];
}

std::string digits(Rng& rng, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += static_cast<char>('0' + rng.below(10));
  return out;
}

// Columns of the usual forms, and those that look like them for a while.
const std::vector<Maker>& makers() {
  static const std::vector<Maker> all{
      [](Rng& rng) { return fmt::format("{}", static_cast<std::int64_t>(rng.below(2000)) - 1000); },
      [](Rng& rng) {
        return (rng.below(2) ? "-" : "") + std::string(1, static_cast<char>('1' + rng.below(9))) +
               digits(rng, rng.below(19));
      },
      [](Rng& rng) { return digits(rng, 1 + rng.below(17)); },
      [](Rng& rng) { return fmt::format("{:.{}f}", rng.normal() * 1000, 1 + rng.below(6)); },
      [](Rng& rng) { return fmt::format("{}", rng.normal()); },
      [](Rng& rng) {
        return (rng.below(2) ? "-" : "") + digits(rng, rng.below(9)) + "." + digits(rng, rng.below(19));
      },
      [](Rng& rng) {
        return pick(rng, {"-0", "0", "-0.0", "1e5", "1.5e-3", "+3", "inf", "-.5", "5.", "0.1", "12"});
      },
      [](Rng& rng) {
        return fmt::format("{:04}-{:02}-{:02}", 1990 + rng.below(40), 1 + rng.below(12), 1 + rng.below(28));
      },
      [](Rng& rng) {
        return fmt::format("{:04}-{:02}-{:02}", 1670 + rng.below(600), rng.below(14), rng.below(33));
      },
      [](Rng& rng) {
        return fmt::format("20{:02}-0{}-1{}{}{:02}:{:02}:{:02}{}", rng.below(60), 1 + rng.below(9),
                           rng.below(10), pick(rng, {" ", "T"}), rng.below(24), rng.below(60), rng.below(60),
                           pick(rng, {"", "Z", ".5"}));
      },
      [](Rng& rng) { return fmt::format("{:02}/{:02}/2024", 1 + rng.below(12), 1 + rng.below(12)); },
      [](Rng& rng) { return pick(rng, {"true", "false"}); },
      [](Rng& rng) { return pick(rng, {"Yes", "no", "NO", "\"yes\""}); },
      [](Rng& rng) {
        return pick(rng, {"a", "b", "c c", "\"d, e\"", "\"say \"\"f\"\"\"",
                          "a level of more than sixteen bytes", "\xC3\xA9t\xC3\xA9"});
      },
      [](Rng& rng) { return fmt::format("item{}", rng.below(60)); },
      [](Rng& rng) { return "0" + digits(rng, 3); },
      [](Rng& rng) { return fmt::format("text {} of {}", rng.below(1'000'000), rng.below(1'000'000)); },
      [](Rng& rng) {
        return fmt::format("\"many words, {} of \"\"them\"\" in {} a\nrow\"", rng.below(100), rng.below(3));
      },
  };
  return all;
}

std::string random_table(Rng& rng, std::size_t n_rows, std::size_t& n_columns) {
  n_columns = 1 + rng.below(6);
  std::vector<std::size_t> kinds(n_columns);
  for (std::size_t& kind : kinds) kind = rng.below(makers().size());
  const std::string end = rng.below(3) == 0 ? "\r\n" : "\n";
  const std::size_t missing_every = 2 + rng.below(30),
                    strange_every = rng.below(3) == 0 ? 20 + rng.below(400) : 1'000'000'000;
  std::string out;
  for (std::size_t i = 0; i < n_columns; ++i) out += fmt::format("{}c{}", i == 0 ? "" : ",", i);
  out += end;
  for (std::size_t row = 0; row < n_rows; ++row) {
    for (std::size_t i = 0; i < n_columns; ++i) {
      std::string cell = makers()[kinds[i]](rng);
      if (rng.below(missing_every) == 0)
        cell = pick(rng, {"", "", "NA", "\"\"", " ", "null", " NA ", "\"NA\""});
      if (rng.below(strange_every) == 0)
        cell = pick(rng, {"x", "5\" pipe", "\"q\"tail", " 7 ", "\" 7\"", "1,5", "\r", "\n",
                          "999999999999999999999", "Null"});
      out += (i == 0 ? "" : ",") + cell;
    }
    out += end;
  }
  if (rng.below(4) == 0) out += end + end;
  if (rng.below(4) == 0) out.pop_back();
  return out;
}

TEST(CsvAttempt, GivesWhatTwoPassesGive) {
  ThreadPool pool(3);
  Context context;
  context.pool = &pool;
  context.n_threads = 3;
  std::size_t n_attempted = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    std::size_t n_columns = 0;
    const std::string text = random_table(rng, 1 + rng.below(600), n_columns);
    ReadOptions options;
    options.header = true;
    options.delimiter = ',';
    if (rng.below(3) == 0) options.on_bad_rows = OnBadRows::kSkip;
    if (rng.below(4) == 0)
      options.types["c0"] = pick(rng, {"text", "category", "float", "timestamp", "int", "bool"});
    if (rng.below(5) == 0) options.columns = {fmt::format("c{}", n_columns - 1), "c0"};
    if (n_columns == 1) options.columns.clear();
    if (rng.below(6) == 0) options.missing_tokens = {"x"};
    const std::string want = read(text, options, {}, false).text;
    for (const std::size_t chunk : {std::size_t{0}, std::size_t{60}, std::size_t{700}, std::size_t{5000}}) {
      options.chunk_bytes = chunk;
      const Outcome got = read(text, options, context, true);
      n_attempted += got.attempted;
      ASSERT_EQ(got.text, want) << "seed " << seed << " chunk " << chunk << "\n" << text.substr(0, 2000);
    }
  }
  EXPECT_GT(n_attempted, 100U);
}

TEST(CsvAttempt, LateSurprisesChangeTheType) {
  // What the sample can not see: the last row of many.
  const struct {
    const char* common;
    const char* last;
    const char* type;
  } cases[] = {{"17", "x", "category"},       {"17", "2.5", "float"},
               {"2.5", "7", "float"},         {"2024-01-31", "17", "category"},
               {"true", "maybe", "category"}, {"2024-01-31", "2024-01-31 10:00:00", "timestamp"}};
  for (const auto& c : cases) {
    std::string text = "a,b\n";
    for (int i = 0; i < 9000; ++i) text += fmt::format("{},{}\n", c.common, i);
    text += fmt::format("{},0\n", c.last);
    for (int i = 0; i < 9000; ++i) text += fmt::format("{},{}\n", c.common, i);
    ReadOptions options;
    options.chunk_bytes = 5000;
    const Outcome got = read(text, options, {}, true);
    EXPECT_TRUE(got.attempted);
    EXPECT_EQ(got.text, read(text, options, {}, false).text);
    EXPECT_THAT(got.text, testing::StartsWith(fmt::format("a:{} ", c.type)));
  }
}

TEST(CsvAttempt, ManyDifferentTextsAreTextAndRepeatedOnesACategory) {
  const auto table = [](std::size_t n_rows, std::size_t n_levels) {
    std::string text = "a,b\n";
    for (std::size_t i = 0; i < n_rows; ++i) text += fmt::format("name{},{}\n", i * 7919 % n_levels, i);
    return text;
  };
  const struct {
    std::size_t n_rows, n_levels;
    const char* type;
  } cases[] = {{140'000, 140'000, "text"},
               {140'000, 65'536, "category"},
               {140'000, 65'537, "text"},
               {3000, 1600, "text"},
               {3000, 1500, "category"}};
  for (const auto& c : cases) {
    const std::string text = table(c.n_rows, c.n_levels);
    const Outcome got = read(text, {}, {}, true);
    EXPECT_TRUE(got.attempted);
    EXPECT_THAT(got.text.substr(0, 20), testing::StartsWith(fmt::format("a:{} ", c.type))) << c.n_levels;
    EXPECT_EQ(got.text, read(text, {}, {}, false).text);
  }
}

}  // namespace
}  // namespace kolosal::io
