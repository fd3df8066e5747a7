#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "kolosal/data/column.hpp"

namespace kolosal::io {

// When texts are levels of a category, as read_table() decides it.
inline constexpr std::size_t kMaxCategoryLevels = 65'536;
inline constexpr std::size_t kMinCategoryRows = 20;
inline constexpr std::size_t kMaxCategoryWords = 5;  ///< Words of a present cell, in the mean.

/// Words of a cell: what blanks are between.
std::size_t count_words(std::string_view text);

/// The same decision for a table that is read in batches, whose strings come as text.
///
/// Memory: at most kMaxCategoryLevels levels; for columns that come as categories, all of them.
class CategoryRule {
 public:
  /// The next rows of a column of texts or categories.
  void add(const data::Column& cells);
  /// The levels in bytewise order; null when the column is text.
  std::shared_ptr<const data::Dictionary> levels() const;

 private:
  std::unordered_set<std::string> levels_;
  std::size_t n_rows_ = 0;
  std::size_t n_present_ = 0;
  std::size_t n_words_ = 0;
  bool too_many_ = false;
  bool is_category_ = false;  // came as such: nothing is to be decided
};

}  // namespace kolosal::io
