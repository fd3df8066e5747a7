#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal::io {

/// Gives each different text a number, in the order of first appearance.
class LevelTable {
 public:
  std::int32_t find_or_add(std::string_view text, bool transient) {
    const std::uint64_t hash = hash_text(text);
    for (std::size_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      const std::uint32_t entry = slots_[slot];
      if (entry == 0) return add(text, transient, hash, slot);
      const std::size_t level = entry - 1;
      if (hashes_[level] == hash && is_same(levels_[level], text)) return static_cast<std::int32_t>(level);
    }
  }

  /// The number of a text that was added.
  std::int32_t find(std::string_view text) const {
    const std::uint64_t hash = hash_text(text);
    for (std::size_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      const std::size_t level = slots_[slot] - 1;
      if (hashes_[level] == hash && is_same(levels_[level], text)) return static_cast<std::int32_t>(level);
    }
  }

  std::size_t size() const { return levels_.size(); }
  const std::vector<std::string_view>& levels() const { return levels_; }

  /// Only the speed depends on it, never the result.
  static std::uint64_t hash_text(std::string_view text) {
    constexpr std::uint64_t kA = 0xa0761d6478bd642fULL, kB = 0xe7037ed1a0b428dbULL;
    std::uint64_t hash = text.size() ^ kA;
    const char* p = text.data();
    std::size_t n = text.size();
    for (; n > 8; n -= 8, p += 8) hash = mix(hash ^ load(p, 8), kB);
    std::uint64_t last = 0;
    if (n >= 4)
      last = load(p, 4) | load(p + n - 4, 4) << 32;
    else if (n > 0)
      last = static_cast<std::uint64_t>(static_cast<unsigned char>(p[0])) |
             static_cast<std::uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8 |
             static_cast<std::uint64_t>(static_cast<unsigned char>(p[n - 1])) << 16;
    return mix(hash ^ last, kB ^ kA);
  }

 private:
  std::int32_t add(std::string_view text, bool transient, std::uint64_t hash, std::size_t slot) {
    if (transient) text = copies_.emplace_back(text);
    levels_.push_back(text);
    hashes_.push_back(hash);
    slots_[slot] = static_cast<std::uint32_t>(levels_.size());
    if (levels_.size() * 2 > slots_.size()) grow();
    return static_cast<std::int32_t>(levels_.size() - 1);
  }

  void grow() {
    slots_.assign(slots_.size() * 4, 0);
    mask_ = slots_.size() - 1;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      std::size_t slot = hashes_[level] & mask_;
      while (slots_[slot] != 0) slot = (slot + 1) & mask_;
      slots_[slot] = static_cast<std::uint32_t>(level + 1);
    }
  }

  // Most levels are short; a call of memcmp costs more than the comparison.
  static bool is_same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    const char *p = a.data(), *q = b.data();
    std::size_t n = a.size();
    for (; n >= 8; n -= 8, p += 8, q += 8)
      if (load(p, 8) != load(q, 8)) return false;
    for (; n > 0; --n, ++p, ++q)
      if (*p != *q) return false;
    return true;
  }

  static std::uint64_t load(const char* p, std::size_t n) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, n);
    return word;
  }

  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::vector<std::string_view> levels_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(64, 0);  // level + 1; 0: free
  std::size_t mask_ = 63;
  std::deque<std::string> copies_;
};

}  // namespace kolosal::io
