#include "kolosal/transform/term_table_internal.hpp"

#include <bit>
#include <cstring>

namespace kolosal::transform {
namespace {

// Multiplies to 128 bits and folds: every bit of both goes into every bit of the result.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <typename T>
std::uint64_t load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// n <= 8 bytes and zeros behind them, by loads that overlap: no byte beyond them is read.
std::uint64_t up_to_8_bytes(const char* at, std::size_t n) {
  if (n == 8) return load<std::uint64_t>(at);
  if (n >= 4) return load<std::uint32_t>(at) | load<std::uint32_t>(at + n - 4) << 8 * (n - 4);
  if (n == 0) return 0;
  return load<std::uint8_t>(at) | load<std::uint8_t>(at + n / 2) << 8 * (n / 2) |
         load<std::uint8_t>(at + n - 1) << 8 * (n - 1);
}

}  // namespace

// The hash never leaves the process, so the order of bytes of the machine does not matter.
std::uint64_t TermTable::hash(std::string_view term) {
  constexpr std::uint64_t kFirst = 0xa0761d6478bd642fULL, kSecond = 0xe7037ed1a0b428dbULL;
  const char* at = term.data();
  std::size_t n = term.size();
  std::uint64_t hash = kFirst ^ n;
  for (; n > 8; n -= 8, at += 8) hash = fold(hash ^ load<std::uint64_t>(at), kSecond);
  return fold(hash ^ up_to_8_bytes(at, n), kSecond ^ kFirst << 1);
}

std::uint64_t TermTable::first_bytes(std::string_view term) {
  return up_to_8_bytes(term.data(), term.size() < 8 ? term.size() : 8);
}

void TermTable::grow(std::size_t n_slots) {
  slots_.assign(n_slots, {});
  const std::size_t mask = n_slots - 1;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    std::size_t at = terms_[i].hash & mask;
    while (slots_[at].number != kNone) at = (at + 1) & mask;
    const std::string_view text = term(static_cast<std::uint32_t>(i));
    slots_[at] = {first_bytes(text), static_cast<std::uint32_t>(i), tag(text, terms_[i].hash)};
  }
}

void TermTable::reserve(std::size_t n_terms) {
  terms_.reserve(n_terms);
  if (2 * n_terms > slots_.size()) grow(std::bit_ceil(2 * n_terms + 1));
}

std::uint32_t TermTable::add(std::string_view term, std::uint64_t hash) {
  if (2 * (terms_.size() + 1) > slots_.size()) grow(slots_.empty() ? 256 : 2 * slots_.size());
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t first = first_bytes(term);
  const std::uint32_t tag = TermTable::tag(term, hash);
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.number == kNone) {
      slot = {first, static_cast<std::uint32_t>(terms_.size()), tag};
      terms_.push_back({hash, bytes_.size(), static_cast<std::uint32_t>(term.size())});
      bytes_.append(term);
      return slot.number;
    }
    if (is_at(slot, term, first, tag)) return slot.number;
  }
}

std::uint32_t TermTable::find(std::string_view term, std::uint64_t hash) const {
  if (slots_.empty()) return kNone;
  const std::size_t mask = slots_.size() - 1;
  const std::uint64_t first = first_bytes(term);
  const std::uint32_t tag = TermTable::tag(term, hash);
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.number == kNone) return kNone;
    if (is_at(slot, term, first, tag)) return slot.number;
  }
}

}  // namespace kolosal::transform
