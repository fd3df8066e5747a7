#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::transform {

/// Numbers terms (texts) 0, 1, ... in the order in which they come. Several times faster than a map of
/// strings: one array of slots, one buffer of bytes.
class TermTable {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  static std::uint64_t hash(std::string_view term);
  /// The number of a term, which is added when it is new.
  std::uint32_t add(std::string_view term) { return add(term, hash(term)); }
  std::uint32_t add(std::string_view term, std::uint64_t hash);
  /// kNone when it is not there.
  std::uint32_t find(std::string_view term) const { return find(term, hash(term)); }
  std::uint32_t find(std::string_view term, std::uint64_t hash) const;

  /// Asks for the memory that add() and find() of a term of this hash will look at.
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }

  std::size_t size() const { return terms_.size(); }
  std::string_view term(std::uint32_t number) const {
    const Term& term = terms_[number];
    return std::string_view(bytes_).substr(term.begin, term.n_bytes);
  }
  std::uint64_t hash_of(std::uint32_t number) const { return terms_[number].hash; }
  std::size_t n_bytes() const {
    return bytes_.capacity() + terms_.capacity() * sizeof(Term) + slots_.capacity() * sizeof(Slot);
  }
  void reserve(std::size_t n_terms);

 private:
  struct Term {
    std::uint64_t hash = 0, begin = 0;
    std::uint32_t n_bytes = 0;
  };
  // What a slot knows of its term is enough to tell short ones apart without a look elsewhere: the first 8
  // bytes, 24 bits of the hash and the length up to 255.
  struct Slot {
    std::uint64_t first_bytes = 0;
    std::uint32_t number = kNone, tag = 0;
  };
  static std::uint64_t first_bytes(std::string_view term);
  static std::uint32_t tag(std::string_view term, std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 40) << 8 |
           static_cast<std::uint32_t>(term.size() < 255 ? term.size() : 255);
  }
  bool is_at(const Slot& slot, std::string_view term, std::uint64_t first, std::uint32_t tag) const {
    return slot.tag == tag && slot.first_bytes == first &&
           (term.size() <= 8 || this->term(slot.number) == term);
  }
  void grow(std::size_t n_slots);

  std::vector<Term> terms_;
  std::vector<Slot> slots_;  // a power of 2, at most half full; linear probing
  std::string bytes_;
};

}  // namespace kolosal::transform
