#include "kolosal/transform/mutual_information_internal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "kolosal/transform/distributions_internal.hpp"

namespace kolosal::transform {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// How many of the ascending numbers are within `radius` of the one at `at`, itself included. Steps of
// doubling length find the ends, so near ones cost little.
std::size_t count_within(std::span<const double> sorted, std::size_t at, double radius) {
  const double centre = sorted[at];
  std::size_t inside = at, step = 1;
  while (inside + step < sorted.size() && sorted[inside + step] - centre <= radius) {
    inside += step;
    step *= 2;
  }
  for (; step > 0; step /= 2)
    if (inside + step < sorted.size() && sorted[inside + step] - centre <= radius) inside += step;
  std::size_t first = at;
  step = 1;
  while (first >= step && centre - sorted[first - step] <= radius) {
    first -= step;
    step *= 2;
  }
  for (; step > 0; step /= 2)
    if (first >= step && centre - sorted[first - step] <= radius) first -= step;
  return inside - first + 1;
}

// Distance from one of the ascending numbers to its k-th nearest other one.
double kth_distance(std::span<const double> sorted, std::size_t at, std::size_t k) {
  std::size_t left = at, right = at;
  double distance = 0;
  for (std::size_t i = 0; i < k; ++i) {
    const double to_left = left > 0 ? sorted[at] - sorted[left - 1] : kInfinity;
    const double to_right = right + 1 < sorted.size() ? sorted[right + 1] - sorted[at] : kInfinity;
    if (to_left <= to_right) {
      --left;
      distance = to_left;
    } else {
      ++right;
      distance = to_right;
    }
  }
  return distance;
}

std::vector<std::uint32_t> order_of(std::span<const double> numbers) {
  std::vector<std::uint32_t> order(numbers.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return numbers[a] != numbers[b] ? numbers[a] < numbers[b] : a < b;
  });
  return order;
}

// Points of the plane cut into strips of equally many points along x, each sorted by y. A search looks at its
// own strip and then at the strips beside it, as far as they are nearer than what it has.
class Strips {
 public:
  Strips(std::span<const double> x, std::span<const double> y, std::span<const std::uint32_t> order_by_x)
      : n_(x.size()) {
    width_ = std::max<std::size_t>(8, static_cast<std::size_t>(std::sqrt(static_cast<double>(n_)) * 1.3));
    std::vector<std::uint32_t> order(order_by_x.begin(), order_by_x.end());
    for (std::size_t begin = 0; begin < n_; begin += width_) {
      const std::size_t end = std::min(n_, begin + width_);
      low_.push_back(x[order[begin]]);
      high_.push_back(x[order[end - 1]]);
      std::ranges::sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                        order.begin() + static_cast<std::ptrdiff_t>(end),
                        [&](std::uint32_t a, std::uint32_t b) { return y[a] != y[b] ? y[a] < y[b] : a < b; });
    }
    for (const std::uint32_t i : order) {
      x_.push_back(x[i]);
      y_.push_back(y[i]);
    }
    index_ = std::move(order);
  }
  std::size_t size() const { return n_; }
  double x(std::size_t i) const { return x_[i]; }
  double y(std::size_t i) const { return y_[i]; }
  std::uint32_t index(std::size_t i) const { return index_[i]; }

  // Larger one of |dx| and |dy| to the k-th nearest other point of the point at i. best: scratch of k
  // numbers.
  double kth_distance(std::size_t i, std::span<double> best) const {
    std::ranges::fill(best, kInfinity);
    const std::size_t own = i / width_;
    look_up(i, i, (own + 1) * width_, best);
    look_down(i, i, own * width_, best);
    for (std::size_t s = own; s > 0 && x_[i] - high_[s - 1] < best.back(); --s) look_into(i, s - 1, best);
    for (std::size_t s = own + 1; s < low_.size() && low_[s] - x_[i] < best.back(); ++s)
      look_into(i, s, best);
    return best.back();
  }

 private:
  static void add(std::span<double> best, double distance) {
    std::size_t at = best.size() - 1;
    for (; at > 0 && distance < best[at - 1]; --at) best[at] = best[at - 1];
    best[at] = distance;
  }
  void consider(std::size_t i, std::size_t other, double dy, std::span<double> best) const {
    const double distance = std::max(std::abs(x_[other] - x_[i]), dy);
    if (distance < best.back()) add(best, distance);
  }
  // From behind `from` up to the end of the strip.
  void look_up(std::size_t i, std::size_t from, std::size_t end, std::span<double> best) const {
    for (std::size_t j = from + 1; j < std::min(end, n_) && y_[j] - y_[i] < best.back(); ++j)
      consider(i, j, y_[j] - y_[i], best);
  }
  void look_down(std::size_t i, std::size_t from, std::size_t begin, std::span<double> best) const {
    for (std::size_t j = from; j > begin && y_[i] - y_[j - 1] < best.back(); --j)
      consider(i, j - 1, y_[i] - y_[j - 1], best);
  }
  void look_into(std::size_t i, std::size_t strip, std::span<double> best) const {
    const std::size_t begin = strip * width_, end = std::min(n_, begin + width_);
    const auto first = y_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto from = static_cast<std::size_t>(
        std::lower_bound(first, y_.begin() + static_cast<std::ptrdiff_t>(end), y_[i]) - y_.begin());
    if (from < end) {
      if (y_[from] - y_[i] < best.back()) consider(i, from, y_[from] - y_[i], best);
      look_up(i, from, end, best);
    }
    look_down(i, from, begin, best);
  }

  std::size_t n_;
  std::size_t width_ = 0;
  std::vector<double> low_, high_;    // of each strip's x
  std::vector<double> x_, y_;         // strip by strip, ascending y
  std::vector<std::uint32_t> index_;  // of the point in the caller's order
};

}  // namespace

double mutual_information_of_classes(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> both;
  std::map<std::uint32_t, double> of_a, of_b;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both[{a[i], b[i]}] += 1;
    of_a[a[i]] += 1;
    of_b[b[i]] += 1;
  }
  const auto n = static_cast<double>(a.size());
  double sum = 0;
  for (const auto& [pair, count] : both)
    sum += count / n * std::log(count * n / (of_a[pair.first] * of_b[pair.second]));
  return std::max(0.0, sum);
}

double mutual_information_of_number_and_class(std::span<const double> numbers,
                                              std::span<const std::uint32_t> classes, std::size_t k) {
  const std::size_t n_classes = classes.empty() ? 0 : std::ranges::max(classes) + 1;
  std::vector<std::size_t> count(n_classes);
  for (const std::uint32_t c : classes) ++count[c];
  std::vector<double> sorted;  // of the classes of two or more rows
  std::vector<std::vector<double>> of_class(n_classes);
  std::vector<std::vector<std::size_t>> position(n_classes);  // in `sorted`
  for (const std::uint32_t i : order_of(numbers)) {
    if (count[classes[i]] < 2) continue;
    of_class[classes[i]].push_back(numbers[i]);
    position[classes[i]].push_back(sorted.size());
    sorted.push_back(numbers[i]);
  }
  const std::size_t n = sorted.size();
  if (n == 0) return 0;
  const auto digamma = digamma_table(n);
  double sum = 0;
  for (std::size_t c = 0; c < n_classes; ++c) {
    if (count[c] < 2) continue;
    const std::size_t n_neighbours = std::min(k, count[c] - 1);
    double within = 0;
    for (std::size_t i = 0; i < of_class[c].size(); ++i) {
      const double radius = std::nextafter(kth_distance(of_class[c], i, n_neighbours), 0.0);
      within += digamma[count_within(sorted, position[c][i], radius)];
    }
    sum += static_cast<double>(count[c]) * (digamma[n_neighbours] - digamma[count[c]]) - within;
  }
  return std::max(0.0, digamma[n] + sum / static_cast<double>(n));
}

double mutual_information_of_numbers(std::span<const double> a, std::span<const double> b, std::size_t k) {
  const std::size_t n = a.size();
  if (n < 2) return 0;
  k = std::min(k, n - 1);
  const auto order_a = order_of(a), order_b = order_of(b);
  std::vector<double> sorted_a, sorted_b;
  std::vector<std::uint32_t> rank_a(n), rank_b(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    sorted_a.push_back(a[order_a[i]]);
    sorted_b.push_back(b[order_b[i]]);
    rank_a[order_a[i]] = i;
    rank_b[order_b[i]] = i;
  }
  const Strips strips(a, b, order_a);
  const auto digamma = digamma_table(n);
  std::vector<double> best(k);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double radius = std::nextafter(strips.kth_distance(i, best), 0.0);
    const std::uint32_t point = strips.index(i);
    sum += digamma[count_within(sorted_a, rank_a[point], radius)] +
           digamma[count_within(sorted_b, rank_b[point], radius)];
  }
  return std::max(0.0, digamma[n] + digamma[k] - sum / static_cast<double>(n));
}

}  // namespace kolosal::transform
