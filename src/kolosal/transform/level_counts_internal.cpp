#include "kolosal/transform/level_counts_internal.hpp"

namespace kolosal::transform {

std::uint32_t LevelIndex::slot_of(const std::string& level) {
  const auto [found, is_new] = slots_.try_emplace(level, static_cast<std::uint32_t>(n_slots()));
  if (is_new) levels_.push_back(level);
  return found->second;
}

std::vector<std::uint32_t> LevelIndex::slots_of(const data::Column& column) {
  const auto codes = column.codes();
  const data::Dictionary& dictionary = *column.dictionary();
  std::vector<std::uint32_t> slot_of_code(static_cast<std::size_t>(dictionary.size()), 0);  // 0: not met yet
  std::vector<std::uint32_t> out(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] < 0) {
      out[i] = static_cast<std::uint32_t>(Levels::slot(codes[i]));
      continue;
    }
    std::uint32_t& slot = slot_of_code[static_cast<std::size_t>(codes[i])];
    if (slot == 0) slot = slot_of(dictionary.level(codes[i]));
    out[i] = slot;
  }
  return out;
}

std::vector<std::uint32_t> LevelIndex::merge(const LevelIndex& other) {
  std::vector<std::uint32_t> out = {0, 1};
  for (const auto& level : other.levels_) out.push_back(slot_of(level));
  return out;
}

Levels LevelIndex::sorted(std::vector<std::uint32_t>& new_slot) const {
  const data::Dictionary given(levels_);
  new_slot.assign(n_slots(), 0);
  new_slot[1] = 1;
  std::vector<std::string> levels;
  for (const std::int32_t code : codes_in_level_order(given)) {
    new_slot[Levels::slot(code)] = static_cast<std::uint32_t>(levels.size() + 2);
    levels.push_back(given.level(code));
  }
  return Levels(std::make_shared<const data::Dictionary>(std::move(levels)));
}

std::vector<std::uint32_t> LevelCounts::add(const data::Column& column) {
  auto slots = index_.slots_of(column);
  counts_.resize(index_.n_slots());
  for (const std::uint32_t slot : slots) ++counts_[slot];
  return slots;
}

std::vector<std::uint32_t> LevelCounts::merge(const LevelCounts& other) {
  auto slots = index_.merge(other.index_);
  counts_.resize(index_.n_slots());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[slots[i]] += other.counts_[i];
  return slots;
}

Levels LevelCounts::levels(std::vector<std::int64_t>& counts) const {
  std::vector<std::uint32_t> new_slot;
  return levels(counts, new_slot);
}

Levels LevelCounts::levels(std::vector<std::int64_t>& counts, std::vector<std::uint32_t>& new_slot) const {
  Levels out = index_.sorted(new_slot);
  counts.assign(out.n_slots(), 0);
  for (std::size_t i = 0; i < counts_.size(); ++i) counts[new_slot[i]] = counts_[i];
  return out;
}

}  // namespace kolosal::transform
