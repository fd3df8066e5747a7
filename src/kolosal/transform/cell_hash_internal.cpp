#include "kolosal/transform/cell_hash_internal.hpp"

#include <bit>
#include <cmath>
#include <string_view>

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

constexpr std::uint64_t kMissingHash = 0x5bd1e9955bd1e995ULL;

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return mix(hash);
}

enum class Kind { kNumber, kTime, kText, kSparse };

Kind kind_of(ColumnType type) {
  switch (type) {
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      return Kind::kTime;
    case ColumnType::kCategory:
    case ColumnType::kText:
      return Kind::kText;
    case ColumnType::kSparse:
      return Kind::kSparse;
    default:
      return Kind::kNumber;
  }
}

std::string_view text_of(const Column& column, std::size_t row) {
  if (column.type() == ColumnType::kText) return column.text(row);
  return column.dictionary()->level(column.codes()[row]);
}

}  // namespace

std::uint64_t cell_hash(const Column& column, std::size_t row) {
  if (column.is_missing(row)) return kMissingHash;
  switch (kind_of(column.type())) {
    case Kind::kText:
      return hash_text(text_of(column, row));
    case Kind::kTime:
      return mix(static_cast<std::uint64_t>(column.int64s()[row]));
    default:
      return mix(std::bit_cast<std::uint64_t>(column.number(row) + 0.0));  // + 0.0: -0 is 0
  }
}

bool same_cell(const Column& a, const Column& b, std::size_t row_a, std::size_t row_b) {
  const bool missing = a.is_missing(row_a);
  if (missing || b.is_missing(row_b)) return missing && b.is_missing(row_b);
  if (kind_of(a.type()) == Kind::kText) return text_of(a, row_a) == text_of(b, row_b);
  const auto whole = [](const Column& c) {
    return c.type() == ColumnType::kInt64 || kind_of(c.type()) == Kind::kTime;
  };
  if (whole(a) && whole(b)) return a.int64s()[row_a] == b.int64s()[row_b];
  return a.number(row_a) == b.number(row_b);
}

bool comparable(ColumnType a, ColumnType b) {
  return kind_of(a) == kind_of(b) && kind_of(a) != Kind::kSparse;
}

}  // namespace kolosal::transform
