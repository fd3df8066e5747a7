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

std::vector<double> QuantileSketch::quantiles(std::span<const double> shares) const {
  std::vector<double> out(shares.size());
  if (count_ == 0) return out;
  std::vector<std::pair<double, std::uint64_t>> kept;  // number, then the rank after its last copy
  for (std::size_t h = 0; h < levels_.size(); ++h)
    for (const double number : levels_[h]) kept.emplace_back(number, std::uint64_t{1} << h);
  std::ranges::sort(kept);
  std::uint64_t end = 0;
  for (auto& [number, rank_end] : kept) rank_end = end += rank_end;
  const auto at_rank = [&](std::uint64_t rank) {
    return std::ranges::upper_bound(kept, rank, {}, &std::pair<double, std::uint64_t>::second)->first;
  };
  for (std::size_t q = 0; q < shares.size(); ++q) {
    const double position = shares[q] * static_cast<double>(count_ - 1);
    const auto below = static_cast<std::uint64_t>(position);
    const double part = position - static_cast<double>(below);
    out[q] = at_rank(below);
    if (part > 0 && below + 1 < count_) out[q] = out[q] * (1 - part) + at_rank(below + 1) * part;
  }
  return out;
}

}  // namespace kolosal::transform
