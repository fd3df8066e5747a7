#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_map>

#include "kolosal/kernel/multiversion.hpp"
#include "kolosal/profile/cell_keys_internal.hpp"
#include "kolosal/profile/column_summary_internal.hpp"
#include "kolosal/profile/hyperloglog_internal.hpp"
#include "kolosal/profile/sorted_cells_internal.hpp"
#include "kolosal/profile/wording.hpp"

namespace kolosal::profile {
namespace {

using data::Column;
using data::ColumnType;

constexpr std::size_t kRowBlocks = 50;  // of missing_by_rows
constexpr std::size_t kRareRows = 5;
constexpr std::size_t kBlock = 1 << 14;

/// The most frequent of (index, count), most frequent first; ties by index.
class TopCounts {
 public:
  void add(std::size_t index, std::size_t count) {
    if (items_.size() == kTopLevels && count <= items_.back().second) return;
    const auto place = std::ranges::upper_bound(items_, count, std::greater<>(), &Item::second);
    items_.insert(place, {index, count});
    if (items_.size() > kTopLevels) items_.pop_back();
  }
  using Item = std::pair<std::size_t, std::size_t>;
  const std::vector<Item>& items() const { return items_; }

 private:
  std::vector<Item> items_;
};

/// Runs and directions of the present cells along the rows; key(i) of equal cells are equal.
template <typename Key, typename IsMissing>
RowOrder order_of(std::size_t n_rows, Key key, IsMissing is_missing) {
  RowOrder out;
  std::size_t n = 0, n_up = 0, n_down = 0;
  decltype(key(0)) last{};
  for (std::size_t i = 0; i < n_rows; ++i) {
    if (is_missing(i)) continue;
    const auto value = key(i);
    n_up += n > 0 && value > last;
    n_down += n > 0 && value < last;
    last = value;
    ++n;
  }
  out.n_runs = n == 0 ? 0 : n_up + n_down + 1;
  out.ascending = n_up > 0 && n_down == 0;
  out.descending = n_down > 0 && n_up == 0;
  out.strict = n > 1 && n_up + n_down + 1 == n;
  return out;
}

/// Of n cells whose levels have the counts c: n + 1 - sum c^2 / n.
double expected_runs(double n, double sum_of_squared_counts) {
  return n > 0 ? n + 1 - sum_of_squared_counts / n : 0;
}

std::size_t scaled(std::size_t count, double factor) {
  return factor == 1 ? count : static_cast<std::size_t>(std::llround(static_cast<double>(count) * factor));
}

void estimate_distinct(const Column& column, ColumnProfile& out) {
  HyperLogLog sketch;
  std::vector<std::uint64_t> keys(kBlock);
  for (std::size_t begin = 0; begin < column.size(); begin += kBlock) {
    const std::span block(keys.data(), std::min(kBlock, column.size() - begin));
    cell_keys(column, begin, block);
    for (const std::uint64_t key : block)
      if (key != kMissingKey) sketch.add(mixed(key));
  }
  out.n_distinct = std::min(static_cast<std::size_t>(std::llround(sketch.estimate())), out.n_present());
  out.distinct_error = HyperLogLog::kStandardError;
}

// ---- numbers ----------------------------------------------------------------------------------------------

/// What needs no order: one pass.
KOLOSAL_KERNEL(void, count_numbers, (const double* values, std::size_t n_values, NumberSummary& out),
               (values, n_values, out)) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::size_t n = 0, n_infinite = 0, n_zero = 0, n_negative = 0, n_whole = 0;
  double low = kInfinity, high = -kInfinity;
  for (std::size_t i = 0; i < n_values; ++i) {
    const double value = values[i], size = std::abs(value);
    const bool is_finite = size < kInfinity;
    n += is_finite;
    n_infinite += size == kInfinity;
    n_zero += value == 0;
    n_negative += is_finite & (value < 0);
    n_whole += is_finite & (std::floor(value) == value);
    low = is_finite & (value < low) ? value : low;
    high = is_finite & (value > high) ? value : high;
  }
  out.n = n;
  out.n_infinite = n_infinite;
  out.n_zero = n_zero;
  out.n_negative = n_negative;
  if (n == 0) return;
  out.is_whole = n_whole == n;
  out.minimum = low + 0.0;
  out.maximum = high + 0.0;
}

void add_moments(std::span<const double> finite, NumberSummary& out) {
  const Moments m = moments_of(finite);
  const auto n = static_cast<double>(finite.size());
  out.mean = std::clamp(m.mean, out.minimum, out.maximum);
  if (n >= 2) out.sd = std::sqrt(m.squares / (n - 1));
  if (n >= 3) out.skewness = n / (n - 2) * std::sqrt(n - 1) * m.third;
  if (n >= 4)
    out.kurtosis = m.squares > 0 ? (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (n * m.fourth - 3) + 6) : 0;
}

void add_outliers(const SortedCells& cells, double factor, NumberSummary& out) {
  const double range = out.upper_quartile() - out.lower_quartile();
  if (!(range > 0)) return;
  const auto beyond = [&](double times) {
    const double low = out.lower_quartile() - times * range, high = out.upper_quartile() + times * range;
    return scaled(cells.n_below(low) + cells.size() - cells.n_up_to(high), factor);
  };
  out.n_outliers = beyond(1.5);
  out.n_far_outliers = beyond(3);
}

/// The values in blocks of 2^53 and more that doubles do not tell apart.
bool needs_integers(const Column& column, const NumberSummary& numbers) {
  constexpr double kExact = 9007199254740992.0;
  return (column.type() == ColumnType::kInt64 || is_time(column.type())) && numbers.n > 0 &&
         (numbers.minimum < -kExact || numbers.maximum > kExact);
}

/// Distinct values, their most frequent ones, and the expected number of runs.
void add_levels(const SortedCells& cells, double factor, ColumnType type, bool is_exact, ColumnProfile& out) {
  TopCounts top;
  std::vector<double> values;  // of the items in top
  std::size_t n_distinct = 0;
  double squares = 0;
  cells.for_each_run([&](double value, std::size_t count) {
    ++n_distinct;
    squares += static_cast<double>(count) * static_cast<double>(count);
    top.add(std::bit_cast<std::size_t>(value), count);
  });
  const std::size_t n_infinite = out.numbers->n_infinite;
  if (is_exact) out.n_distinct = n_distinct + std::min<std::size_t>(n_infinite, 1);
  for (const auto& [bits, count] : top.items())
    if (count > 1 || n_distinct <= kTopLevels)
      out.top_levels.push_back({exact_text(std::bit_cast<double>(bits), type), scaled(count, factor)});
  const auto n = static_cast<double>(cells.size());
  if (n > 0) out.order.expected_runs = expected_runs(n * factor, squares * factor * factor);
}

bool has_constant_step(std::span<const double> values) {
  if (values.size() < 3 || std::isnan(values[0])) return false;
  const double step = values[1] - values[0];
  if (step == 0) return false;
  for (std::size_t i = 2; i < values.size(); ++i)
    if (values[i] - values[i - 1] != step) return false;
  return true;
}

void summarize_numbers(const Column& column, std::size_t exact_rows, ColumnProfile& out) {
  std::vector<double> copy;
  std::span<const double> values;
  if (column.type() == ColumnType::kFloat64) {
    values = column.float64s();
  } else {
    copy.resize(column.size());
    column.copy_numbers(copy);
    values = copy;
  }
  NumberSummary& numbers = out.numbers.emplace();
  count_numbers(values.data(), values.size(), numbers);
  out.order = order_of(
      values.size(), [&](std::size_t i) { return values[i]; },
      [&](std::size_t i) { return std::isnan(values[i]); });
  const bool is_exact = column.size() <= exact_rows;
  out.order.constant_step = numbers.is_whole && out.order.strict && has_constant_step(values);
  const bool whole = needs_integers(column, numbers);
  std::vector<double> drawn;
  std::vector<std::int64_t> drawn_whole;
  if (!is_exact) {
    for (const std::uint32_t row : draw_rows(values.size(), std::min(kSortedCells, exact_rows), 0)) {
      drawn.push_back(values[row]);
      if (whole) drawn_whole.push_back(column.int64s()[row]);
    }
    estimate_distinct(column, out);
  }
  const SortedCells cells(is_exact ? values : std::span<const double>(drawn), numbers,
                          !whole     ? std::span<const std::int64_t>()
                          : is_exact ? column.int64s()
                                     : std::span<const std::int64_t>(drawn_whole));
  const double factor =
      is_exact || cells.size() == 0 ? 1 : static_cast<double>(numbers.n) / static_cast<double>(cells.size());
  add_levels(cells, factor, column.type(), is_exact, out);
  if (numbers.n == 0) {
    numbers.quantiles.fill(kNoNumber);
    return;
  }
  for (std::size_t i = 0; i < kQuantiles.size(); ++i) numbers.quantiles[i] = cells.quantile(kQuantiles[i]);
  add_outliers(cells, factor, numbers);
  numbers.histogram = histogram_of(cells, numbers.is_whole && !is_time(column.type()));
  if (factor != 1) {
    for (std::size_t& count : numbers.histogram.counts) count = scaled(count, factor);
    numbers.histogram.n_below = scaled(numbers.histogram.n_below, factor);
    numbers.histogram.n_above = scaled(numbers.histogram.n_above, factor);
  }
  if (numbers.n == values.size()) return add_moments(values, numbers);
  if (is_exact) return add_moments(cells.values(), numbers);
  std::erase_if(copy = std::vector<double>(values.begin(), values.end()),
                [](double v) { return !std::isfinite(v); });
  add_moments(copy, numbers);
}

// ---- categories and texts ---------------------------------------------------------------------------------

void summarize_category(const Column& column, ColumnProfile& out) {
  const auto codes = column.codes();
  const auto& dictionary = *column.dictionary();
  std::vector<std::size_t> counts(static_cast<std::size_t>(dictionary.size()));
  for (const std::int32_t code : codes)
    if (code >= 0) ++counts[static_cast<std::size_t>(code)];
  TopCounts top;
  double squares = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    ++out.n_distinct;
    out.n_rare_levels += counts[i] < kRareRows;
    squares += static_cast<double>(counts[i]) * static_cast<double>(counts[i]);
    top.add(i, counts[i]);
  }
  for (const auto& [code, count] : top.items())
    out.top_levels.push_back({dictionary.level(static_cast<std::int32_t>(code)), count});
  out.order = order_of(
      codes.size(), [&](std::size_t i) { return codes[i]; }, [&](std::size_t i) { return codes[i] < 0; });
  out.order.ascending = out.order.descending = false;  // codes have no order that a user knows
  out.order.expected_runs = expected_runs(static_cast<double>(out.n_present()), squares);
  out.text = summarize_text(column, counts);
}

/// Names of the most frequent hashes: their first rows are found in one more pass.
void add_top_texts(const Column& column, std::span<const std::uint64_t> keys, const TopCounts& top,
                   double factor, ColumnProfile& out) {
  std::unordered_map<std::uint64_t, std::size_t> first_row;
  for (const auto& [key, count] : top.items()) first_row.emplace(key, keys.size());
  std::size_t n_open = first_row.size();
  for (std::size_t i = 0; i < keys.size() && n_open > 0; ++i) {
    const auto found = first_row.find(keys[i]);
    if (found == first_row.end() || found->second != keys.size()) continue;
    found->second = i;
    --n_open;
  }
  std::vector<std::pair<std::size_t, std::size_t>> rows;  // count, first row
  for (const auto& [key, count] : top.items()) rows.emplace_back(count, first_row.at(key));
  std::ranges::sort(rows, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  for (const auto& [count, row] : rows)
    if (count > 1 || out.n_distinct <= kTopLevels)
      out.top_levels.push_back({std::string(column.text(row)), scaled(count, factor)});
}

void summarize_texts(const Column& whole, const std::vector<std::uint64_t>& missing, std::size_t exact_rows,
                     ColumnProfile& out) {
  const bool is_exact = whole.size() <= exact_rows;
  const Column column =
      is_exact ? whole : whole.take(draw_rows(whole.size(), std::min(kSortedCells, exact_rows), 0));
  std::vector<std::uint64_t> keys(column.size());
  cell_keys(column, 0, keys);
  std::vector<std::uint64_t> sorted;
  sorted.reserve(keys.size());
  std::ranges::copy_if(keys, std::back_inserter(sorted),
                       [](std::uint64_t key) { return key != kMissingKey; });
  const double factor =
      sorted.empty() ? 1 : static_cast<double>(out.n_present()) / static_cast<double>(sorted.size());
  kernel::radix_sort(sorted);
  TopCounts top;
  double squares = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin + 1;
    while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
    ++out.n_distinct;
    squares += static_cast<double>(end - begin) * static_cast<double>(end - begin);
    top.add(sorted[begin], end - begin);
    begin = end;
  }
  if (is_exact)
    out.order = order_of(
        keys.size(), [&](std::size_t i) { return keys[i]; },
        [&](std::size_t i) { return has_bit(missing, i); });
  else
    estimate_distinct(whole, out);
  out.order.ascending = out.order.descending = false;
  if (is_exact) out.order.expected_runs = expected_runs(static_cast<double>(sorted.size()), squares);
  add_top_texts(column, keys, top, factor, out);
  out.text = summarize_text(whole, {});
}

void add_missing_by_rows(const std::vector<std::uint64_t>& missing, ColumnProfile& out) {
  const std::size_t n_blocks = std::min(kRowBlocks, out.n_rows);
  if (missing.empty()) return;
  for (std::size_t b = 0; b < n_blocks; ++b) {
    const std::size_t begin = b * out.n_rows / n_blocks, end = (b + 1) * out.n_rows / n_blocks;
    std::size_t n = 0;
    for (std::size_t i = begin; i < end; ++i) n += has_bit(missing, i);
    out.missing_by_rows.push_back(static_cast<float>(n) / static_cast<float>(end - begin));
  }
}

}  // namespace

void summarize_column(const Column& column, const std::vector<std::uint64_t>& missing, std::size_t exact_rows,
                      ColumnProfile& out) {
  out.type = column.type();
  out.n_rows = column.size();
  out.n_missing = column.type() == ColumnType::kSparse ? 0 : column.n_missing();
  add_missing_by_rows(missing, out);
  if (column.type() == ColumnType::kCategory)
    summarize_category(column, out);
  else if (column.type() == ColumnType::kText)
    summarize_texts(column, missing, exact_rows, out);
  else if (column.type() == ColumnType::kSparse)
    estimate_distinct(column, out);
  else
    summarize_numbers(column, exact_rows, out);
}

}  // namespace kolosal::profile
