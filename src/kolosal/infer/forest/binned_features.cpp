#include "kolosal/infer/forest/binned_features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "kolosal/core/error.hpp"

namespace kolosal::infer {
namespace {

using kernel::kMostBinned;
using kernel::MissingRule;
using model::Forest;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// The byte kernels read sets of 256 bits.
constexpr std::size_t kFewestSetWords = 8;
// A file may let many nodes share one large set; what takes longer to bin than this, or more memory, is left
// as it is.
constexpr std::size_t kMostSetWords = std::size_t{1} << 25;
constexpr std::size_t kMostCodes = std::size_t{1} << 28;  ///< of all sets together

MissingRule rule_of(unsigned flags) {
  if (flags & model::kCategorical) return MissingRule::kNan;
  if (flags & model::kZeroIsMissing) return MissingRule::kNanOrZero;
  return flags & model::kNanIsZero ? MissingRule::kNanIsZero : MissingRule::kNan;
}

/// NaN first, then ascending.
bool cut_less(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }

bool in_set(const Forest& forest, std::size_t node, std::size_t code) {
  if (code >= 32 * static_cast<std::size_t>(forest.category_words[node])) return false;
  const std::size_t word = static_cast<std::size_t>(forest.category_offset[node]) + code / 32;
  return (forest.category_bits[word] >> (code % 32)) & 1U;
}

}  // namespace

std::optional<BinnedFeatures> BinnedFeatures::of(const Forest& forest) {
  BinnedFeatures out;
  out.round_to_float_ = forest.round_to_float;
  out.collect(forest);
  if (!out.find_classes(forest)) return std::nullopt;
  for (std::size_t c = 0; c < out.n_columns(); ++c)
    if (out.n_bins(c) > kernel::kMostCuts) return std::nullopt;
  for (std::size_t i = 0; i < out.splits_.size(); ++i) {
    BinnedSplit& split = out.splits_[i];
    if (split.is_category) continue;
    const auto& cuts = out.columns_[split.column].cuts;
    const double threshold = forest.folded_threshold(i);
    split.cut = static_cast<std::uint32_t>(std::lower_bound(cuts.begin(), cuts.end(), threshold, cut_less) -
                                           cuts.begin());
  }
  out.make_tables();
  return out;
}

void BinnedFeatures::collect(const Forest& forest) {
  const auto key_of = [&](std::size_t node) {
    const unsigned flags = forest.flags[node];
    return ColumnKey(forest.feature[node], (flags & model::kCategorical) != 0, rule_of(flags));
  };
  splits_.resize(forest.feature.size());
  std::map<ColumnKey, std::uint32_t> numbers;
  for (std::size_t i = 0; i < splits_.size(); ++i) numbers.try_emplace(key_of(i), 0);
  // In the order of the features, so that columns which are read together lie together.
  for (auto& [key, number] : numbers) {
    number = static_cast<std::uint32_t>(columns_.size());
    Column& column = columns_.emplace_back();
    column.feature = static_cast<std::uint32_t>(std::get<0>(key));
    column.is_category = std::get<1>(key);
  }
  for (std::size_t i = 0; i < splits_.size(); ++i) {
    const ColumnKey key = key_of(i);
    BinnedSplit& split = splits_[i];
    split.column = numbers.at(key);
    split.is_category = std::get<1>(key);
    split.missing_is_left =
        (forest.flags[i] & model::kDefaultLeft) != 0 && std::get<2>(key) != MissingRule::kNanIsZero;
    if (!split.is_category) columns_[split.column].cuts.push_back(forest.folded_threshold(i));
  }
  for (const auto& [key, number] : numbers) {
    Column& column = columns_[number];
    if (column.is_category) continue;
    std::sort(column.cuts.begin(), column.cuts.end(), cut_less);
    const auto same = [](double a, double b) { return !cut_less(a, b) && !cut_less(b, a); };
    column.cuts.erase(std::unique(column.cuts.begin(), column.cuts.end(), same), column.cuts.end());
    column.n_bins = column.cuts.size() + 1;
    if (column.n_bins > kernel::kMostCuts) continue;  // refused by of()
    column.doubles = CutTableStorage<double>(column.cuts, std::get<2>(key));
    column.floats = CutTableStorage<float>(column.cuts, std::get<2>(key));
  }
}

// Two codes are of one class as long as every set has both or neither: each set divides the classes anew.
bool BinnedFeatures::find_classes(const Forest& forest) {
  std::vector<std::vector<std::size_t>> nodes(n_columns());
  for (std::size_t i = 0; i < splits_.size(); ++i)
    if (splits_[i].is_category) nodes[splits_[i].column].push_back(i);
  for (std::size_t c = 0; c < n_columns(); ++c) {
    if (nodes[c].empty()) continue;
    std::size_t n_codes = 0;
    for (const std::size_t i : nodes[c])
      n_codes = std::max(n_codes, 32 * static_cast<std::size_t>(forest.category_words[i]));
    const std::size_t n_kinds = n_codes + 2;
    if (n_kinds > kMostCodes / nodes[c].size()) return false;
    const auto goes_left = [&](std::size_t node, std::size_t kind) {
      if (kind == n_codes + 1) return (forest.flags[node] & model::kDefaultLeft) != 0;
      return in_set(forest, node, kind);
    };
    std::vector<std::uint32_t> classes(n_kinds, 0);
    std::uint32_t n_classes = 1;
    for (const std::size_t i : nodes[c]) {
      if (n_classes == n_kinds) break;
      std::vector<std::uint32_t> renamed(2 * std::size_t{n_classes}, ~0U);
      std::uint32_t next = 0;
      for (std::size_t kind = 0; kind < n_kinds; ++kind) {
        std::uint32_t& name = renamed[2 * std::size_t{classes[kind]} + goes_left(i, kind)];
        if (name == ~0U) name = next++;
        classes[kind] = name;
      }
      n_classes = next;
    }
    if (n_classes > kernel::kMostCuts) return false;
    columns_[c].n_bins = n_classes;
    columns_[c].class_of_code.assign(classes.begin(), classes.end());
    const std::size_t n_words = std::max<std::size_t>((n_classes + 31) / 32, kFewestSetWords);
    if (sets_.size() + n_words * nodes[c].size() > kMostSetWords) return false;
    for (const std::size_t i : nodes[c]) {
      splits_[i].set = static_cast<std::uint32_t>(sets_.size());
      sets_.resize(sets_.size() + n_words);
      for (std::size_t kind = 0; kind < n_kinds; ++kind)
        if (goes_left(i, kind)) sets_[splits_[i].set + classes[kind] / 32] |= 1U << (classes[kind] % 32);
    }
  }
  return true;
}

void BinnedFeatures::make_tables() {
  for (std::size_t c = 0; c < n_columns(); ++c) {
    features_.push_back(columns_[c].feature);
    double_tables_.push_back(columns_[c].doubles.view());
    float_tables_.push_back(columns_[c].floats.view());
    if (columns_[c].is_category) category_columns_.push_back(static_cast<std::uint32_t>(c));
  }
}

std::uint16_t BinnedFeatures::Column::class_of(double value) const {
  const std::size_t n_codes = class_of_code.size() - 2;
  // NaN and codes below 0 are missing. (-1, 0) truncates to code 0, as in LightGBM.
  if (!(value > -1.0)) return class_of_code[n_codes + 1];
  if (!(value < static_cast<double>(n_codes))) return class_of_code[n_codes];
  return class_of_code[static_cast<std::size_t>(std::max(value, 0.0))];
}

template <typename T>
void BinnedFeatures::bin_column(const Column& column, const T* values, std::size_t n,
                                std::uint16_t* bins) const {
  if (column.is_category) {
    for (std::size_t i = 0; i < n; ++i)
      bins[i] = column.class_of(round_to_float_ ? static_cast<double>(static_cast<float>(values[i]))
                                                : static_cast<double>(values[i]));
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    kernel::find_bins(column.floats.view(), values, n, bins);
  } else if (round_to_float_) {
    float rounded[kMostBinned];
    for (std::size_t i = 0; i < n; ++i) rounded[i] = static_cast<float>(values[i]);
    kernel::find_bins(column.floats.view(), rounded, n, bins);
  } else {
    kernel::find_bins(column.doubles.view(), values, n, bins);
  }
}

template <typename T>
void BinnedFeatures::bin_matrix(const T* rows, std::size_t stride, std::size_t n, std::uint16_t* bins) const {
  constexpr std::size_t kTogether = kernel::kCopiedColumns;
  T values[kTogether * kMostBinned];
  for (std::size_t c = 0; c < n_columns(); c += kTogether) {
    // The last ones are copied several times where there are fewer.
    std::uint32_t features[kTogether];
    for (std::size_t k = 0; k < kTogether; ++k) features[k] = features_[std::min(c + k, n_columns() - 1)];
    kernel::copy_columns(rows, stride, n, features, values);
    for (std::size_t k = 0; k < kTogether && c + k < n_columns(); ++k)
      bin_column(columns_[c + k], values + k * kMostBinned, n, bins + (c + k) * kMostBinned);
  }
}

void BinnedFeatures::bin_rows(const float* rows, std::size_t stride, std::size_t n,
                              std::uint16_t* bins) const {
  bin_matrix(rows, stride, n, bins);
}

void BinnedFeatures::bin_rows(const double* rows, std::size_t stride, std::size_t n,
                              std::uint16_t* bins) const {
  bin_matrix(rows, stride, n, bins);
}

void BinnedFeatures::bin_rows(const data::Frame& x, std::size_t begin, std::size_t n,
                              std::uint16_t* bins) const {
  for (std::size_t c = 0; c < n_columns(); ++c) {
    const data::Column& cells = x.column(columns_[c].feature);
    std::uint16_t* const out = bins + c * kMostBinned;
    if (cells.type() == data::ColumnType::kFloat32) {
      bin_column(columns_[c], cells.float32s().data() + begin, n, out);
    } else if (cells.type() == data::ColumnType::kFloat64) {
      bin_column(columns_[c], cells.float64s().data() + begin, n, out);
    } else {
      double values[kMostBinned];
      cells.slice(begin, n).copy_numbers(std::span<double>(values, n));
      bin_column(columns_[c], values, n, out);
    }
  }
}

template <typename T>
void BinnedFeatures::bin_one(const std::vector<kernel::CutTable<T>>& tables, const T* row,
                             std::uint16_t* bins) const {
  kernel::find_row_bins(tables.data(), features_.data(), tables.size(), row, bins);
  for (const std::uint32_t c : category_columns_)
    bin_column(columns_[c], row + columns_[c].feature, 1, bins + c);
}

void BinnedFeatures::bin_row(const float* row, std::uint16_t* bins) const {
  bin_one(float_tables_, row, bins);
}

void BinnedFeatures::bin_row(const double* row, std::uint16_t* bins) const {
  if (!round_to_float_) return bin_one(double_tables_, row, bins);
  for (std::size_t c = 0; c < n_columns(); ++c)
    bin_column(columns_[c], row + columns_[c].feature, 1, bins + c);
}

double BinnedFeatures::sample(std::size_t feature, std::uint64_t choice) const {
  for (const Column& column : columns_) {
    if (column.feature != feature) continue;
    if (choice % 64 == 63) return kNaN;
    if (column.is_category) return static_cast<double>(choice % (column.class_of_code.size() + 1));
    const double cut = column.cuts[choice % column.cuts.size()];
    if (!std::isfinite(cut)) return cut;
    if (choice % 5 == 0) return cut;
    const double next = column.cuts[std::min(choice % column.cuts.size() + 1, column.cuts.size() - 1)];
    return std::isfinite(next) ? cut + 0.5 * (next - cut) + (next == cut ? 1 : 0) : cut;
  }
  return 0;
}

}  // namespace kolosal::infer
