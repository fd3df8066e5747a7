#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace kolosal::kernel {

/// An unsigned number that sorts as the double does. -0.0 becomes 0.0, so that they tie.
inline std::uint64_t sort_key(double value) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);
  return bits & kSign ? ~bits : bits | kSign;
}

/// An unsigned number that sorts as the integer does.
inline std::uint64_t sort_key(std::int64_t value) {
  return static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63);
}

/// The double of its sort_key().
inline double double_of_key(std::uint64_t key) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  return std::bit_cast<double>(key & kSign ? key ^ kSign : ~key);
}

/// The integer of its sort_key().
inline std::int64_t int_of_key(std::uint64_t key) {
  return static_cast<std::int64_t>(key ^ (std::uint64_t{1} << 63));
}

/// Stable sort by key_of(item), a 64-bit number. Three passes of 11 bits sort by the highest bits in which
/// the keys differ; the few items that agree in those are then sorted by comparing. Needs the memory of the
/// items once more.
template <typename Item, typename KeyOf>
void radix_sort(std::vector<Item>& items, KeyOf key_of) {
  constexpr std::size_t kBits = 11, kPasses = 3, kBuckets = std::size_t{1} << kBits;
  const std::size_t n = items.size();
  if (n < 4096) {
    std::ranges::stable_sort(items, {}, key_of);
    return;
  }
  std::uint64_t low = key_of(items[0]), high = low;
  for (const Item& item : items) {
    low = std::min<std::uint64_t>(low, key_of(item));
    high = std::max<std::uint64_t>(high, key_of(item));
  }
  if (low == high) return;
  const auto width = static_cast<std::size_t>(std::bit_width(high - low));
  const std::size_t shift = width > kBits * kPasses ? width - kBits * kPasses : 0;
  const auto prefix = [&](const Item& item) { return (key_of(item) - low) >> shift; };
  std::vector<std::array<std::size_t, kBuckets>> counts(kPasses);
  for (const Item& item : items)
    for (std::size_t pass = 0; pass < kPasses; ++pass)
      ++counts[pass][(prefix(item) >> (pass * kBits)) % kBuckets];
  const auto buffer = std::make_unique_for_overwrite<Item[]>(n);
  Item* from = items.data();
  Item* to = buffer.get();
  for (std::size_t pass = 0; pass < kPasses; ++pass) {
    const auto digit = [&](const Item& item) { return (prefix(item) >> (pass * kBits)) % kBuckets; };
    if (counts[pass][digit(from[0])] == n) continue;
    std::size_t begin = 0;
    for (std::size_t& count : counts[pass]) begin += std::exchange(count, begin);
    for (std::size_t i = 0; i < n; ++i) to[counts[pass][digit(from[i])]++] = from[i];
    std::swap(from, to);
  }
  if (from != items.data()) std::copy_n(from, n, items.data());
  if (shift == 0) return;
  for (std::size_t begin = 0; begin + 1 < n;) {
    std::size_t end = begin + 1;
    bool is_sorted = true;
    for (; end < n && prefix(items[end]) == prefix(items[begin]); ++end)
      is_sorted &= !(key_of(items[end]) < key_of(items[end - 1]));
    if (!is_sorted)
      std::ranges::stable_sort(items.begin() + static_cast<std::ptrdiff_t>(begin),
                               items.begin() + static_cast<std::ptrdiff_t>(end), {}, key_of);
    begin = end;
  }
}

inline void radix_sort(std::vector<std::uint64_t>& keys) {
  radix_sort(keys, [](std::uint64_t key) { return key; });
}

}  // namespace kolosal::kernel
