#include "kolosal/artifact/protobuf_wire.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>
#include <string>

#include "kolosal/core/error.hpp"

namespace kolosal::artifact {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

/// Reads all fields, messages in messages too where the bytes allow it; gives their number.
std::size_t read_all(ProtobufReader reader) {
  std::size_t n = 0;
  while (const auto field = reader.next()) {
    ++n;
    if (field->type() != WireType::kBytes) continue;
    try {
      n += read_all(field->message());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kModel);
    }
  }
  return n;
}

// The examples of the documentation of the encoding.
TEST(ProtobufWire, WritesTheDocumentedBytes) {
  ProtobufWriter number;
  number.add_integer(1, 150);
  EXPECT_EQ(number.bytes(), bytes_of({0x08, 0x96, 0x01}));

  ProtobufWriter text;
  text.add_text(2, "testing");
  EXPECT_EQ(text.bytes(), bytes_of({0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g'}));

  ProtobufWriter nested;
  nested.add_message(3, number);
  EXPECT_EQ(nested.bytes(), bytes_of({0x1a, 0x03, 0x08, 0x96, 0x01}));

  ProtobufWriter packed;
  packed.add_packed(6, std::vector<std::int64_t>{3, 270, 86942});
  EXPECT_EQ(packed.bytes(), bytes_of({0x32, 0x06, 0x03, 0x8E, 0x02, 0x9E, 0xA7, 0x05}));

  ProtobufWriter negative;
  negative.add_integer(1, -2);
  EXPECT_EQ(negative.bytes(), bytes_of({0x08, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}));
}

TEST(ProtobufWire, ReadsBackWhatItWrote) {
  const std::vector<std::int64_t> integers{
      0, -1, 127, 128, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  const std::vector<float> floats{1.5F, -0.0F, std::numeric_limits<float>::infinity()};
  const std::vector<double> doubles{0.1, 1e300};
  ProtobufWriter inner;
  inner.add_text(1, "name");
  ProtobufWriter writer;
  writer.add_packed(1, integers);
  writer.add_packed(2, floats);
  writer.add_packed(3, doubles);
  writer.add_float32(4, 2.5F);
  writer.add_float64(5, -0.1);
  writer.add_message(536870911, inner);

  std::vector<std::int64_t> read_integers;
  std::vector<float> read_floats;
  std::vector<double> read_doubles;
  std::string name;
  ProtobufReader reader(writer.bytes());
  while (const auto field = reader.next()) switch (field->number()) {
      case 1:
        field->append_to(read_integers);
        break;
      case 2:
        field->append_to(read_floats);
        break;
      case 3:
        field->append_to(read_doubles);
        break;
      case 4:
        EXPECT_EQ(field->float32(), 2.5F);
        break;
      case 5:
        EXPECT_EQ(field->float64(), -0.1);
        break;
      default: {
        EXPECT_EQ(field->number(), 536870911U);
        ProtobufReader message = field->message();
        name = message.next().value().text();
        EXPECT_FALSE(message.next());
      }
    }
  EXPECT_EQ(read_integers, integers);
  EXPECT_EQ(read_floats, floats);
  EXPECT_EQ(read_doubles, doubles);
  EXPECT_EQ(name, "name");
}

TEST(ProtobufWire, TakesRepeatedNumbersThatAreNotPacked) {
  ProtobufWriter writer;
  for (const int value : {3, 270, -5}) writer.add_integer(6, value);
  std::vector<std::int64_t> values;
  ProtobufReader reader(writer.bytes());
  while (const auto field = reader.next()) field->append_to(values);
  EXPECT_EQ(values, (std::vector<std::int64_t>{3, 270, -5}));
}

TEST(ProtobufWire, EmptyListsAreNotWritten) {
  ProtobufWriter writer;
  writer.add_packed(1, std::span<const float>());
  EXPECT_TRUE(writer.bytes().empty());
  EXPECT_FALSE(ProtobufReader(writer.bytes()).next());
}

TEST(ProtobufWire, RefusesBytesThatAreNoMessage) {
  const std::vector<std::byte> cases[] = {
      bytes_of({0x08}),             // a field without its value
      bytes_of({0x08, 0x96}),       // a number that does not end
      bytes_of({0x12, 0x07, 't'}),  // a text of 7 bytes with one
      bytes_of({0x09, 1, 2, 3}),    // 64 bits with 24
      bytes_of({0x0d, 1, 2}),       // 32 bits with 16
      bytes_of({0x0b}),             // a group
      bytes_of({0x0f, 0}),          // a kind that there is not
      bytes_of({0x00, 0}),          // field 0
      bytes_of({0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}),  // of 2^64 - 1 bytes
      bytes_of({0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}),
  };
  for (const auto& bytes : cases) {
    ProtobufReader reader(bytes);
    try {
      reader.next();
      ADD_FAILURE() << "taken: case " << &bytes - cases;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kModel);
    }
  }
}

TEST(ProtobufWire, RefusesAValueOfAnotherKind) {
  ProtobufWriter writer;
  writer.add_integer(1, 5);
  writer.add_text(2, "abc");
  ProtobufReader reader(writer.bytes());
  const auto number = reader.next(), text = reader.next();
  std::vector<float> floats;
  EXPECT_THROW(number->text(), Error);
  EXPECT_THROW(number->float32(), Error);
  EXPECT_THROW(number->float64(), Error);
  EXPECT_THROW(number->message(), Error);
  EXPECT_THROW(text->integer(), Error);
  EXPECT_THROW(text->append_to(floats), Error);  // 3 bytes are no list of float32
}

TEST(ProtobufWire, RefusesMessagesNestedTooDeeply) {
  ProtobufWriter writer;
  for (std::size_t i = 0; i <= ProtobufReader::kMaxDepth; ++i) {
    ProtobufWriter outer;
    outer.add_message(1, writer);
    writer = outer;
  }
  ProtobufReader reader(writer.bytes());
  for (std::size_t i = 0; i < ProtobufReader::kMaxDepth; ++i) reader = reader.next()->message();
  const auto last = reader.next();
  EXPECT_THROW(last->message(), Error);
}

TEST(ProtobufWire, EveryCutIsAnErrorOrAShorterMessage) {
  ProtobufWriter inner;
  inner.add_text(1, "some text");
  inner.add_float64(2, 0.5);
  ProtobufWriter writer;
  writer.add_integer(1, 1 << 20);
  writer.add_message(2, inner);
  writer.add_packed(3, std::vector<std::int64_t>{1, 1000, -1});
  const std::size_t whole = read_all(ProtobufReader(writer.bytes()));
  for (std::size_t n = 0; n < writer.bytes().size(); ++n) {
    try {
      EXPECT_LT(read_all(ProtobufReader(std::span(writer.bytes()).first(n))), whole);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kModel);
    }
  }
}

}  // namespace
}  // namespace kolosal::artifact
