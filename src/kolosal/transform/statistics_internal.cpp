#include "kolosal/transform/statistics_internal.hpp"

#include <algorithm>

namespace kolosal::transform {

double mean_of(const std::vector<double>& cells) {
  if (cells.empty()) return 0;
  long double sum = 0;
  for (const double cell : cells) sum += static_cast<long double>(cell);
  return static_cast<double>(sum / static_cast<long double>(cells.size()));
}

long double variance_of(const std::vector<double>& cells, double mean) {
  if (cells.empty()) return 0;
  long double sum = 0;
  for (const double cell : cells) {
    const long double delta = static_cast<long double>(cell) - static_cast<long double>(mean);
    sum += delta * delta;
  }
  return sum / static_cast<long double>(cells.size());
}

double quantile_of(std::vector<double>& cells, double q) {
  if (cells.empty()) return 0;
  const double position = q * static_cast<double>(cells.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const double share = position - static_cast<double>(below);
  const auto middle = cells.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(cells.begin(), middle, cells.end());
  const double low = *middle;
  if (share == 0 || below + 1 == cells.size()) return low;
  const double high = *std::min_element(middle + 1, cells.end());
  return low * (1 - share) + high * share;  // not low + (high - low) * share: the difference may overflow
}

double most_frequent_of(std::vector<double>& cells) {
  std::ranges::sort(cells);
  double best = 0;
  std::size_t best_count = 0;
  for (std::size_t begin = 0; begin < cells.size();) {
    std::size_t end = begin;
    while (end < cells.size() && cells[end] == cells[begin]) ++end;
    if (end - begin > best_count) {
      best_count = end - begin;
      best = cells[begin];
    }
    begin = end;
  }
  return best;
}

}  // namespace kolosal::transform
