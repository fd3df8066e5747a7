#include "kolosal/io/formats/arrow_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/data/arrow_bridge.hpp"
#include "kolosal/io/format.hpp"
#include "kolosal/io/formats/arrow_library_internal.hpp"

namespace kolosal::io {
namespace {

using data::Column;
using data::ColumnType;
using data::Frame;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::shared_ptr<const data::Dictionary> dictionary(std::vector<std::string> levels) {
  return std::make_shared<const data::Dictionary>(std::move(levels));
}

/// One column of each type, with a missing cell each.
Frame all_types() {
  Frame out;
  out.add("whole", Column::from_int64({1, -2, 9007199254740993}, {0b101}));
  out.add("number", Column::from_float64({0.1, kNaN, -1e300}));
  out.add("small", Column::from_float32({0.5F, std::numeric_limits<float>::quiet_NaN(), 3.0F}));
  out.add("yes", Column::from_bool({1, 0, 1}, {0b011}));
  out.add("level", Column::from_category({1, -1, 0}, dictionary({"red", "green, \"dark\""})));
  out.add("words", Column::from_texts({"", std::nullopt, "naïve\nline"}));
  out.add("day", Column::from_date({0, 86'400'000'000'000, -86'400'000'000'000}, {0b110}));
  out.add("moment", Column::from_timestamp({1'700'000'000'123'456'789, 0, -1}, {0b101}));
  return out;
}

std::vector<std::string> cells(const Frame& frame, std::size_t column) {
  std::vector<std::string> out;
  for (std::size_t row = 0; row < frame.n_rows(); ++row)
    out.push_back(frame.column(column).is_missing(row) ? "<missing>" : frame.column(column).cell_text(row));
  return out;
}

void expect_equal(const Frame& got, const Frame& want) {
  ASSERT_EQ(got.names(), want.names());
  ASSERT_EQ(got.n_rows(), want.n_rows());
  for (std::size_t i = 0; i < want.n_columns(); ++i) {
    EXPECT_EQ(data::type_name(got.column(i).type()), data::type_name(want.column(i).type())) << want.name(i);
    EXPECT_EQ(cells(got, i), cells(want, i)) << want.name(i);
  }
}

/// Both formats; the whole suite is left out where the library is not built.
class ArrowFiles : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const auto version = arrow_library_version(); !version) GTEST_SKIP() << version.error();
  }

  static const Format& format() {
    return std::string_view(GetParam()) == "parquet" ? parquet_format() : arrow_format();
  }
  std::string path() const { return folder_.file(std::string("table.") + GetParam()); }

  std::string write(const std::vector<Frame>& batches) {
    const auto writer = format().create(path(), {}, {});
    for (const Frame& batch : batches) writer->write(batch);
    writer->close();
    return path();
  }

  Frame read(const std::string& file, const ReadOptions& options = {}, const Context& context = {}) {
    report_ = {};
    return format().read(file, options, context, report_);
  }

  static std::vector<Frame> stream(const std::string& file, const ReadOptions& options) {
    const auto opened = format().open(file, options, {});
    std::vector<Frame> out;
    while (auto batch = opened->next()) out.push_back(std::move(*batch));
    return out;
  }

  TempFolder folder_;
  ReadReport report_;
};

TEST_P(ArrowFiles, EveryTypeComesBack) {
  const Frame frame = all_types();
  expect_equal(read(write({frame})), frame);
  EXPECT_EQ(report_.format, GetParam());
  EXPECT_EQ(report_.n_rows, 3U);
  ASSERT_EQ(report_.columns.size(), 8U);
  EXPECT_EQ(report_.columns[0].reason, "as in the file");
}

TEST_P(ArrowFiles, SlicesAreWrittenAsTheirRows) {
  const Frame frame = all_types();
  expect_equal(read(write({frame.slice(1, 2)})), frame.slice(1, 2));
}

TEST_P(ArrowFiles, BatchesAreJoinedAndTheirDictionariesUnified) {
  Frame a, b, c;
  a.add("x", Column::from_int64({1, 2}));
  a.add("c", Column::from_category({0, 1}, dictionary({"p", "q"})));
  b.add("x", Column::from_int64({3, 4}));
  b.add("c", Column::from_category({0, 1}, dictionary({"r", "p"})));
  c.add("x", Column::from_int64({5, 6}));
  c.add("c", Column::from_category({-1, 0}, dictionary({"q"})));
  const Frame whole = read(write({a, b, c}));
  EXPECT_THAT(cells(whole, 0), ElementsAre("1", "2", "3", "4", "5", "6"));
  EXPECT_EQ(whole.column(1).type(), ColumnType::kCategory);
  EXPECT_THAT(cells(whole, 1), ElementsAre("p", "q", "r", "p", "<missing>", "q"));
  EXPECT_EQ(whole.column(1).dictionary()->size(), 3);
}

TEST_P(ArrowFiles, StreamsInBatchesOfTheWantedSize) {
  std::vector<std::int64_t> values(10'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i);
  Frame frame;
  frame.add("i", Column::from_int64(values));
  frame.add("t", Column::from_texts(std::vector<std::optional<std::string>>(values.size(), "same")));
  ReadOptions options;
  options.batch_rows = 3000;
  const auto batches = stream(write({frame}), options);
  std::int64_t next = 0;
  for (const Frame& batch : batches) {
    EXPECT_LE(batch.n_rows(), 3000U);
    EXPECT_EQ(batch.column(1).type(), ColumnType::kText);
    for (const std::int64_t value : batch.column(0).int64s()) EXPECT_EQ(value, next++);
  }
  EXPECT_EQ(next, 10'000);
  EXPECT_GE(batches.size(), 4U);

  options.max_rows = 4000;
  std::size_t n_rows = 0;
  for (const Frame& batch : stream(path(), options)) n_rows += batch.n_rows();
  EXPECT_EQ(n_rows, 4000U);
  EXPECT_EQ(read(path(), options).n_rows(), 4000U);

  options = {};
  options.batch_bytes = 16 * 1000;  // 1000 rows of two columns
  EXPECT_EQ(stream(path(), options).front().n_rows(), 1000U);
}

TEST_P(ArrowFiles, ReadsTheWantedColumnsInTheWantedOrder) {
  ReadOptions options;
  options.columns = {"words", "whole"};
  const Frame some = read(write({all_types()}), options);
  EXPECT_THAT(some.names(), ElementsAre("words", "whole"));
  EXPECT_THAT(cells(some, 1), ElementsAre("1", "<missing>", "9007199254740993"));
  const auto opened = format().open(path(), options, {});
  EXPECT_THAT(opened->names(), ElementsAre("words", "whole"));
  EXPECT_THAT(opened->next()->names(), ElementsAre("words", "whole"));
  options.columns = {"wrods"};
  EXPECT_ERROR(read(path(), options), kData,
               AllOf(HasSubstr(path()), HasSubstr("has no column 'wrods'; did you mean 'words'?")));
}

TEST_P(ArrowFiles, TextsAreTypedLikeQuotedCells) {
  std::vector<std::optional<std::string>> colours, ids, days;
  for (int i = 0; i < 40; ++i) {
    colours.push_back(i % 2 ? "NA" : "blue");
    ids.push_back("id" + std::to_string(i));
    days.push_back("2024-02-" + std::to_string(10 + i % 19));
  }
  colours[3] = std::nullopt;
  Frame frame;
  frame.add("colour", Column::from_texts(colours));
  frame.add("id", Column::from_texts(ids));
  frame.add("day", Column::from_texts(days));
  const Frame whole = read(write({frame}));
  EXPECT_EQ(whole.column(0).type(), ColumnType::kCategory);
  EXPECT_EQ(whole.column(0).n_missing(), 1U);  // "NA" is a text here: the file says itself what is missing
  EXPECT_THAT(whole.column(0).dictionary()->levels(), ElementsAre("NA", "blue"));
  EXPECT_EQ(whole.column(1).type(), ColumnType::kText);
  EXPECT_EQ(whole.column(2).type(), ColumnType::kDate);
  ReadOptions options;
  options.missing_tokens = {"NA"};
  EXPECT_EQ(read(path(), options).column(0).n_missing(), 20U);
}

TEST_P(ArrowFiles, ForcedTypesAreObeyed) {
  ReadOptions options;
  options.types = {{"whole", "category"}, {"small", "float"}, {"yes", "text"}, {"words", "category"}};
  const Frame frame = read(write({all_types()}), options);
  EXPECT_EQ(frame.column("whole").type(), ColumnType::kCategory);
  EXPECT_THAT(cells(frame, 0), ElementsAre("1", "<missing>", "9007199254740993"));
  EXPECT_EQ(frame.column("small").type(), ColumnType::kFloat64);
  EXPECT_THAT(cells(frame, 2), ElementsAre("0.5", "<missing>", "3"));
  EXPECT_EQ(frame.column("yes").type(), ColumnType::kText);
  EXPECT_EQ(frame.column("words").type(), ColumnType::kCategory);
  EXPECT_EQ(frame.column("number").type(), ColumnType::kFloat64);

  options.types = {{"*", "text"}};
  for (const Frame& batch : stream(path(), options))
    for (std::size_t i = 0; i < batch.n_columns(); ++i) EXPECT_EQ(batch.column(i).type(), ColumnType::kText);

  options.types = {{"words", "int"}};
  EXPECT_ERROR(read(path(), options), kData,
               AllOf(HasSubstr("column 'words'"), HasSubstr("naïve"), HasSubstr("as int")));
  options.types = {{"number", "int"}};
  EXPECT_ERROR(read(path(), options), kData, AllOf(HasSubstr("column 'number'"), HasSubstr("'0.1' as int")));
  options.types = {{"wholes", "int"}};
  EXPECT_ERROR(read(path(), options), kInvalidParameter, HasSubstr("did you mean 'whole'?"));
}

TEST_P(ArrowFiles, AnEmptyTableComesBack) {
  Frame frame;
  frame.add("a", Column::from_int64({}));
  frame.add("b", Column::from_category({}, dictionary({"only"})));
  expect_equal(read(write({frame})), frame);
  EXPECT_EQ(read(write({})).n_columns(), 0U);
  const auto opened = format().open(write({frame}), {}, {});
  EXPECT_THAT(opened->names(), ElementsAre("a", "b"));
  while (const auto batch = opened->next()) EXPECT_EQ(batch->n_rows(), 0U);
}

TEST_P(ArrowFiles, TheSameWithSeveralThreads) {
  std::vector<double> values(100'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i));
  Frame frame;
  for (const char* name : {"a", "b", "c"}) frame.add(name, Column::from_float64(values));
  const auto file = write({frame.slice(0, 30'000), frame.slice(30'000, 70'000)});
  ThreadPool pool(4);
  Context context;
  context.pool = &pool;
  context.n_threads = 4;
  const Frame one = read(file), four = read(file, {}, context);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(std::ranges::equal(one.column(i).float64s(), four.column(i).float64s()));
  EXPECT_TRUE(std::ranges::equal(one.column(2).float64s(), values));
}

TEST_P(ArrowFiles, AFileIsKnownByItsFirstBytes) {
  const std::string bytes = read_text(write({all_types()}));
  EXPECT_TRUE(format().recognizes(bytes));
  EXPECT_FALSE(format().recognizes("a,b\n1,2\n"));
  EXPECT_FALSE(format().recognizes(""));
}

TEST_P(ArrowFiles, ADamagedFileIsRefusedWithItsName) {
  const std::string bytes = read_text(write({all_types()}));
  for (const std::size_t n : {std::size_t{0}, std::size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
    const auto cut = folder_.write("cut", std::string_view(bytes).substr(0, n));
    SCOPED_TRACE(n);
    EXPECT_ERROR(read(cut), kData, AllOf(HasSubstr(cut), HasSubstr("can not be read as")));
  }
  const auto other = folder_.write("other", "a,b\n1,2\n3,4\n5,6\n7,8\n");
  EXPECT_ERROR(read(other), kData, HasSubstr(other));
}

TEST_P(ArrowFiles, FlippedBytesNeverCrash) {
  const std::string bytes = read_text(write({all_types()}));
  for (std::size_t i = 0; i < bytes.size(); i += 37) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    const auto file = folder_.write("damaged", damaged);
    try {
      const Frame frame = read(file);  // a flipped cell is not noticed; whatever was read must be usable
      for (std::size_t c = 0; c < frame.n_columns(); ++c) EXPECT_EQ(cells(frame, c).size(), frame.n_rows());
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(file)) << i;
    }
  }
}

TEST_P(ArrowFiles, MissingFilesFoldersAndLimits) {
  EXPECT_ERROR(read(folder_.file("absent")), kNotFound, HasSubstr("absent"));
  EXPECT_THROW(read(folder_.path().string()), Error);
  ReadOptions options;
  options.memory_limit_bytes = 10;
  EXPECT_ERROR(read(write({all_types()}), options), kMemory,
               AllOf(HasSubstr(path()), HasSubstr("memory limit of 10 B")));
}

TEST_P(ArrowFiles, NothingIsLeftWithoutClose) {
  {
    const auto writer = format().create(path(), {}, {});
    writer->write(all_types());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_ERROR(format().create(folder_.file("no/such/folder.parquet"), {}, {}), kIo,
               HasSubstr("no/such/folder.parquet"));
}

TEST_P(ArrowFiles, AFullDiskIsReported) {
  if (!std::ofstream("/dev/full").is_open()) GTEST_SKIP() << "no /dev/full";
  const auto writer = format().create("/dev/full", {}, {});
  const auto fill = [&] {
    writer->write(all_types());
    writer->close();
  };
  EXPECT_ERROR(fill(), kIo, HasSubstr("/dev/full"));
}

TEST(ArrowStream, IsReadFromAFile) {
  if (const auto version = arrow_library_version(); !version) GTEST_SKIP() << version.error();
  // What the writer sends to the standard output.
  ArrowArray array{};
  ArrowSchema schema{};
  data::export_arrow(all_types(), &array, &schema);
  std::string bytes;
  const KolosalArrowSink sink{&bytes, [](void* text, const void* begin, std::size_t n) {
                                static_cast<std::string*>(text)->append(static_cast<const char*>(begin), n);
                                return 0;
                              }};
  KolosalArrowWriter* writer = nullptr;
  KolosalArrowError error{};
  ASSERT_EQ(arrow_library().create(&sink, "arrow_stream", &schema, &writer, &error), kKolosalArrowOk)
      << error.text;
  ASSERT_EQ(arrow_library().write(writer, &array, &error), kKolosalArrowOk) << error.text;
  ASSERT_EQ(arrow_library().close(writer, &error), kKolosalArrowOk) << error.text;
  arrow_library().free(writer);

  EXPECT_TRUE(arrow_format().recognizes(bytes));
  const TempFolder folder;
  const auto file = folder.write("table.arrows", bytes);
  ReadReport report;
  expect_equal(arrow_format().read(file, {}, {}, report), all_types());
  const auto stream = arrow_format().open(file, {}, {});
  const auto batch = stream->next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->n_rows(), 3U);
  EXPECT_FALSE(stream->next());
}

INSTANTIATE_TEST_SUITE_P(Formats, ArrowFiles, ::testing::Values("parquet", "arrow"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST(ArrowLibrary, TellsWhatIsMissingAndWhatToDo) {
  const TempFolder folder;
  const std::filesystem::path folders[] = {folder.path()};
  folder.write("libkolosal_arrow.so", "garbage");
  const auto broken = load_arrow_library(folders);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error(), AllOf(HasSubstr("can not be opened"), HasSubstr("libkolosal_arrow.so"),
                                    HasSubstr("libarrow.so.2600"), HasSubstr(folder.path().string()),
                                    HasSubstr("KOLOSAL_LIBRARY_PATH")));
}

}  // namespace
}  // namespace kolosal::io
