#include "kolosal/artifact/protobuf_wire.hpp"

#include <bit>
#include <cstring>

#include "kolosal/core/error.hpp"

namespace kolosal::artifact {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::uint64_t kMaxFieldNumber = (std::uint64_t{1} << 29) - 1;

[[noreturn]] void damaged(std::string_view what) {
  throw Error(ErrorCode::kModel, "the message is damaged: {}", what);
}

std::span<const std::byte> take(std::span<const std::byte>& rest, std::uint64_t n) {
  if (n > rest.size()) damaged("it ends too early");
  const auto out = rest.first(static_cast<std::size_t>(n));
  rest = rest.subspan(static_cast<std::size_t>(n));
  return out;
}

std::uint64_t take_varint(std::span<const std::byte>& rest) {
  std::uint64_t out = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<std::uint64_t>(take(rest, 1).front());
    out |= (byte & 0x7F) << shift;
    if (byte < 0x80) return out;
  }
  damaged("a number has more than 10 bytes");
}

template <typename T>
std::uint64_t take_fixed(std::span<const std::byte>& rest) {
  T out;
  std::memcpy(&out, take(rest, sizeof out).data(), sizeof out);
  return out;
}

template <typename T>
void append_packed(std::span<const std::byte> bytes, std::vector<T>& out) {
  if (bytes.size() % sizeof(T) != 0) damaged("a list of numbers has a part of one");
  if (bytes.empty()) return;
  const std::size_t before = out.size();
  out.resize(before + bytes.size() / sizeof(T));
  std::memcpy(out.data() + before, bytes.data(), bytes.size());
}

std::size_t varint_bytes(std::uint64_t value) {
  return value == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}

}  // namespace

// ---- Reading --------------------------------------------------------------------------------------------

ProtobufReader::ProtobufReader(std::span<const std::byte> message, std::size_t depth)
    : rest_(message), depth_(depth) {
  if (depth > kMaxDepth) damaged("it is nested too deeply");
}

std::optional<ProtobufField> ProtobufReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::uint64_t tag = take_varint(rest_);
  if (tag >> 3 == 0 || tag >> 3 > kMaxFieldNumber) damaged(fmt::format("there is no field {}", tag >> 3));
  ProtobufField out;
  out.number_ = static_cast<std::uint32_t>(tag >> 3);
  out.type_ = static_cast<WireType>(tag & 7);
  out.depth_ = depth_;
  switch (out.type_) {
    case WireType::kVarint:
      out.bits_ = take_varint(rest_);
      return out;
    case WireType::kFixed64:
      out.bits_ = take_fixed<std::uint64_t>(rest_);
      return out;
    case WireType::kBytes:
      out.bytes_ = take(rest_, take_varint(rest_));
      return out;
    case WireType::kFixed32:
      out.bits_ = take_fixed<std::uint32_t>(rest_);
      return out;
  }
  damaged(fmt::format("field {} is stored in the unknown way {}", out.number_, tag & 7));
}

void ProtobufField::require(WireType type) const {
  if (type_ == type) return;
  damaged(fmt::format("field {} is stored in way {} instead of {}", number_, static_cast<unsigned>(type_),
                      static_cast<unsigned>(type)));
}

std::int64_t ProtobufField::integer() const {
  require(WireType::kVarint);
  return static_cast<std::int64_t>(bits_);
}

float ProtobufField::float32() const {
  require(WireType::kFixed32);
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits_));
}

double ProtobufField::float64() const {
  require(WireType::kFixed64);
  return std::bit_cast<double>(bits_);
}

std::span<const std::byte> ProtobufField::bytes() const {
  require(WireType::kBytes);
  return bytes_;
}

std::string_view ProtobufField::text() const {
  const auto content = bytes();
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

ProtobufReader ProtobufField::message() const { return {bytes(), depth_ + 1}; }

void ProtobufField::append_to(std::vector<std::int64_t>& out) const {
  if (type_ != WireType::kBytes) return out.push_back(integer());
  for (auto rest = bytes_; !rest.empty();) out.push_back(static_cast<std::int64_t>(take_varint(rest)));
}

void ProtobufField::append_to(std::vector<float>& out) const {
  if (type_ != WireType::kBytes) return out.push_back(float32());
  append_packed(bytes_, out);
}

void ProtobufField::append_to(std::vector<double>& out) const {
  if (type_ != WireType::kBytes) return out.push_back(float64());
  append_packed(bytes_, out);
}

// ---- Writing --------------------------------------------------------------------------------------------

void ProtobufWriter::add_varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<std::byte>((value & 0x7F) | 0x80));
  bytes_.push_back(static_cast<std::byte>(value));
}

void ProtobufWriter::add_tag(std::uint32_t number, WireType type) {
  KOLOSAL_ASSERT(number > 0 && number <= kMaxFieldNumber, "fields are numbered from 1");
  add_varint(std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type));
}

void ProtobufWriter::add_raw(const void* data, std::size_t n_bytes) {
  const auto* first = static_cast<const std::byte*>(data);
  if (n_bytes > 0) bytes_.insert(bytes_.end(), first, first + n_bytes);
}

void ProtobufWriter::add_integer(std::uint32_t number, std::int64_t value) {
  add_tag(number, WireType::kVarint);
  add_varint(static_cast<std::uint64_t>(value));
}

void ProtobufWriter::add_float32(std::uint32_t number, float value) {
  add_tag(number, WireType::kFixed32);
  add_raw(&value, sizeof value);
}

void ProtobufWriter::add_float64(std::uint32_t number, double value) {
  add_tag(number, WireType::kFixed64);
  add_raw(&value, sizeof value);
}

void ProtobufWriter::add_bytes(std::uint32_t number, std::span<const std::byte> bytes) {
  add_tag(number, WireType::kBytes);
  add_varint(bytes.size());
  add_raw(bytes.data(), bytes.size());
}

void ProtobufWriter::add_text(std::uint32_t number, std::string_view text) {
  add_bytes(number, std::as_bytes(std::span(text)));
}

void ProtobufWriter::add_message(std::uint32_t number, const ProtobufWriter& message) {
  add_bytes(number, message.bytes_);
}

void ProtobufWriter::add_packed(std::uint32_t number, std::span<const std::int64_t> values) {
  if (values.empty()) return;
  std::size_t n_bytes = 0;
  for (const std::int64_t value : values) n_bytes += varint_bytes(static_cast<std::uint64_t>(value));
  add_tag(number, WireType::kBytes);
  add_varint(n_bytes);
  for (const std::int64_t value : values) add_varint(static_cast<std::uint64_t>(value));
}

void ProtobufWriter::add_packed(std::uint32_t number, std::span<const float> values) {
  if (!values.empty()) add_bytes(number, std::as_bytes(values));
}

void ProtobufWriter::add_packed(std::uint32_t number, std::span<const double> values) {
  if (!values.empty()) add_bytes(number, std::as_bytes(values));
}

}  // namespace kolosal::artifact
