#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/io/table_writer.hpp"

namespace kolosal::io {
namespace {

using testing::HasSubstr;

std::string shown(const data::Frame& frame) {
  std::string out;
  for (std::size_t i = 0; i < frame.n_columns(); ++i) {
    const data::Column& column = frame.column(i);
    out += fmt::format("{}{}:{}=", i == 0 ? "" : " ", frame.name(i), data::type_name(column.type()));
    for (std::size_t row = 0; row < column.size(); ++row)
      out += (row == 0 ? "" : "|") + (column.is_missing(row) ? std::string("~") : column.cell_text(row));
  }
  return out;
}

class JsonLinesFormat : public testing::Test {
 protected:
  data::Frame read(std::string_view text, const ReadOptions& options = {}) {
    return read_table(folder.write("t.jsonl", text), options, {});
  }
  data::Frame read_stream(std::string_view text, std::size_t batch_bytes) {
    ReadOptions options;
    options.batch_bytes = batch_bytes;
    const auto rows = open_table_stream(folder.write("t.jsonl", text), options, {});
    std::vector<data::Frame> batches;
    while (auto batch = rows->next()) batches.push_back(std::move(*batch));
    return data::concatenate(batches);
  }
  TempFolder folder;
};

TEST_F(JsonLinesFormat, TypesAndShapes) {
  const struct {
    const char* name;
    const char* text;
    const char* want;
  } cases[] = {
      {"plain", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n", "a:int=1|2 b:text=x|y"},
      {"crlf, blanks and blank lines", "\n { \"a\" : 1 } \r\n\n{\"a\":2}", "a:int=1|2"},
      {"union of keys", "{\"a\":1}\n{\"b\":true,\"a\":2}\n{\"c\":1.5}\n",
       "a:int=1|2|~ b:bool=~|true|~ c:float=~|~|1.5"},
      {"null is missing, an empty string is not", "{\"a\":null,\"b\":\"\"}\n{\"a\":1,\"b\":\"x\"}\n",
       "a:int=~|1 b:text=|x"},
      {"strings of digits stay strings", "{\"zip\":\"12345\"}\n{\"zip\":\"00501\"}\n",
       "zip:text=12345|00501"},
      {"dates", "{\"d\":\"2024-01-31\",\"t\":\"2024-01-31T12:00:00Z\"}\n",
       "d:date=2024-01-31 t:timestamp=2024-01-31T12:00:00"},
      {"nested values are their text", "{\"a\":{\"x\":[1,{\"y\":\"}\"}]},\"b\":[1, 2]}\n",
       "a:text={\"x\":[1,{\"y\":\"}\"}]} b:text=[1, 2]"},
      {"escapes", "{\"a\\n\":\"\\u00e9\\ud83d\\ude00\\\"\\\\/\\t\"}\n",
       "a\n:text=\xC3\xA9\xF0\x9F\x98\x80\"\\/\t"},
      {"mixed kinds", "{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":true}\n", "a:text=1|x|true"},
      {"large numbers", "{\"a\":1e999,\"b\":-0.5e-2,\"c\":9007199254740993}\n",
       "a:float=inf b:float=-0.005 c:int=9007199254740993"},
      {"last of two equal keys", "{\"a\":1,\"a\":2}\n", "a:int=2"},
      {"an array of objects", "[ {\"a\":1},\n {\"a\":2,\"b\":\"]\"}\n]\n", "a:int=1|2 b:text=~|]"},
      {"empty object among others", "{}\n{\"a\":1}\n", "a:int=~|1"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(shown(read(c.text)), c.want);
    if (c.text[0] == '[') continue;
    for (const std::size_t bytes : {1, 16, 1000})
      EXPECT_EQ(shown(read_stream(c.text, bytes)), c.want) << bytes;
    ReadOptions options;
    options.chunk_bytes = 1;
    EXPECT_EQ(shown(read(c.text, options)), c.want);
  }
}

TEST_F(JsonLinesFormat, BadInputHasItsLine) {
  const struct {
    const char* text;
    std::vector<const char*> want;
  } cases[] = {
      {"", {"empty"}},
      {"{\"a\":1}\n{\"a\":}\n", {"line 2", "character 6", "expected a value"}},
      {"{\"a\":1}\n{\"a\":1\n{\"a\":2}\n", {"line 2", "','"}},
      {"{\"a\":1}\n5\n", {"line 2", "expected an object"}},
      {"{\"a\":1} {\"a\":2}\n", {"line 1", "one object per line"}},
      {"{\"a\":\"x\n", {"line 1", "never closed"}},
      {"{\"a\":01}\n", {"leading zero"}},
      {"{\"a\":tru}\n", {"expected true"}},
      {"{\"a\":\"\\x\"}\n", {"escape"}},
      {"{\"a\":\"\\ud800\"}\n", {"surrogate"}},
      {"{\"a\":\"caf\xE9\"}\n", {"0xE9", "latin-1", "line 1"}},
      {"[{\"a\":1} {\"a\":2}]", {"expected ','"}},
      {"[{\"a\":1},", {"expected ','"}},
  };
  for (const auto& c : cases) {
    try {
      read(c.text);
      ADD_FAILURE() << "no error for " << c.text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kData);
      EXPECT_THAT(e.what(), HasSubstr("t.jsonl"));
      for (const char* part : c.want) EXPECT_THAT(e.what(), HasSubstr(part)) << c.text;
    }
  }
  EXPECT_THROW(read("{\"a\":" + std::string(5000, '[') + "\n"), Error);
}

TEST_F(JsonLinesFormat, OptionsHold) {
  ReadOptions options;
  options.columns = {"b"};
  options.types["b"] = "float";
  options.max_rows = 2;
  EXPECT_EQ(shown(read("{\"a\":1,\"b\":\"2.5\"}\n{\"b\":3}\n{\"b\":\"x\"}\n", options)), "b:float=2.5|3");
  options = {};
  options.types["*"] = "text";
  EXPECT_EQ(shown(read("{\"a\":1.50,\"b\":\"NA\"}\n{\"a\":null,\"b\":\" x\"}\n", options)),
            "a:text=1.50|~ b:text=NA| x");
}

TEST_F(JsonLinesFormat, IsKnownByItsContent) {
  const std::string path = folder.write("table", "{\"a\":1}\n");
  ReadReport report;
  read_table(path, {}, {}, &report);
  EXPECT_EQ(report.format, "jsonl");
}

TEST_F(JsonLinesFormat, CellsComeBack) {
  rc::check("write, then read", [this](const std::vector<double>& floats) {
    RC_PRE(floats.size() > 1);
    std::vector<std::int64_t> ints;
    std::vector<std::optional<std::string>> texts;
    for (std::size_t i = 0; i < floats.size(); ++i) {
      ints.push_back(*rc::gen::arbitrary<std::int64_t>());
      texts.emplace_back("t" + *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)));
      if (texts.back()->find('\0') != std::string::npos) texts.back().reset();
    }
    texts[0] = "x";
    data::Frame frame;
    frame.add("f", data::Column::from_float64(floats));
    frame.add("i \"q\"", data::Column::from_int64(ints));
    frame.add("t", data::Column::from_texts(texts));
    const auto writer = make_table_writer(folder.file("r.jsonl.zst"), {}, {});
    writer->write(frame);
    writer->close();
    ReadOptions options;
    options.types["t"] = "text";
    RC_ASSERT(shown(read_table(folder.file("r.jsonl.zst"), options, {})) == shown(frame));
  });
}

}  // namespace
}  // namespace kolosal::io
