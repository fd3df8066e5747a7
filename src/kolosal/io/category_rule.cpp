#include "kolosal/io/category_rule.hpp"

#include <algorithm>

namespace kolosal::io {

std::size_t count_words(std::string_view text) {
  std::size_t n = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    n += !blank && !in_word;
    in_word = !blank;
  }
  return n;
}

void CategoryRule::add(const data::Column& cells) {
  n_rows_ += cells.size();
  if (cells.type() == data::ColumnType::kCategory) {
    is_category_ = true;
    for (const std::string& level : cells.dictionary()->levels()) levels_.insert(level);
    return;
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells.is_missing(i)) continue;
    ++n_present_;
    const std::string_view text = cells.text(i);
    n_words_ += count_words(text);
    if (too_many_) continue;
    levels_.emplace(text);
    if (levels_.size() <= kMaxCategoryLevels) continue;
    too_many_ = true;
    levels_.clear();
  }
}

std::shared_ptr<const data::Dictionary> CategoryRule::levels() const {
  const bool repeats = levels_.size() <= n_present_ / 2,
             short_cells = n_words_ <= kMaxCategoryWords * n_present_;
  if (!is_category_ && (too_many_ || n_rows_ < kMinCategoryRows || !repeats || !short_cells)) return nullptr;
  std::vector<std::string> sorted(levels_.begin(), levels_.end());
  std::ranges::sort(sorted);
  return std::make_shared<const data::Dictionary>(std::move(sorted));
}

}  // namespace kolosal::io
