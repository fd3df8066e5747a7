#include "kolosal/transform/quantile_sketch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kolosal::transform {
namespace {

constexpr std::size_t kTop = 4096;  // numbers of the highest level
constexpr std::size_t kLeast = 64;  // and of a level far below it

std::size_t capacity(std::size_t depth) {
  const double wanted = static_cast<double>(kTop) * std::pow(2.0 / 3.0, static_cast<double>(depth));
  return std::max(kLeast, static_cast<std::size_t>(wanted));
}

}  // namespace

void QuantileSketch::add(std::span<const double> numbers) {
  if (levels_.empty()) levels_.emplace_back();
  // In pieces, so that a long batch needs no more memory than a short one.
  while (!numbers.empty()) {
    const auto piece = numbers.first(std::min(numbers.size(), kExact));
    levels_[0].insert(levels_[0].end(), piece.begin(), piece.end());
    count_ += piece.size();
    shrink();
    numbers = numbers.subspan(piece.size());
  }
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (levels_.size() < other.levels_.size()) levels_.resize(other.levels_.size());
  for (std::size_t h = 0; h < other.levels_.size(); ++h)
    levels_[h].insert(levels_[h].end(), other.levels_[h].begin(), other.levels_[h].end());
  count_ += other.count_;
  shrink();
}

void QuantileSketch::shrink() {
  if (count_ <= kExact) return;
  for (std::size_t h = 0; h < levels_.size(); ++h) {
    if (levels_[h].size() <= capacity(levels_.size() - 1 - h)) continue;
    if (h + 1 == levels_.size()) levels_.emplace_back();
    auto& level = levels_[h];
    std::ranges::sort(level);
    // An odd number stays, so that the weights still add up to the count.
    const std::size_t n_even = level.size() / 2 * 2, stays = level.size() - n_even;
    for (std::size_t i = rng_.below(2); i < n_even; i += 2) levels_[h + 1].push_back(level[i]);
    level.erase(level.begin(), level.end() - static_cast<std::ptrdiff_t>(stays));
  }
}

std::size_t QuantileSketch::n_kept() const {
  std::size_t out = 0;
  for (const auto& level : levels_) out += level.size();
  return out;
}

WeightedNumbers QuantileSketch::sorted() const {
  std::vector<WeightedNumbers::Item> kept;
  kept.reserve(n_kept());
  for (std::size_t h = 0; h < levels_.size(); ++h)
    for (const double number : levels_[h]) kept.push_back({number, std::uint64_t{1} << h});
  return WeightedNumbers(std::move(kept));
}

std::vector<double> QuantileSketch::quantiles(std::span<const double> shares) const {
  const WeightedNumbers numbers = sorted();
  std::vector<double> out;
  for (const double share : shares) out.push_back(numbers.quantile(share));
  return out;
}

WeightedNumbers::WeightedNumbers(std::vector<Item> items) : items_(std::move(items)) {
  std::ranges::sort(items_, {}, [](const Item& item) { return std::pair(item.number, item.weight); });
  std::uint64_t end = 0;
  for (const Item& item : items_) ends_.push_back(end += item.weight);
}

double WeightedNumbers::at(std::uint64_t rank) const {
  return items_[static_cast<std::size_t>(std::ranges::upper_bound(ends_, rank) - ends_.begin())].number;
}

double WeightedNumbers::quantile(double share) const {
  if (items_.empty()) return 0;
  const double position = share * static_cast<double>(count() - 1);
  const auto below = static_cast<std::uint64_t>(position);
  const double part = position - static_cast<double>(below);
  if (part == 0 || below + 1 >= count()) return at(below);
  return at(below) * (1 - part) + at(below + 1) * part;  // the difference may overflow
}

}  // namespace kolosal::transform
