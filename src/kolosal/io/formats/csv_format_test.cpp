#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <zlib.h>
#include <zstd.h>

#include <cmath>
#include <fstream>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/io/table_writer.hpp"

namespace kolosal::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// "name:type" and the cells as text; "~" is missing.
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

class CsvFormat : public testing::Test {
 protected:
  data::Frame read(std::string_view text, const ReadOptions& options = {},
                   const std::string& name = "t.csv") {
    report = {};
    return read_table(folder.write(name, text), options, {}, &report);
  }
  std::string error(std::string_view text, const ReadOptions& options = {}) {
    try {
      read(text, options);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kData) << e.what();
      const std::string what = e.what();
      EXPECT_THAT(what, HasSubstr("t.csv"));
      return what;
    }
    ADD_FAILURE() << "no error for " << text;
    return {};
  }
  TempFolder folder;
  ReadReport report;
};

ReadOptions all_text() {
  ReadOptions options;
  options.types["*"] = "text";
  return options;
}

TEST_F(CsvFormat, TypesAndDialects) {
  const struct {
    const char* name;
    const char* text;
    const char* want;
  } cases[] = {
      {"plain", "a,b\n1,x\n2,y\n", "a:int=1|2 b:text=x|y"},
      {"no newline at the end", "a,b\n1,x\n2,y", "a:int=1|2 b:text=x|y"},
      {"crlf", "a,b\r\n1,x\r\n2,\"y\"\r\n", "a:int=1|2 b:text=x|y"},
      {"old mac", "a,b\r1,x\r2,y\r", "a:int=1|2 b:text=x|y"},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "a,b\n1,x\n",
       "a:int=1 b:text=x"},
      {"blank lines", "\na,b\n\n1,x\n   \n2,y\n\n\n", "a:int=1|2 b:text=x|y"},
      {"semicolon", "a;b\n1;x\n", "a:int=1 b:text=x"},
      {"tab", "a\tb\n1\tx,y\n", "a:int=1 b:text=x,y"},
      {"pipe", "a|b\n1|x\n", "a:int=1 b:text=x"},
      {"decimal comma", "a;b\n1,5;2\n-0,25;3\n", "a:float=1.5|-0.25 b:int=2|3"},
      {"decimal comma without header", "1,5;2,5\n2,5;3,5\n", "column_1:float=1.5|2.5 column_2:float=2.5|3.5"},
      {"point and comma: the point wins", "a;b\n1,5;2.5\n", "a:text=1,5 b:float=2.5"},
      {"thousands are text", "a\n\"1,234,567\"\n", "a:text=1,234,567"},
      {"quoted delimiter, quote and newline", "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n\"p\nq\",z\n",
       "a:text=x,y|p\nq b:text=say \"hi\"|z"},
      {"quote inside a cell", "a,b\n5\" pipe,1\nx\"y\"z,2\n", "a:text=5\" pipe|x\"y\"z b:int=1|2"},
      {"text after a closing quote", "a,b\n\"x\"y,1\n", "a:text=xy b:int=1"},
      {"blank before a quote", "a, \"b\"\n1, \"x,y\"\n", "a:int=1 b:text=x,y"},
      {"quoted numbers", "a,b\n\"1\",\"x\"\n\"\",\"\"\n", "a:int=1|~ b:text=x|"},
      {"empty is missing, quoted empty is not", "a,b\nx,1\n,2\n\"\",3\n", "a:text=x|~| b:int=1|2|3"},
      {"missing tokens", "a,b,c\n1,NA,x\n?,2.5,N/A\n null ,-,y\n",
       "a:int=1|~|~ b:float=~|2.5|~ c:text=x|~|y"},
      {"blanks around numbers", "a,b\n 1 , x \n2,y\n", "a:int=1|2 b:text= x |y"},
      {"int and float", "a\n1\n2.5\n", "a:float=1|2.5"},
      {"int beyond 64 bits", "a\n1\n18446744073709551616\n", "a:float=1|18446744073709551616"},
      {"leading zeros", "a\n007\n12\n", "a:text=007|12"},
      {"leading zeros of floats", "a\n00.5\n01\n", "a:float=0.5|1"},
      {"number and text", "a\n1\nx\n", "a:text=1|x"},
      {"infinite", "a\n1e400\n-inf\n-nan\n2\n", "a:float=inf|-inf|~|2"},
      {"bool words", "a,b,c,d\ntrue,Yes,t,N\nFALSE,no,F,y\n",
       "a:bool=true|false b:bool=true|false c:bool=true|false d:bool=false|true"},
      {"bool needs both", "a,b,c\ntrue,yes,f\ntrue,yes,f\n", "a:bool=true|true b:text=yes|yes c:text=f|f"},
      {"bool families do not mix", "a\nt\nno\n", "a:text=t|no"},
      {"0 and 1 are integers", "a\n0\n1\n", "a:int=0|1"},
      {"dates", "a,b,c,d\n2024-01-31,31.01.2024,2024/01/31,1/31/2024\n,01.02.2024,2023/12/01,2/1/2024\n",
       "a:date=2024-01-31|~ b:date=2024-01-31|2024-02-01 c:date=2024-01-31|2023-12-01 "
       "d:date=2024-01-31|2024-02-01"},
      {"day first by all rows", "a\n01/02/2024\n13/02/2024\n", "a:date=2024-02-01|2024-02-13"},
      {"no order fits", "a\n12/13/2024\n13/12/2024\n", "a:text=12/13/2024|13/12/2024"},
      {"timestamps", "a\n2024-01-31T12:00:00Z\n2024-01-31 12:00:00.25\n2024-02-01\n",
       "a:timestamp=2024-01-31T12:00:00|2024-01-31T12:00:00.250|2024-02-01T00:00:00"},
      {"date and number", "a\n2024-01-31\n5\n", "a:text=2024-01-31|5"},
      {"all missing", "a,b\n,1\nNA,2\n", "a:float=~|~ b:int=1|2"},
      {"no header", "1,x\n2,y\n", "column_1:int=1|2 column_2:text=x|y"},
      {"no header, text only", "p,x\nq,x\np,y\nq,y\np,x\nq,y\n",
       "column_1:text=p|q|p|q|p|q column_2:text=x|x|y|y|x|y"},
      {"years as names", "country,2019,2020\nA,1,2\n", "country:text=A 2019:int=1 2020:int=2"},
      {"header without a name", ",a\n0,x\n1,y\n", "column_1:int=0|1 a:text=x|y"},
      {"one column", "a\n1\n\n2\n", "a:int=1|2"},
      {"quoted empty line in one column", "a\n1\n\"\"\n2\n", "a:int=1|~|2"},
      {"utf-8", "n\xC3\xA4me,b\n\xE2\x82\xAC,1\n\xF0\x9F\x98\x80,2\n",
       "n\xC3\xA4me:text=\xE2\x82\xAC|\xF0\x9F\x98\x80 b:int=1|2"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(shown(read(c.text)), c.want);
  }
}

TEST_F(CsvFormat, CategoryOrText) {
  const auto column = [](std::size_t n, auto&& cell) {
    std::string text = "a,b\n";
    for (std::size_t i = 0; i < n; ++i) text += fmt::format("{},{}\n", cell(i), i);
    return text;
  };
  const auto type = [&](const std::string& text) { return data::type_name(read(text).column(0).type()); };
  EXPECT_EQ(type(column(20, [](std::size_t i) { return fmt::format("v{}", i % 10); })), "category");
  EXPECT_EQ(type(column(20, [](std::size_t i) { return fmt::format("v{}", i % 11); })), "text");
  EXPECT_EQ(type(column(19, [](std::size_t) { return "v"; })), "text");
  EXPECT_EQ(type(column(30, [](std::size_t i) { return i % 3 ? "" : fmt::format("v{}", i % 2); })),
            "category");
  EXPECT_EQ(type(column(20, [](std::size_t i) { return fmt::format("one two three four five{}", i % 2); })),
            "category");
  EXPECT_EQ(
      type(column(20, [](std::size_t i) { return fmt::format("one two three four five six{}", i % 2); })),
      "text");
  EXPECT_EQ(type(column(140'000, [](std::size_t i) { return fmt::format("v{}", i % 65'537); })), "text");
  const data::Frame frame =
      read(column(140'000, [](std::size_t i) { return fmt::format("v{}", i * 7 % 65'536); }));
  EXPECT_EQ(data::type_name(frame.column(0).type()), "category");
  const auto& levels = frame.column(0).dictionary()->levels();
  EXPECT_TRUE(std::is_sorted(levels.begin(), levels.end()));
  EXPECT_EQ(frame.column(0).cell_text(139'999), fmt::format("v{}", 139'999 * 7 % 65'536));
}

TEST_F(CsvFormat, TextKeepsCellsAsTheyStand) {
  EXPECT_EQ(shown(read("a,b\n 01 ,NA\n\"x \",\"\"\n,1e3\n", all_text())), "a:text= 01 |x | b:text=NA||1e3");
}

TEST_F(CsvFormat, ForcedTypes) {
  ReadOptions options;
  options.types = {{"a", "float"}, {"b", "category"}, {"c", "bool"}, {"d", "timestamp"}, {"e", "int"}};
  EXPECT_EQ(shown(read("a,b,c,d,e\n1,5,0,2024-01-31,3.0\nNA,?,1,31,\n",
                       [&] {
                         options.missing_tokens = {"NA", "?", "31"};
                         return options;
                       }())),
            "a:float=1|~ b:category=5|~ c:bool=false|true d:timestamp=2024-01-31T00:00:00|~ e:int=3|~");
  options = {};
  options.types["a"] = "int";
  EXPECT_THAT(error("a,b\n1,2\n2.5,3\n", options),
              testing::AllOf(HasSubstr("line 3"), HasSubstr("'a'"), HasSubstr("'2.5'"), HasSubstr("int"),
                             HasSubstr("--types")));
  options.types["a"] = "date";
  EXPECT_EQ(shown(read("a\n13/02/2024\n01/02/2024\n", options)), "a:date=2024-02-13|2024-02-01");
}

TEST_F(CsvFormat, WrongOptionsAreNamed) {
  ReadOptions options;
  options.types["agee"] = "float";
  EXPECT_THROW(
      {
        try {
          read("age,b\n1,2\n", options);
        } catch (const Error& e) {
          EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("'agee'"), HasSubstr("'age'")));
          EXPECT_EQ(e.code(), ErrorCode::kInvalidParameter);
          throw;
        }
      },
      Error);
  options.types = {{"age", "flot"}};
  EXPECT_THROW(
      {
        try {
          read("age,b\n1,2\n", options);
        } catch (const Error& e) {
          EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("'flot'"), HasSubstr("float")));
          throw;
        }
      },
      Error);
}

TEST_F(CsvFormat, SelectsColumnsAndRows) {
  ReadOptions options;
  options.columns = {"c", "a"};
  EXPECT_EQ(shown(read("a,b,c\n1,\"x\"\"\",3\n2,y,4\n", options)), "c:int=3|4 a:int=1|2");
  options = {};
  options.max_rows = 2;
  EXPECT_EQ(shown(read("a\n1\n\n2\nx\n", options)), "a:int=1|2");
  EXPECT_EQ(report.n_rows, 2u);
  options.columns = {"z"};
  EXPECT_THAT(error("a,b\n1,2\n", options), HasSubstr("'z'"));
}

TEST_F(CsvFormat, BadInputIsNamed) {
  const struct {
    const char* name;
    std::string text;
    std::vector<const char*> want;
  } cases[] = {
      {"empty file", "", {"empty"}},
      {"blank lines only", "\n\n", {"empty"}},
      {"header only", "a,b\n", {"header", "no rows"}},
      {"header and blank lines", "a,b\n\n\n", {"header", "no rows"}},
      {"row too short", "a,b\n1,2\n3\n4,5\n", {"line 3", "expected 2 cells, found 1", "--on-bad-rows skip"}},
      {"row too long", "a,b\n1,2\n\n3,4,5\n", {"line 4", "expected 2 cells, found 3"}},
      {"line numbers count lines, not rows", "a,b\n\"x\ny\",2\n3\n", {"line 4", "found 1"}},
      {"unclosed quote", "a,b\n1,2\n\"x,3\n4,5\n", {"line 3", "quote"}},
      {"unclosed quote that another one ends",
       "a,b,c\n1,\"x,3\n4,5,6\n7,\"y\",9\n",
       {"line 2", "quote (\") opens"}},
      {"latin-1", "a,b\n1,caf\xE9\n2,x\n", {"byte 0xE9", "offset 9", "line 2", "--encoding latin-1"}},
      {"latin-1 in the header", "caf\xE9,b\n1,2\n", {"byte 0xE9", "offset 3", "line 1"}},
      {"overlong", "a,b\n1,\xC0\x80\n", {"byte 0xC0", "offset 6"}},
      {"cut character", "a,b\n1,\xE2\x82\n", {"byte 0xE2", "offset 6"}},
      {"NUL", std::string("a,b\n1,x\0y\n", 10), {"NUL", "offset 7", "line 2"}},
      {"duplicate names", "a,b,a\n1,2,3\n", {"'a'", "twice", "1 and 3"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string message = error(c.text);
    for (const char* part : c.want) EXPECT_THAT(message, HasSubstr(part));
  }
}

TEST_F(CsvFormat, SkipsBadRowsWhenAsked) {
  ReadOptions options;
  options.on_bad_rows = OnBadRows::kSkip;
  // The cells of skipped rows do not count for the types either.
  EXPECT_EQ(shown(read("a,b\n1,2\nx\n3,4\nx,y,z\n", options)), "a:int=1|3 b:int=2|4");
  EXPECT_EQ(report.n_skipped_rows, 2u);
  EXPECT_THAT(error("a,b\n1\n2\n", options), HasSubstr("all 2"));
}

TEST_F(CsvFormat, MissingFileAndFolder) {
  EXPECT_THROW(
      {
        try {
          read_table(folder.file("none.csv"), {}, {});
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kNotFound);
          EXPECT_THAT(e.what(), HasSubstr("none.csv"));
          throw;
        }
      },
      Error);
  EXPECT_THROW(
      {
        try {
          read_table(folder.path(), {}, {});
        } catch (const Error& e) {
          EXPECT_THAT(e.what(), HasSubstr("is a folder"));
          throw;
        }
      },
      Error);
}

TEST_F(CsvFormat, Encodings) {
  ReadOptions options;
  options.encoding = "latin-1";
  EXPECT_EQ(shown(read("a,b\ncaf\xE9,1\n", options)), "a:text=caf\xC3\xA9 b:int=1");
  EXPECT_EQ(report.encoding, "latin-1");
  std::string little = "\xFF\xFE", big = "\xFE\xFF";
  // a,b CR LF, then U+1F600 as a surrogate pair
  for (const char16_t unit : std::u16string(u"a,b\r\n\U0001F600,1\r\n")) {
    const char low = static_cast<char>(unit & 0xFF), high = static_cast<char>(unit >> 8);
    little += {low, high};
    big += {high, low};
  }
  EXPECT_EQ(shown(read(little)), "a:text=\xF0\x9F\x98\x80 b:int=1");
  EXPECT_EQ(shown(read(big)), "a:text=\xF0\x9F\x98\x80 b:int=1");
  EXPECT_EQ(report.encoding, "utf-16");
  EXPECT_THAT(error(little.substr(0, little.size() - 1)), HasSubstr("odd number"));
  options.encoding = "ebcdic";
  EXPECT_THROW(read("a\n1\n", options), Error);
}

std::string gzip(std::string_view text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string large_table(std::size_t n_rows = 3000) {
  std::string text = "id,x,label,note,when\n";
  for (std::size_t i = 0; i < n_rows; ++i)
    text += fmt::format("{},{}.{},{},\"n{}, \"\"q\"\"\nline {}\",2024-01-{:02}\n", i, i * 37 % 1000, i % 7,
                        i % 11 ? fmt::format("L{}", i % 5) : "", i, i % 3, i % 28 + 1);
  return text;
}

TEST_F(CsvFormat, CompressionIsUndone) {
  const std::string text = large_table();
  const std::string want = shown(read(text));
  // Two members or frames, one after the other.
  const std::string two = gzip(text.substr(0, 5000)) + gzip(text.substr(5000));
  EXPECT_EQ(shown(read(gzip(text), {}, "t.csv.gz")), want);
  EXPECT_EQ(report.compression, "gzip");
  EXPECT_EQ(shown(read(two, {}, "t.csv.gz")), want);
  EXPECT_EQ(shown(read(zstd(text), {}, "t.csv.zst")), want);
  EXPECT_EQ(report.compression, "zstd");
  EXPECT_EQ(shown(read(zstd(text.substr(0, 5000)) + zstd(text.substr(5000)), {}, "t.csv")), want);
}

TEST_F(CsvFormat, DamagedCompressionIsNamed) {
  const std::string text = large_table();
  for (const std::string& whole : {gzip(text), zstd(text)}) {
    // Cuts after the head of the format.
    for (std::size_t cut = 20; cut < whole.size(); cut += whole.size() / 50)
      EXPECT_THAT(error(whole.substr(0, cut)), testing::AnyOf(HasSubstr("cut off"), HasSubstr("damaged")))
          << cut;
  }
  std::string flipped = gzip(text);
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);  // the checksum
  EXPECT_THAT(error(flipped), HasSubstr("damaged"));
  EXPECT_THAT(error(gzip(text) + "garbage"), HasSubstr("damaged"));
}

TEST_F(CsvFormat, ChunksAndThreadsDoNotMatter) {
  const std::string stray = "a,b\n" + [] {
    std::string out;
    for (int i = 0; i < 300; ++i) out += i % 7 == 0 ? "5\" pipe,1\n" : i % 3 == 0 ? "\"p\nq\",2\n" : "x,3\n";
    return out;
  }();
  ThreadPool pool(4);
  Context threads;
  threads.pool = &pool;
  threads.n_threads = 4;
  for (const std::string& text : {large_table(200), stray, stray + "5\" end,4\n"}) {
    const std::string path = folder.write("t.csv", text);
    ReadOptions options;
    const std::string want = shown(read_table(path, options, {}));
    for (std::size_t chunk : {1, 2, 3, 7, 16, 61, 256, 4096}) {
      options.chunk_bytes = chunk;
      EXPECT_EQ(shown(read_table(path, options, {})), want) << chunk;
      EXPECT_EQ(shown(read_table(path, options, threads)), want) << chunk;
    }
  }
}

TEST_F(CsvFormat, ErrorsDoNotDependOnChunks) {
  for (const std::string& text :
       {large_table(50) + "1,2\n" + large_table(50), large_table(50) + "1,\"x\n" + large_table(50)}) {
    const std::string want = error(text);
    for (std::size_t chunk : {1, 5, 64, 1000}) {
      ReadOptions options;
      options.chunk_bytes = chunk;
      EXPECT_EQ(error(text, options), want) << chunk;
    }
  }
}

TEST_F(CsvFormat, TheFirstBadCellIsNamedWhateverTheCuts) {
  ReadOptions options;
  options.types["*"] = "float";
  for (const std::size_t chunk : {0, 1, 9, 20}) {
    options.chunk_bytes = chunk;
    EXPECT_THAT(error("a,b\n1,2\n3,y\nx,4\n", options), HasSubstr("line 3, column 'b': cannot read 'y'"))
        << chunk;
  }
}

TEST_F(CsvFormat, HugeCell) {
  const std::string huge(3 << 20, 'x');
  const data::Frame frame = read("a,b\n1,\"" + huge + "\n" + huge + "\"\n2,y\n");
  EXPECT_EQ(frame.column(1).text(0), huge + "\n" + huge);
  EXPECT_EQ(frame.column(1).text(1), "y");
}

TEST_F(CsvFormat, MemoryLimitIsKept) {
  ReadOptions options;
  options.memory_limit_bytes = 10'000;
  EXPECT_THROW(
      {
        try {
          read(large_table(), options);
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kMemory);
          EXPECT_THAT(e.what(), HasSubstr("10.0 KB"));
          throw;
        }
      },
      Error);
}

TEST_F(CsvFormat, ReportTells) {
  read("a;b;when\n1,5;x;01/02/2024\n1e400;;03/04/2024\n");
  EXPECT_EQ(report.format, "csv");
  EXPECT_EQ(report.delimiter, ';');
  EXPECT_EQ(report.decimal, ',');
  EXPECT_EQ(report.n_rows, 2u);
  ASSERT_EQ(report.columns.size(), 3u);
  EXPECT_THAT(report.columns[1].reason, HasSubstr("line 2 has 'x'"));
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("'when'"), HasSubstr("infinite")));
}

// ---- Streams ----

std::vector<data::Frame> stream(const std::string& path, const ReadOptions& options) {
  std::vector<data::Frame> out;
  const auto rows = open_table_stream(path, options, {});
  while (auto batch = rows->next()) out.push_back(std::move(*batch));
  return out;
}

TEST_F(CsvFormat, StreamGivesTheSameCells) {
  const std::string path = folder.write("t.csv", large_table(500));
  ReadOptions options;
  options.types["label"] = "text";
  const std::string want = shown(read_table(path, options, {}));
  for (const std::size_t bytes : {1, 100, 5000, 1 << 20}) {
    options.batch_bytes = bytes;
    const auto batches = stream(path, options);
    EXPECT_EQ(shown(data::concatenate(batches)), want) << bytes;
    if (bytes == 5000) {
      EXPECT_GT(batches.size(), 3u);
    }
  }
  options.batch_rows = 7;
  for (const data::Frame& batch : stream(path, options)) EXPECT_LE(batch.n_rows(), 7u);
  EXPECT_EQ(shown(data::concatenate(stream(path, options))), want);
  options.max_rows = 30;
  EXPECT_EQ(data::concatenate(stream(path, options)).n_rows(), 30u);
}

TEST_F(CsvFormat, StreamTypesByAllRows) {
  std::string text = "a,b\n";
  for (int i = 0; i < 1000; ++i) text += "1,2\n";
  text += "x,2.5\n";
  ReadOptions options;
  options.batch_bytes = 64;
  const auto rows = open_table_stream(folder.write("t.csv", text), options, {});
  const auto first = rows->next();
  ASSERT_TRUE(first);
  EXPECT_EQ(data::type_name(first->column(0).type()), "text");
  EXPECT_EQ(data::type_name(first->column(1).type()), "float");
}

TEST_F(CsvFormat, StreamErrorsHaveTheLineOfTheFile) {
  std::string text = "a,b\n";
  for (int i = 0; i < 1000; ++i) text += "1,2\n";
  ReadOptions options;
  options.batch_bytes = 64;
  options.types["*"] = "int";
  EXPECT_THROW(
      {
        try {
          stream(folder.write("t.csv", text + "1,x\n"), options);
        } catch (const Error& e) {
          EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("line 1002"), HasSubstr("'b'"), HasSubstr("'x'")));
          throw;
        }
      },
      Error);
  EXPECT_THROW(
      {
        try {
          stream(folder.write("t.csv", text + "1,\"x\n1,2\n"), options);
        } catch (const Error& e) {
          EXPECT_THAT(e.what(), testing::AllOf(HasSubstr("line 1002"), HasSubstr("quote")));
          throw;
        }
      },
      Error);
}

// ---- Round trips ----

// Texts that are hard for CSV.
rc::Gen<std::string> cell_text() {
  return rc::gen::container<std::string>(rc::gen::element('a', 'b', ' ', ',', ';', '"', '\n', '\r', '\t', '|',
                                                          '0', '1', '.', '-', '\xC3', '\xA9'));
}

std::string valid_utf8(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\xC3' || c == '\xA9' ? std::string("\xC3\xA9") : std::string(1, c);
  return out;
}

TEST_F(CsvFormat, AnyTextComesBack) {
  rc::check("write, then read with '*=text'", [this] {
    const std::size_t n_columns = *rc::gen::inRange<std::size_t>(1, 5);
    const std::size_t n_rows = *rc::gen::inRange<std::size_t>(1, 12);
    data::Frame frame;
    for (std::size_t i = 0; i < n_columns; ++i) {
      std::vector<std::optional<std::string>> cells;
      for (std::size_t row = 0; row < n_rows; ++row) cells.emplace_back(valid_utf8(*cell_text()));
      frame.add(fmt::format("name {}", i), data::Column::from_texts(cells));
    }
    ReadOptions options = all_text();
    options.header = true;
    options.delimiter = *rc::gen::element(',', ';', '\t', '|');
    options.chunk_bytes = *rc::gen::inRange<std::size_t>(1, 40);
    WriteOptions write;
    write.delimiter = options.delimiter;
    const auto writer = make_table_writer(folder.file("r.csv"), write, {});
    writer->write(frame);
    writer->close();
    RC_ASSERT(shown(read_table(folder.file("r.csv"), options, {})) == shown(frame));
    options.batch_bytes = *rc::gen::inRange<std::size_t>(1, 100);
    RC_ASSERT(shown(data::concatenate(stream(folder.file("r.csv"), options))) == shown(frame));
  });
}

TEST_F(CsvFormat, TypedCellsComeBackExactly) {
  rc::check("numbers, dates and booleans", [this](const std::vector<double>& floats) {
    const std::size_t n = floats.size();
    RC_PRE(n > 1);
    std::vector<std::int64_t> ints, moments;
    std::vector<std::uint8_t> bools;
    data::Bitmap valid = data::all_present(n);
    for (std::size_t i = 0; i < n; ++i) {
      ints.push_back(*rc::gen::arbitrary<std::int64_t>());
      moments.push_back(
          *rc::gen::inRange<std::int64_t>(-9'000'000'000'000'000'000, 9'000'000'000'000'000'000));
      bools.push_back(i % 2 == 0);
      if (i > 1 && *rc::gen::arbitrary<bool>()) data::clear_bit(valid.data(), i);
    }
    data::Frame frame;
    frame.add("f", data::Column::from_float64(floats));
    frame.add("i", data::Column::from_int64(ints, valid));
    frame.add("t", data::Column::from_timestamp(moments, valid));
    frame.add("b", data::Column::from_bool(bools, valid));
    const auto writer = make_table_writer(folder.file("r.csv.gz"), {}, {});
    writer->write(frame);
    writer->close();
    RC_ASSERT(shown(read_table(folder.file("r.csv.gz"), {}, {})) == shown(frame));
  });
}

TEST_F(CsvFormat, WriterIsWholeOrAbsent) {
  const data::Frame frame = read("a,b\n1,x\n,\n");
  const std::string path = folder.file("out.csv");
  {
    const auto writer = make_table_writer(path, {}, {});
    writer->write(frame);
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "only t.csv is left";
  const auto writer = make_table_writer(path, {}, {});
  writer->write(frame);
  writer->write(frame);
  writer->close();
  EXPECT_EQ(read_text(path), "a,b\n1,x\n,\n1,x\n,\n");
}

TEST_F(CsvFormat, WriteErrorsNameThePath) {
  const data::Frame frame = read("a,b\n1,x\n");
  const auto message = [&](const std::string& path) {
    try {
      const auto writer = make_table_writer(path, {}, {});
      writer->write(frame);
      writer->close();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kIo);
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message(folder.file("no/such/folder.csv")),
              testing::AllOf(HasSubstr("no/such"), HasSubstr("No such file")));
  EXPECT_THAT(message(folder.path().string()), HasSubstr("is a folder"));
  EXPECT_THAT(message("/dev/full"), testing::AllOf(HasSubstr("/dev/full"), HasSubstr("No space left")));
}

}  // namespace
}  // namespace kolosal::io
