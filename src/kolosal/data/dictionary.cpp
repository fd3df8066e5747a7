#include "kolosal/data/dictionary.hpp"

#include <limits>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/data/column.hpp"

namespace kolosal::data {

Dictionary::Dictionary(std::vector<std::string> levels) : levels_(std::move(levels)) {
  KOLOSAL_ASSERT(levels_.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
                 "codes are 32 bits");
  codes_.reserve(levels_.size());
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const bool added = codes_.emplace(levels_[i], static_cast<std::int32_t>(i)).second;
    if (!added) throw Error(ErrorCode::kInternal, "a dictionary has the same level twice: '{}'", levels_[i]);
  }
}

std::int32_t Dictionary::find(std::string_view level) const {
  const auto it = codes_.find(level);
  return it == codes_.end() ? kUnseenCode : it->second;
}

}  // namespace kolosal::data
