#include "kolosal/model/binned_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kolosal::model {
namespace {

constexpr std::size_t kMaxBins = 255;
constexpr std::size_t kSampleRows = 200'000;

double middle(double low, double high) {
  const double out = low + (high - low) / 2;
  return std::isfinite(out) && out >= low && out < high ? out : low;
}

/// Every value, or an even sample of it, sorted, without NaN.
std::vector<double> sorted_sample(const std::vector<double>& values) {
  std::vector<double> sample;
  const std::size_t step = std::max<std::size_t>(1, values.size() / kSampleRows);
  sample.reserve(values.size() / step + 1);
  for (std::size_t i = 0; i < values.size(); i += step)
    if (!std::isnan(values[i])) sample.push_back(values[i]);
  std::sort(sample.begin(), sample.end());
  return sample;
}

BinnedColumn bin_numbers(const data::Column& column) {
  std::vector<double> values(column.size());
  column.copy_numbers(std::span<double>(values));
  const std::vector<double> sorted = sorted_sample(values);
  BinnedColumn out;
  out.bin.assign(values.size(), 0);
  std::vector<double> cuts = bin_ends(sorted, kMaxBins);
  out.low.assign(cuts.size() + 2, std::numeric_limits<double>::infinity());
  out.high.assign(cuts.size() + 2, -std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const auto b =
        static_cast<std::size_t>(std::lower_bound(cuts.begin(), cuts.end(), values[i]) - cuts.begin()) + 1;
    out.bin[i] = static_cast<std::uint8_t>(b);
    out.n_bins = std::max(out.n_bins, out.bin[i]);
    out.low[b] = std::min(out.low[b], values[i]);
    out.high[b] = std::max(out.high[b], values[i]);
  }
  return out;
}

BinnedColumn bin_categories(const data::Column& column) {
  const auto codes = column.codes();
  const auto n_levels = static_cast<std::size_t>(column.dictionary()->size());
  std::vector<std::size_t> count(n_levels, 0);
  for (std::int32_t code : codes)
    if (code >= 0) ++count[static_cast<std::size_t>(code)];
  std::vector<std::size_t> order(n_levels);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return count[a] > count[b]; });

  BinnedColumn out;
  out.is_category = true;
  out.bin_of_code.assign(n_levels, 0);
  for (std::size_t rank = 0; rank < n_levels && count[order[rank]] > 0; ++rank) {
    out.n_bins = static_cast<std::uint8_t>(std::min(rank + 1, kMaxBins));
    out.bin_of_code[order[rank]] = out.n_bins;
  }
  out.bin.resize(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i)
    out.bin[i] = codes[i] < 0 ? std::uint8_t{0} : out.bin_of_code[static_cast<std::size_t>(codes[i])];
  return out;
}

}  // namespace

std::vector<double> bin_ends(const std::vector<double>& sorted, std::size_t max_bins) {
  std::vector<double> value;
  std::vector<std::size_t> count;
  for (double v : sorted) {
    if (value.empty() || v != value.back()) {
      value.push_back(v);
      count.push_back(0);
    }
    ++count.back();
  }
  std::vector<double> cuts;
  std::size_t rest = sorted.size(), in_bin = 0;
  for (std::size_t i = 0; i + 1 < value.size(); ++i) {
    in_bin += count[i];
    const std::size_t free_bins = max_bins - cuts.size();
    const bool each_alone = value.size() <= max_bins;
    const bool full = in_bin * free_bins >= rest || count[i + 1] * free_bins >= rest;
    if (!each_alone && (!full || free_bins == 1)) continue;
    cuts.push_back(middle(value[i], value[i + 1]));
    rest -= in_bin;
    in_bin = 0;
  }
  return cuts;
}

double BinnedColumn::threshold(std::uint8_t b, std::uint8_t next) const { return middle(high[b], low[next]); }

std::shared_ptr<const BinnedTable> BinnedTable::of(const data::Frame& x, const Context& context) {
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (x.column(c).type() != data::ColumnType::kCategory && !x.column(c).is_numeric())
      throw Error(ErrorCode::kData, "a forest takes numbers and categories: column \"{}\" is {}", x.name(c),
                  data::type_name(x.column(c).type()));
  auto table = std::make_shared<BinnedTable>();
  table->n_rows = x.n_rows();
  table->columns.resize(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const data::Column& column = x.column(c);
    table->columns[c] =
        column.type() == data::ColumnType::kCategory ? bin_categories(column) : bin_numbers(column);
  });
  return table;
}

}  // namespace kolosal::model
