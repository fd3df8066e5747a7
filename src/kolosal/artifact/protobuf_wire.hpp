#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::artifact {

/// How a field's value is stored. Groups (3 and 4) are obsolete and refused.
enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class ProtobufReader;

/// One field of a message: its number and its value, which is read as what the message's description says it
/// is. Views point into the message.
///
/// Errors: kModel when the value is stored as another kind.
class ProtobufField {
 public:
  std::uint32_t number() const { return number_; }
  WireType type() const { return type_; }

  /// int32, int64, uint32, uint64, bool and enumerations.
  std::int64_t integer() const;
  float float32() const;
  double float64() const;
  std::span<const std::byte> bytes() const;
  /// Text is given as it is stored: it need not be UTF-8.
  std::string_view text() const;
  ProtobufReader message() const;

  /// Repeated numbers: writers store them one by one or packed into one field, and readers must take both.
  void append_to(std::vector<std::int64_t>& out) const;
  void append_to(std::vector<float>& out) const;
  void append_to(std::vector<double>& out) const;

 private:
  friend class ProtobufReader;
  void require(WireType type) const;

  std::uint32_t number_ = 0;
  WireType type_ = WireType::kVarint;
  std::uint64_t bits_ = 0;
  std::span<const std::byte> bytes_;
  std::size_t depth_ = 0;
};

/// Reads a message of Protocol Buffers without its description: field by field, in the order of the bytes.
/// Every length is checked before it is used and nothing is allocated, so the bytes may be anything.
///
/// Errors: kModel for bytes that are no message, and for messages in messages deeper than kMaxDepth.
/// Source: "Encoding", Protocol Buffers documentation.
class ProtobufReader {
 public:
  static constexpr std::size_t kMaxDepth = 64;

  explicit ProtobufReader(std::span<const std::byte> message) : ProtobufReader(message, 0) {}

  /// The next field; nothing at the end of the message.
  std::optional<ProtobufField> next();

 private:
  friend class ProtobufField;
  ProtobufReader(std::span<const std::byte> message, std::size_t depth);

  std::span<const std::byte> rest_;
  std::size_t depth_;
};

/// Writes a message of Protocol Buffers, field by field; the same calls give the same bytes.
class ProtobufWriter {
 public:
  /// int32, int64, uint32, uint64, bool and enumerations.
  void add_integer(std::uint32_t number, std::int64_t value);
  void add_float32(std::uint32_t number, float value);
  void add_float64(std::uint32_t number, double value);
  void add_text(std::uint32_t number, std::string_view text);
  void add_bytes(std::uint32_t number, std::span<const std::byte> bytes);
  void add_message(std::uint32_t number, const ProtobufWriter& message);

  /// Repeated numbers, packed into one field; none when there are no values.
  void add_packed(std::uint32_t number, std::span<const std::int64_t> values);
  void add_packed(std::uint32_t number, std::span<const float> values);
  void add_packed(std::uint32_t number, std::span<const double> values);

  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  void add_varint(std::uint64_t value);
  void add_tag(std::uint32_t number, WireType type);
  void add_raw(const void* data, std::size_t n_bytes);

  std::vector<std::byte> bytes_;
};

}  // namespace kolosal::artifact
