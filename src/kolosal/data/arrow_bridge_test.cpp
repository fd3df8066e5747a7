#include "kolosal/data/arrow_bridge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <deque>
#include <memory>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A producer of Arrow tables written against the specification alone, so that import is not only tested with
// our export. It counts how often it was released.
class Producer {
 public:
  Producer() = default;
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  template <typename T>
  const void* buffer(std::vector<T> values) {
    auto owned = std::make_shared<std::vector<T>>(std::move(values));
    owned_.push_back(owned);
    return owned->data();
  }
  const void* bits(const std::string& pattern) {  // "1011", row 0 first
    std::vector<std::uint8_t> out(pattern.size() / 8 + 1);
    for (std::size_t i = 0; i < pattern.size(); ++i)
      if (pattern[i] == '1') set_bit(out.data(), i);
    return buffer(out);
  }

  // A column; its struct may be changed until table() is called.
  ArrowArray& column(const char* name, const char* format, std::int64_t length,
                     std::vector<const void*> buffers) {
    auto& slots = buffers_.emplace_back(std::move(buffers));
    ArrowArray& array = arrays_.emplace_back();
    array = {length,  -1,           0,      static_cast<std::int64_t>(slots.size()), 0, slots.data(), nullptr,
             nullptr, ignore_array, nullptr};
    schemas_.push_back(
        {format, name, nullptr, ARROW_FLAG_NULLABLE, 0, nullptr, nullptr, ignore_schema, nullptr});
    return array;
  }
  // The column made last becomes the dictionary of the one before it.
  void make_dictionary() {
    ArrowArray& values = dictionaries_.emplace_back(arrays_.back());
    ArrowSchema& schema = dictionary_schemas_.emplace_back(schemas_.back());
    arrays_.pop_back();
    schemas_.pop_back();
    arrays_.back().dictionary = &values;
    schemas_.back().dictionary = &schema;
  }

  Frame import(std::int64_t n_rows, std::int64_t offset = 0, const void* valid = nullptr) {
    for (auto& array : arrays_) array_pointers_.push_back(&array);
    for (auto& schema : schemas_) schema_pointers_.push_back(&schema);
    const auto n = static_cast<std::int64_t>(arrays_.size());
    table_buffers_[0] = valid;
    ArrowArray table{n_rows,  -1,      offset, 1, n, table_buffers_, array_pointers_.data(),
                     nullptr, release, this};
    const ArrowSchema schema{"+s",          "",     nullptr, 0, n, schema_pointers_.data(), nullptr,
                             ignore_schema, nullptr};
    Frame out = import_arrow(&table, &schema);
    EXPECT_EQ(table.release, nullptr) << "the array was taken over";
    return out;
  }
  int n_released() const { return n_released_; }

 private:
  static void ignore_array(ArrowArray*) {}
  static void ignore_schema(ArrowSchema*) {}
  static void release(ArrowArray* array) {
    ++static_cast<Producer*>(array->private_data)->n_released_;
    array->release = nullptr;
  }

  std::deque<std::shared_ptr<void>> owned_;
  std::deque<std::vector<const void*>> buffers_;
  std::deque<ArrowArray> arrays_;
  std::deque<ArrowSchema> schemas_;
  std::deque<ArrowArray> dictionaries_;
  std::deque<ArrowSchema> dictionary_schemas_;
  std::vector<ArrowArray*> array_pointers_;
  std::vector<ArrowSchema*> schema_pointers_;
  const void* table_buffers_[1] = {};
  int n_released_ = 0;
};

std::vector<std::string> texts(const Column& column) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < column.size(); ++i)
    out.push_back(column.is_missing(i) ? "-" : column.cell_text(i));
  return out;
}

TEST(ArrowImport, WidensIntegers) {
  Producer p;
  const void* valid = p.bits("110");
  p.column("c", "c", 3, {valid, p.buffer<std::int8_t>({-1, 2, 3})});
  p.column("C", "C", 3, {valid, p.buffer<std::uint8_t>({255, 2, 3})});
  p.column("s", "s", 3, {valid, p.buffer<std::int16_t>({-300, 2, 3})});
  p.column("S", "S", 3, {valid, p.buffer<std::uint16_t>({65535, 2, 3})});
  p.column("i", "i", 3, {valid, p.buffer<std::int32_t>({-70000, 2, 3})});
  p.column("I", "I", 3, {valid, p.buffer<std::uint32_t>({4294967295U, 2, 3})});
  p.column("l", "l", 3, {valid, p.buffer<std::int64_t>({INT64_MIN, 2, 3})});
  p.column("L", "L", 3, {valid, p.buffer<std::uint64_t>({7, 2, UINT64_MAX})});
  p.column("huge", "L", 3, {valid, p.buffer<std::uint64_t>({UINT64_MAX, 2, 3})});
  const Frame frame = p.import(3);
  const char* want[] = {"-1", "255", "-300", "65535", "-70000", "4294967295", "-9223372036854775808", "7"};
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(frame.column(i).type(), ColumnType::kInt64);
    EXPECT_THAT(texts(frame.column(i)), ElementsAre(want[i], "2", "-"));
  }
  EXPECT_EQ(frame.column("huge").type(), ColumnType::kFloat64);
  EXPECT_EQ(frame.column("huge").number(0), 18446744073709551615.0);
}

TEST(ArrowImport, SharesBuffersThatFitAndReleasesOnce) {
  Producer p;
  const void* ints = p.buffer<std::int64_t>({1, 2, 3});
  const void* doubles = p.buffer<double>({1, 2, 3});
  const void* nulls = p.buffer<double>({1, 2, 3});
  const void* bytes = p.buffer<char>({'a', 'b', 'c'});
  p.column("int", "l", 3, {p.bits("101"), ints});
  p.column("float", "g", 3, {nullptr, doubles});
  p.column("missing", "g", 3, {p.bits("101"), nulls});
  p.column("text", "U", 3, {nullptr, p.buffer<std::int64_t>({0, 1, 1, 3}), bytes});
  Column kept;
  {
    const Frame frame = p.import(3);
    EXPECT_EQ(frame.column("int").int64s().data(), ints);
    EXPECT_EQ(frame.column("float").float64s().data(), doubles);
    EXPECT_NE(frame.column("missing").float64s().data(), nulls);
    EXPECT_EQ(frame.column("text").text_bytes(), bytes);
    EXPECT_THAT(texts(frame.column("int")), ElementsAre("1", "-", "3"));
    EXPECT_THAT(texts(frame.column("missing")), ElementsAre("1", "-", "3"));
    EXPECT_THAT(texts(frame.column("text")), ElementsAre("a", "", "bc"));
    kept = frame.column("text").slice(2, 1);
  }
  EXPECT_EQ(p.n_released(), 0);
  EXPECT_EQ(kept.text(0), "bc");
  kept = Column();
  EXPECT_EQ(p.n_released(), 1);
}

TEST(ArrowImport, CountsOffsetsOfTableAndColumn) {
  Producer p;
  p.column("int", "l", 5, {p.bits("1111011"), p.buffer<std::int64_t>({0, 1, 2, 3, 4, 5, 6})}).offset = 2;
  p.column("bool", "b", 5, {nullptr, p.bits("00001")});
  p.column("text", "u", 5,
           {p.bits("11011"), p.buffer<std::int32_t>({0, 1, 2, 3, 4, 5}),
            p.buffer<char>({'a', 'b', 'c', 'd', 'e'})});
  p.column("float", "f", 5, {nullptr, p.buffer<float>({0, 1, 2, 3, 4})});
  p.column("date", "tdD", 5, {nullptr, p.buffer<std::int32_t>({0, 1, 2, 3, 4})});
  const Frame frame = p.import(3, 2);
  EXPECT_THAT(texts(frame.column("int")), ElementsAre("-", "5", "6"));
  EXPECT_THAT(texts(frame.column("bool")), ElementsAre("false", "false", "true"));
  EXPECT_THAT(texts(frame.column("text")), ElementsAre("-", "d", "e"));
  EXPECT_THAT(texts(frame.column("float")), ElementsAre("2", "3", "4"));
  EXPECT_THAT(texts(frame.column("date")), ElementsAre("1970-01-03", "1970-01-04", "1970-01-05"));
}

TEST(ArrowImport, MissingRowsOfTheTableAreMissingInEveryColumn) {
  Producer p;
  p.column("int", "l", 3, {p.bits("110"), p.buffer<std::int64_t>({1, 2, 3})});
  p.column("float", "g", 3, {nullptr, p.buffer<double>({1, 2, 3})});
  const Frame frame = p.import(3, 0, p.bits("011"));
  EXPECT_THAT(texts(frame.column("int")), ElementsAre("-", "2", "-"));
  EXPECT_THAT(texts(frame.column("float")), ElementsAre("-", "2", "3"));
}

TEST(ArrowImport, ReadsFloatsOfEveryWidth) {
  Producer p;
  p.column("half", "e", 7,
           {nullptr, p.buffer<std::uint16_t>({0x3C00, 0xC000, 0x0001, 0x7C00, 0x7E00, 0x7BFF, 0x8000})});
  p.column("single", "f", 7, {p.bits("1111110"), p.buffer<float>({0.1F, 1, 2, 3, 4, 5, 6})});
  const Frame frame = p.import(7);
  const auto half = frame.column("half").float32s();
  EXPECT_THAT(half, Pointwise(NanSensitiveDoubleNear(0),
                              std::vector<double>{1, -2, 0x1p-24, HUGE_VAL, kNaN, 65504, 0}));
  EXPECT_TRUE(std::signbit(half[6]));
  EXPECT_THAT(texts(frame.column("single")), ElementsAre("0.1", "1", "2", "3", "4", "5", "-"));
}

TEST(ArrowImport, ReadsDecimalsAsTheNearestFloat) {
  Producer p;
  // 12345, -1, 2^64 (and 2^64 / 100 to 17 digits), a missing one, 10^38; low word first.
  p.column("d", "d:38,2", 5,
           {p.bits("11101"), p.buffer<std::uint64_t>({12345, 0, UINT64_MAX, UINT64_MAX, 0, 1, 9, 9,
                                                      0x098A223FFFFFFFFF, 0x4B3B4CA85A86C47A})});
  p.column("up", "d:9,-3,32", 5, {nullptr, p.buffer<std::int32_t>({1, -2, 0, 3, 4})});
  const Frame frame = p.import(5);
  EXPECT_THAT(texts(frame.column("d")), ElementsAre("123.45", "-0.01", "184467440737095520", "-", "1e+36"));
  EXPECT_THAT(texts(frame.column("up")), ElementsAre("1000", "-2000", "0", "3000", "4000"));
}

TEST(ArrowImport, ReadsTimesOfEveryUnit) {
  Producer p;
  p.column("day", "tdD", 2, {p.bits("10"), p.buffer<std::int32_t>({-1, INT32_MAX})});
  p.column("day64", "tdm", 2, {nullptr, p.buffer<std::int64_t>({-1, 86'400'000})});
  p.column("s", "tss:", 2, {nullptr, p.buffer<std::int64_t>({-1, 60})});
  p.column("ms", "tsm:Europe/Berlin", 2, {nullptr, p.buffer<std::int64_t>({-1, 60})});
  p.column("us", "tsu:UTC", 2, {nullptr, p.buffer<std::int64_t>({-1, 60})});
  p.column("ns", "tsn:", 2, {nullptr, p.buffer<std::int64_t>({-1, 60})});
  const Frame frame = p.import(2);
  EXPECT_THAT(texts(frame.column("day")), ElementsAre("1969-12-31", "-"));
  EXPECT_THAT(texts(frame.column("day64")), ElementsAre("1969-12-31", "1970-01-02"));
  EXPECT_THAT(texts(frame.column("s")), ElementsAre("1969-12-31T23:59:59", "1970-01-01T00:01:00"));
  EXPECT_THAT(texts(frame.column("ms")), ElementsAre("1969-12-31T23:59:59.999", "1970-01-01T00:00:00.060"));
  EXPECT_THAT(texts(frame.column("us")),
              ElementsAre("1969-12-31T23:59:59.999999", "1970-01-01T00:00:00.000060"));
  EXPECT_THAT(frame.column("ns").int64s(), ElementsAre(-1, 60));
}

TEST(ArrowImport, ReadsTextViews) {
  const std::string shared = "a text that is longer than twelve bytes";
  std::vector<char> views(48, 0);
  const std::int32_t inline_length = 3;
  std::memcpy(views.data(), &inline_length, 4);
  std::memcpy(views.data() + 4, "abc", 3);
  const std::int32_t far[4] = {20, 0, 0, 7};
  std::memcpy(views.data() + 32, far, sizeof far);
  Producer p;
  p.column("v", "vu", 3,
           {p.bits("101"), p.buffer(views), p.buffer(std::vector<char>(shared.begin(), shared.end())),
            p.buffer<std::int64_t>({static_cast<std::int64_t>(shared.size())})});
  const Frame frame = p.import(3);
  EXPECT_THAT(texts(frame.column("v")), ElementsAre("abc", "-", shared.substr(7, 20)));
}

TEST(ArrowImport, MakesCategoriesOfDictionaries) {
  Producer p;
  const void* codes = p.buffer<std::int32_t>({1, 0, 1, 1});
  p.column("plain", "i", 4, {nullptr, codes});
  p.column("", "u", 2, {nullptr, p.buffer<std::int32_t>({0, 1, 3}), p.buffer<char>({'x', 'y', 'y'})});
  p.make_dictionary();
  // A dictionary with a twin and a null, which ours can not have.
  p.column("odd", "C", 4, {p.bits("1101"), p.buffer<std::uint8_t>({3, 1, 200, 0})});
  p.column("", "U", 4,
           {p.bits("1011"), p.buffer<std::int64_t>({0, 1, 2, 3, 4}), p.buffer<char>({'a', '?', 'b', 'a'})});
  p.make_dictionary();
  p.column("packed", "s", 4, {p.bits("1110"), p.buffer<std::int16_t>({1, 0, 1, 9})});
  p.column("", "g", 2, {p.bits("10"), p.buffer<double>({2.5, 3.5})});
  p.make_dictionary();
  p.column("packed_int", "s", 4, {p.bits("1110"), p.buffer<std::int16_t>({1, 0, 1, 9})});
  p.column("", "l", 2, {nullptr, p.buffer<std::int64_t>({25, 35})});
  p.make_dictionary();
  const Frame frame = p.import(4);
  EXPECT_EQ(frame.column("plain").type(), ColumnType::kCategory);
  EXPECT_EQ(frame.column("plain").codes().data(), codes);
  EXPECT_THAT(texts(frame.column("plain")), ElementsAre("yy", "x", "yy", "yy"));
  EXPECT_THAT(texts(frame.column("odd")), ElementsAre("a", "-", "-", "a"));
  EXPECT_THAT(frame.column("odd").dictionary()->levels(), ElementsAre("a", "b"));
  EXPECT_THAT(texts(frame.column("packed_int")), ElementsAre("35", "25", "35", "-"));
  EXPECT_EQ(frame.column("packed").type(), ColumnType::kFloat64);
  EXPECT_THAT(texts(frame.column("packed")), ElementsAre("-", "2.5", "-", "-"));
}

TEST(ArrowImport, ReadsNullColumnsAndEmptyTables) {
  {
    Producer p;
    p.column("n", "n", 2, {});
    EXPECT_THAT(texts(p.import(2).column("n")), ElementsAre("-", "-"));
  }
  Producer p;
  p.column("i", "i", 0, {nullptr, nullptr});
  p.column("b", "b", 0, {nullptr, nullptr});
  p.column("t", "u", 0, {nullptr, nullptr, nullptr});
  p.column("l", "l", 0, {nullptr, nullptr});
  const Frame frame = p.import(0);
  EXPECT_EQ(frame.n_rows(), 0U);
  EXPECT_EQ(frame.n_columns(), 4U);
}

TEST(ArrowImport, NamesTheColumnThatItCanNotRead) {
  const auto refuses = [](auto fill, auto message) {
    Producer p;
    fill(p);
    EXPECT_ERROR(p.import(2), kData, message);
    EXPECT_EQ(p.n_released(), 1) << "released, since it was taken over";
  };
  refuses([](Producer& p) { p.column("tags", "+l", 2, {nullptr, p.buffer<std::int32_t>({0, 0, 0})}); },
          AllOf(HasSubstr("'tags'"), HasSubstr("list"), HasSubstr("'+l'")));
  refuses([](Producer& p) { p.column("blob", "z", 2, {nullptr, nullptr, nullptr}); },
          AllOf(HasSubstr("'blob'"), HasSubstr("binary")));
  refuses([](Producer& p) { p.column("took", "tDs", 2, {nullptr, nullptr}); }, HasSubstr("duration"));
  refuses([](Producer& p) { p.column("day", "tdD", 2, {nullptr, p.buffer<std::int32_t>({0, INT32_MAX})}); },
          AllOf(HasSubstr("'day'"), HasSubstr("row 2")));
  refuses(
      [](Producer& p) {
        p.column("t", "u", 2, {nullptr, p.buffer<std::int32_t>({0, 1, 2}), p.buffer<char>({'a', '\xE9'})});
      },
      AllOf(HasSubstr("'t'"), HasSubstr("UTF-8"), HasSubstr("row 2")));
  refuses(
      [](Producer& p) {
        p.column("t", "u", 2, {nullptr, p.buffer<std::int32_t>({0, 2, 1}), p.buffer<char>({'a', 'b'})});
      },
      HasSubstr("offsets"));
  // Two halves of one character: valid together, not apart.
  refuses(
      [](Producer& p) {
        p.column("t", "u", 2, {nullptr, p.buffer<std::int32_t>({0, 1, 2}), p.buffer<char>({'\xC3', '\xA9'})});
      },
      HasSubstr("row 1"));
  refuses(
      [](Producer& p) {
        p.column("c", "i", 2, {nullptr, p.buffer<std::int32_t>({0, 5})});
        p.column("", "u", 1, {nullptr, p.buffer<std::int32_t>({0, 1}), p.buffer<char>({'a'})});
        p.make_dictionary();
      },
      AllOf(HasSubstr("'c'"), HasSubstr("row 2")));
  refuses([](Producer& p) { p.column("short", "l", 1, {nullptr, p.buffer<std::int64_t>({1})}); },
          HasSubstr("'short'"));
  refuses([](Producer& p) { p.column("gone", "l", 2, {nullptr, nullptr}); }, HasSubstr("'gone'"));
  refuses(
      [](Producer& p) {
        p.column("x", "l", 2, {nullptr, p.buffer<std::int64_t>({1, 2})});
        p.column("x", "l", 2, {nullptr, p.buffer<std::int64_t>({1, 2})});
      },
      HasSubstr("two columns named 'x'"));
}

Frame one_of_each() {
  const Bitmap valid{0b1101};
  const auto dictionary = std::make_shared<const Dictionary>(std::vector<std::string>{"a", "b"});
  return {{"bool", "int", "float", "float32", "category", "text", "date", "timestamp", "full"},
          {Column::from_bool({1, 0, 0, 1}, valid), Column::from_int64({7, 0, -3, 12}, valid),
           Column::from_float64({0.5, kNaN, -3, 1e30}),
           Column::from_float32({0.1F, static_cast<float>(kNaN), 3, 4}),
           Column::from_category({1, kMissingCode, 0, 1}, dictionary),
           Column::from_texts({"x", std::nullopt, "", "ü"}),
           Column::from_date({0, 0, kNanosecondsPerDay, -kNanosecondsPerDay}, valid),
           Column::from_timestamp({1, 0, 1'000'000'000, -1}, valid),
           Column::from_category({1, 1, 0, 1}, dictionary)}};
}

void expect_same(const Frame& got, const Frame& want) {
  ASSERT_EQ(got.names(), want.names());
  for (std::size_t i = 0; i < got.n_columns(); ++i) {
    EXPECT_EQ(got.column(i).type(), want.column(i).type()) << got.name(i);
    EXPECT_EQ(texts(got.column(i)), texts(want.column(i))) << got.name(i);
  }
}

TEST(ArrowExport, IsReadBackAlsoFromSlices) {
  for (const auto& [offset, n] : {std::pair{0, 4}, {1, 3}, {1, 1}, {3, 1}, {4, 0}}) {
    const Frame frame = one_of_each().slice(static_cast<std::size_t>(offset), static_cast<std::size_t>(n));
    ArrowArray array;
    ArrowSchema schema;
    export_arrow(frame, &array, &schema);
    EXPECT_EQ(array.length, n);
    const Frame back = import_arrow(&array, &schema);
    schema.release(&schema);
    expect_same(back, frame);
  }
}

TEST(ArrowExport, SharesBuffersAndKeepsThemAlive) {
  ArrowArray array;
  ArrowSchema schema;
  const void* ints = nullptr;
  {
    const Frame frame = one_of_each();
    ints = frame.column("int").int64s().data();
    export_arrow(frame, &array, &schema);
  }
  EXPECT_EQ(array.children[1]->buffers[1], ints);
  EXPECT_EQ(array.children[1]->null_count, 1);
  EXPECT_STREQ(schema.children[4]->format, "i");
  EXPECT_STREQ(schema.children[4]->dictionary->format, "U");
  const Frame back = import_arrow(&array, &schema);
  schema.release(&schema);
  EXPECT_EQ(schema.release, nullptr);
  EXPECT_EQ(back.column("int").int64s().data(), ints);
  expect_same(back, one_of_each());
}

TEST(ArrowExport, ChildrenMayBeMovedOut) {
  ArrowArray array;
  ArrowSchema schema;
  export_arrow(one_of_each(), &array, &schema);
  ArrowArray moved = *array.children[5];
  array.children[5]->release = nullptr;
  array.release(&array);
  EXPECT_EQ(array.release, nullptr);
  const auto* offsets = static_cast<const std::int64_t*>(moved.buffers[1]);
  EXPECT_EQ(std::string(static_cast<const char*>(moved.buffers[2]), static_cast<std::size_t>(offsets[4])),
            "xü");
  moved.release(&moved);
  schema.release(&schema);
}

TEST(ArrowExport, RefusesSparseColumnsByName) {
  Frame frame = one_of_each().slice(0, 1);
  frame.add("hashed", Column::from_sparse({0, 0}, {}, {}, 8));
  ArrowArray array;
  ArrowSchema schema;
  EXPECT_ERROR(export_arrow(frame, &array, &schema), kUnsupported, HasSubstr("'hashed'"));
}

}  // namespace
}  // namespace kolosal::data
