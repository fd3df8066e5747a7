#include <algorithm>
#include <cmath>
#include <functional>

#include "kolosal/kernel/multiversion.hpp"
#include "kolosal/profile/sorted_cells_internal.hpp"

namespace kolosal::profile {
namespace {

constexpr std::size_t kMinBins = 8, kMaxBins = 40;
constexpr double kCountedRange = 1 << 16;

KOLOSAL_KERNEL(std::size_t, append_finite_keys, (const double* values, std::size_t n, std::uint64_t* out),
               (values, n, out)) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; ++i) {
    out[kept] = kernel::sort_key(values[i]);
    kept += std::isfinite(values[i]);
  }
  return kept;
}

/// Whole numbers of a small range are counted, not sorted: a tenth of the time.
void sort_by_counting(std::span<const double> values, double low, double high,
                      std::vector<std::uint64_t>& keys) {
  std::vector<std::uint32_t> counts(static_cast<std::size_t>(high - low) + 1);
  std::size_t n = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    ++counts[static_cast<std::size_t>(value - low)];
    ++n;
  }
  keys.reserve(n);
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) keys.insert(keys.end(), counts[i], kernel::sort_key(low + static_cast<double>(i)));
}

KOLOSAL_KERNEL(double, sum_of, (const double* values, std::size_t n), (values, n)) {
  std::array<double, 8> sums{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t k = 0; k < 8; ++k) sums[k] += values[i + k];
  for (; i < n; ++i) sums[0] += values[i];
  double out = 0;
  for (const double sum : sums) out += sum;
  return out;
}

/// The three sums of powers, in 8 partial sums each.
KOLOSAL_KERNEL(void, add_powers, (const double* values, std::size_t n, double mean, double* sums),
               (values, n, mean, sums)) {
  std::array<double, 8> s2{}, s3{}, s4{};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t k = 0; k < 8; ++k) {
      const double d = values[i + k] - mean, d2 = d * d;
      s2[k] += d2;
      s3[k] += d2 * d;
      s4[k] += d2 * d2;
    }
  for (; i < n; ++i) {
    const double d = values[i] - mean, d2 = d * d;
    s2[0] += d2;
    s3[0] += d2 * d;
    s4[0] += d2 * d2;
  }
  for (std::size_t k = 0; k < 8; ++k) {
    sums[0] += s2[k];
    sums[1] += s3[k];
    sums[2] += s4[k];
  }
}

/// Numbers near 1e308 or 1e-308, whose powers no double holds.
Moments moments_of_extremes(std::span<const double> values) {
  long double mean = 0, s2 = 0, s3 = 0, s4 = 0;
  for (const double value : values) mean += value;
  mean /= static_cast<long double>(values.size());
  for (const double value : values) {
    const long double d = value - mean;
    s2 += d * d;
    s3 += d * d * d;
    s4 += d * d * d * d;
  }
  const long double scale = s2 > 0 ? 1 / std::sqrt(s2) : 0;
  return {static_cast<double>(mean), static_cast<double>(s2), static_cast<double>(s3 * scale * scale * scale),
          static_cast<double>(s4 * scale * scale * scale * scale)};
}

}  // namespace

SortedCells::SortedCells(std::span<const double> values, const NumberSummary& numbers,
                         std::span<const std::int64_t> whole) {
  if (!whole.empty()) {
    is_whole_ = true;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isnan(values[i])) keys_.push_back(kernel::sort_key(whole[i]));
  } else if (numbers.is_whole && numbers.maximum - numbers.minimum <
                                     std::max(kCountedRange, static_cast<double>(values.size()))) {
    sort_by_counting(values, numbers.minimum, numbers.maximum, keys_);
    return;
  } else {
    keys_.resize(values.size() + 1);  // one more: the last number is written before it is known to count
    keys_.resize(append_finite_keys(values.data(), values.size(), keys_.data()));
  }
  kernel::radix_sort(keys_);
}

double SortedCells::quantile(double q) const {
  if (keys_.empty()) return kNoNumber;
  const double position = q * static_cast<double>(keys_.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, keys_.size() - 1);
  const double share = position - static_cast<double>(below);
  const double low = (*this)[below], high = (*this)[above];
  return high - low < std::numeric_limits<double>::infinity() ? low + share * (high - low)
                                                              : (1 - share) * low + share * high;
}

std::size_t SortedCells::n_below(double value) const {
  std::size_t low = 0, high = keys_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    (*this)[middle] < value ? low = middle + 1 : high = middle;
  }
  return low;
}

std::size_t SortedCells::n_up_to(double value) const {
  std::size_t low = 0, high = keys_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    (*this)[middle] <= value ? low = middle + 1 : high = middle;
  }
  return low;
}

std::vector<double> SortedCells::values() const {
  std::vector<double> out(keys_.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = (*this)[i];
  return out;
}

Moments moments_of(std::span<const double> values) {
  if (values.empty()) return {};
  constexpr std::size_t kBlock =
      4096;  // sums of sums: the rounding grows with the blocks, not with the cells
  const auto n = static_cast<double>(values.size());
  Moments out;
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); i += kBlock)
    sum += sum_of(values.data() + i, std::min(kBlock, values.size() - i));
  out.mean = sum / n;
  double sums[3] = {};
  for (std::size_t i = 0; i < values.size(); i += kBlock)
    add_powers(values.data() + i, std::min(kBlock, values.size() - i), out.mean, sums);
  constexpr double kSmall = 1e-60;  // its square, which is what fourth is divided by, is still exact
  const bool is_small =
      sums[0] < kSmall && std::ranges::adjacent_find(values, std::not_equal_to<>()) != values.end();
  if (!std::isfinite(out.mean) || !std::isfinite(sums[2]) || is_small) return moments_of_extremes(values);
  if (sums[0] > 0) {
    out.squares = sums[0];
    out.third = sums[1] / sums[0] / std::sqrt(sums[0]);
    out.fourth = sums[2] / sums[0] / sums[0];
  }
  return out;
}

Histogram histogram_of(const SortedCells& cells, bool is_whole) {
  Histogram out;
  const std::size_t n = cells.size();
  if (n == 0) return out;
  const double lower = cells.quantile(0.25), upper = cells.quantile(0.75), range = upper - lower;
  out.low = cells[0];
  out.high = cells[n - 1];
  if (!std::isfinite(out.high - out.low)) return {};
  // A tail is cut where it is long against the part that holds 98 % of the cells.
  const double first = cells.quantile(0.01), last = cells.quantile(0.99), bulk = last - first;
  if (bulk > 0 && last + bulk < out.high) out.high = last + 0.25 * bulk;
  if (bulk > 0 && first - bulk > out.low) out.low = first - 0.25 * bulk;
  const double span = out.high - out.low;
  std::size_t n_bins = kMinBins;
  const double width = 2 * range / std::cbrt(static_cast<double>(n));
  if (width > 0)
    n_bins =
        static_cast<std::size_t>(std::clamp(std::ceil(span / width), double{kMinBins}, double{kMaxBins}));
  if (width <= 0 && n > 100) n_bins = 20;
  if (is_whole && span < static_cast<double>(kMaxBins)) {  // a bin per number
    out.low = std::ceil(out.low) - 0.5;
    out.high = std::floor(out.high) + 0.5;
    n_bins = static_cast<std::size_t>(out.high - out.low);
  } else if (is_whole) {  // as many numbers in each bin
    const double width_of_bin = std::ceil((span + 1) / static_cast<double>(n_bins));
    out.low = std::ceil(out.low) - 0.5;
    n_bins = static_cast<std::size_t>(std::ceil((out.high - out.low) / width_of_bin));
    out.high = out.low + width_of_bin * static_cast<double>(n_bins);
  } else if (!(span > 0)) {
    n_bins = 1;
  }
  out.counts.resize(n_bins);
  std::size_t before = out.n_below = cells.n_below(out.low);
  for (std::size_t i = 0; i < n_bins; ++i) {
    const double edge =
        out.low + (out.high - out.low) * static_cast<double>(i + 1) / static_cast<double>(n_bins);
    const std::size_t up_to = i + 1 == n_bins ? cells.n_up_to(out.high) : cells.n_below(edge);
    out.counts[i] = up_to - std::min(before, up_to);
    before = std::max(before, up_to);
  }
  out.n_above = n - before;
  return out;
}

}  // namespace kolosal::profile
