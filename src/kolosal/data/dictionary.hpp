#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kolosal::data {

/// The levels of a category column: code -> text and text -> code. Immutable once built.
class Dictionary {
 public:
  Dictionary() = default;
  /// @throws Error kInternal for a level given twice.
  explicit Dictionary(std::vector<std::string> levels);
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  std::int32_t size() const { return static_cast<std::int32_t>(levels_.size()); }
  const std::string& level(std::int32_t code) const { return levels_[static_cast<std::size_t>(code)]; }
  const std::vector<std::string>& levels() const { return levels_; }
  /// The code of a level; kUnseenCode (-2) when it is not one.
  std::int32_t find(std::string_view level) const;

 private:
  std::vector<std::string> levels_;
  std::unordered_map<std::string_view, std::int32_t> codes_;  // views into levels_
};

}  // namespace kolosal::data
