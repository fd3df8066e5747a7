#include "kolosal/automl/paused_fits.hpp"

#include <algorithm>

namespace kolosal::automl {

void PausedFits::set_max_bytes(std::size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  max_bytes_ = max_bytes;
  make_room();
}

void PausedFits::keep(std::size_t trial, std::size_t fold, OpenFit fit, std::size_t bytes, double behind) {
  const std::lock_guard lock(mutex_);
  const auto [entry, is_new] = entries_.try_emplace({trial, fold}, Entry{std::move(fit), bytes, behind});
  if (is_new) bytes_ += bytes;
  make_room();
}

std::optional<OpenFit> PausedFits::take(std::size_t trial, std::size_t fold) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({trial, fold});
  if (found == entries_.end()) return {};
  OpenFit out = std::move(found->second.fit);
  bytes_ -= found->second.bytes;
  entries_.erase(found);
  return out;
}

void PausedFits::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  bytes_ = 0;
}

void PausedFits::make_room() {
  while (bytes_ > max_bytes_) {
    const auto last = std::ranges::max_element(entries_, {}, [](const auto& e) { return e.second.behind; });
    bytes_ -= last->second.bytes;
    entries_.erase(last);
  }
}

}  // namespace kolosal::automl
