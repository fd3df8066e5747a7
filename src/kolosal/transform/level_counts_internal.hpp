#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {

/// Numbers the levels of a category column that comes in batches, each with a dictionary of its own.
/// Slots are as those of Levels: 0 unseen, 1 missing, 2 + number of the level in order of first occurrence.
class LevelIndex {
 public:
  /// The slot of each cell of a batch; levels that are new get the next one.
  std::vector<std::uint32_t> slots_of(const data::Column& column);
  /// The slots here of all slots of another index.
  std::vector<std::uint32_t> merge(const LevelIndex& other);
  std::size_t n_slots() const { return levels_.size() + 2; }
  /// A dictionary in the order of levels, which does not depend on how the rows came; new_slot[slot] says
  /// where each slot is in it.
  Levels sorted(std::vector<std::uint32_t>& new_slot) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::uint32_t slot_of(const std::string& level);

  std::vector<std::string> levels_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> slots_;
};

/// Rows per level of a category column that comes in batches. Exact, in memory by the number of levels.
class LevelCounts {
 public:
  /// Returns LevelIndex::slots_of() the column.
  std::vector<std::uint32_t> add(const data::Column& column);
  /// Returns the slots here of all slots of the other.
  std::vector<std::uint32_t> merge(const LevelCounts& other);
  /// The levels in order, and the rows per slot of them. new_slot: as LevelIndex::sorted() has it.
  Levels levels(std::vector<std::int64_t>& counts, std::vector<std::uint32_t>& new_slot) const;
  Levels levels(std::vector<std::int64_t>& counts) const;

 private:
  LevelIndex index_;
  std::vector<std::int64_t> counts_;  // by slot of index_
};

}  // namespace kolosal::transform
