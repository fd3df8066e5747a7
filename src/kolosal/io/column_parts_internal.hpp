#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "kolosal/io/category_rule.hpp"
#include "kolosal/io/column_builder_internal.hpp"
#include "kolosal/io/level_table_internal.hpp"
#include "kolosal/io/page_buffer_internal.hpp"

namespace kolosal::io {

// What a ColumnBuilder is made of.

// Uninitialized memory: the threads that fill it also touch its pages first.
struct ColumnBuilder::Buffers {
  PageBuffer values;
  PageBuffer text;
  std::vector<std::uint8_t> bits;

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(values.data());
  }
  char* text_at(std::size_t place) { return reinterpret_cast<char*>(text.data()) + place; }
};

/// A set of 64-bit hashes that stops growing beyond a limit. Two texts may have one hash, so there are at
/// least as many texts as hashes: enough to prove that a column has too many levels for a category.
class HashSet {
 public:
  void add(std::uint64_t hash) {
    if (hashes_.size() > kMaxCategoryLevels) return;
    hash += hash == 0;  // 0: free
    std::size_t slot = hash & mask_;
    while (slots_[slot] != 0 && slots_[slot] != hash) slot = (slot + 1) & mask_;
    if (slots_[slot] == hash) return;
    slots_[slot] = hash;
    hashes_.push_back(hash);
    if (hashes_.size() * 2 > slots_.size()) grow();
  }
  const std::vector<std::uint64_t>& hashes() const { return hashes_; }

 private:
  void grow() {
    slots_.assign(slots_.size() * 4, 0);
    mask_ = slots_.size() - 1;
    for (const std::uint64_t hash : hashes_) {
      std::size_t slot = hash & mask_;
      while (slots_[slot] != 0) slot = (slot + 1) & mask_;
      slots_[slot] = hash;
    }
  }

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(64, 0);
  std::size_t mask_ = 63;
  std::vector<std::uint64_t> hashes_;
};

/// The texts of all parts of a column.
class DistinctHashes {
 public:
  void add(const HashSet& part) {
    const std::lock_guard lock(mutex_);
    for (const std::uint64_t hash : part.hashes()) all_.add(hash);
    if (all_.hashes().size() > kMaxCategoryLevels) too_many_.store(true, std::memory_order_relaxed);
  }
  /// More than a category can ever have.
  bool too_many() const { return too_many_.load(std::memory_order_relaxed); }
  std::size_t size() const { return all_.hashes().size(); }

 private:
  std::mutex mutex_;
  HashSet all_;
  std::atomic<bool> too_many_{false};
};

/// What short cells of a part became, by their bytes as they stand in the file: quotes, blanks and all.
class CellMemo {
 public:
  enum class State : std::uint8_t { kPresent, kEmpty, kMissing };
  struct Entry {
    std::uint64_t first = 0;  // bytes 0 .. 7
    std::uint64_t second = 0;
    std::int32_t code = 0;
    std::uint8_t size = 0;  // as it stands; 0: free
    State state = State::kPresent;
    std::uint8_t text_size = 0;  // without quotes
  };

  static constexpr std::size_t kMaxBytes = 16;

  /// The entry of a cell of 1 .. 16 bytes, or the free one where it belongs. Reads 16 bytes.
  Entry& find(const char* p, std::size_t n) {
    std::uint64_t first, second;
    std::memcpy(&first, p, 8);
    std::memcpy(&second, p + 8, 8);
    const std::uint64_t all = ~std::uint64_t{0};
    first &= n < 8 ? ~(all << (8 * n)) : all;
    second &= n <= 8 ? 0 : n < 16 ? ~(all << (8 * (n - 8))) : all;
    const std::uint64_t mixed = (first ^ (second * 0x9E3779B97F4A7C15ULL)) * 0xD6E8FEB86659FD93ULL + n;
    for (std::size_t slot = (mixed ^ mixed >> 32) & mask_;; slot = (slot + 1) & mask_) {
      Entry& entry = entries_[slot];
      if (entry.first == first && entry.second == second && entry.size == n) return entry;
      if (entry.size != 0) continue;
      entry.first = first;
      entry.second = second;
      return entry;
    }
  }
  /// After a free entry was filled.
  void added() {
    if (++n_ * 2 > entries_.size()) grow();
  }

 private:
  void grow() {
    std::vector<Entry> old(entries_.size() * 4);
    old.swap(entries_);
    mask_ = entries_.size() - 1;
    for (const Entry& entry : old) {
      if (entry.size == 0) continue;
      char text[16];
      std::memcpy(text, &entry.first, 8);
      std::memcpy(text + 8, &entry.second, 8);
      find(text, entry.size) = entry;
    }
  }

  std::vector<Entry> entries_ = std::vector<Entry>(64);
  std::size_t mask_ = 63;
  std::size_t n_ = 0;
};

struct ColumnBuilder::Part {
  std::size_t first_row = 0;
  std::size_t n_rows = 0;
  std::size_t text_begin = 0;  // of this part's text in the column's
  std::size_t text_size = 0;
  char* text_data = nullptr;
  std::unique_ptr<LevelTable> levels;
  // Only while a guess is tried.
  std::size_t text_capacity = 0;
  PageBuffer text;
  std::unique_ptr<HashSet> hashes;
  std::unique_ptr<CellMemo> memo;
  RowBlock one;  // a single cell
};

}  // namespace kolosal::io
