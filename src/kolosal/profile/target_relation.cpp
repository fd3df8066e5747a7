#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/profile/cell_keys_internal.hpp"
#include "kolosal/profile/relations_internal.hpp"

namespace kolosal::profile {
namespace {

constexpr std::size_t kFolds = 5, kNumberBins = 32, kShownLevels = 12, kTenths = 10;

/// Cells cut into bins: numbers by size, levels each for itself; the last bin holds the missing ones.
struct Binned {
  std::vector<std::uint32_t> bin;  // per row
  std::size_t n_bins = 0;          // with the one of missing cells
  std::vector<double> low, high;   // numbers only
};

Binned bin_numbers(const std::vector<double>& values) {
  const std::vector<std::uint32_t> order = rows_by_value(values);
  std::size_t n_distinct = 0;
  for (std::size_t i = 0; i < order.size(); ++i)
    n_distinct += i == 0 || values[order[i]] != values[order[i - 1]];
  Binned out;
  out.bin.resize(values.size());
  std::size_t bin = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool is_new = i == 0 || values[order[i]] != values[order[i - 1]];
    // A bin ends where its share of the cells is full, but never within equal values.
    if (i > 0 && is_new && (n_distinct <= kNumberBins || i * kNumberBins >= (bin + 1) * order.size())) {
      bin = n_distinct <= kNumberBins ? bin + 1 : i * kNumberBins / order.size();
      out.low.push_back(values[order[i]]);
      out.high.push_back(values[order[i]]);
    } else if (i == 0) {
      out.low.push_back(values[order[i]]);
      out.high.push_back(values[order[i]]);
    }
    out.high.back() = values[order[i]];
    out.bin[order[i]] = static_cast<std::uint32_t>(out.low.size() - 1);
  }
  out.n_bins = out.low.size() + 1;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::isnan(values[i])) out.bin[i] = static_cast<std::uint32_t>(out.n_bins - 1);
  return out;
}

Binned bin_levels(const SampledCells& cells) {
  Binned out;
  out.n_bins = cells.levels.size() + 1;
  for (const std::int32_t code : cells.codes)
    out.bin.push_back(
        static_cast<std::uint32_t>(code < 0 ? static_cast<std::int32_t>(out.n_bins - 1) : code));
  return out;
}

std::size_t fold_of(std::size_t row) { return mixed(row + 1) % kFolds; }

/// A table bins x n_columns per fold.
class FoldTable {
 public:
  FoldTable(std::size_t n_bins, std::size_t n_columns)
      : n_columns_(n_columns), size_(n_bins * n_columns), cells_(size_ * kFolds), total_(size_) {}
  void add(std::size_t fold, std::size_t bin, std::size_t column, double value) {
    cells_[fold * size_ + bin * n_columns_ + column] += value;
    total_[bin * n_columns_ + column] += value;
  }
  double fold(std::size_t fold, std::size_t bin, std::size_t column) const {
    return cells_[fold * size_ + bin * n_columns_ + column];
  }
  double total(std::size_t bin, std::size_t column) const { return total_[bin * n_columns_ + column]; }
  /// All folds but this one.
  double others(std::size_t f, std::size_t bin, std::size_t column) const {
    return total(bin, column) - fold(f, bin, column);
  }

 private:
  std::size_t n_columns_, size_;
  std::vector<double> cells_, total_;
};

struct ScoredBin {
  double score = 0, positive = 0, negative = 0;
};

/// AUC of bins that share a score; NaN without both sides.
double auc_of(std::vector<ScoredBin>& bins) {
  std::ranges::sort(bins, {}, &ScoredBin::score);
  double positive = 0, negative = 0, pairs = 0;
  for (std::size_t begin = 0; begin < bins.size();) {
    double p = 0, n = 0;
    std::size_t end = begin;
    for (; end < bins.size() && bins[end].score == bins[begin].score; ++end) {
      p += bins[end].positive;
      n += bins[end].negative;
    }
    pairs += p * (negative + n / 2);
    positive += p;
    negative += n;
    begin = end;
  }
  return positive > 0 && negative > 0 ? pairs / positive / negative : kNoNumber;
}

/// Out-of-fold AUC (one class against the rest, by class size) and accuracy.
void score_classes(const FoldTable& counts, std::size_t n_bins, std::size_t n_classes, TargetRelation& out) {
  std::vector<double> auc_sum(n_classes), auc_weight(n_classes), class_size(n_classes);
  double n_right = 0, n_all = 0;
  std::vector<double> prior(n_classes), probability(n_bins * n_classes);
  for (std::size_t f = 0; f < kFolds; ++f) {
    double n_train = 0, n_fold = 0;
    std::ranges::fill(prior, 0);
    for (std::size_t b = 0; b < n_bins; ++b)
      for (std::size_t k = 0; k < n_classes; ++k) {
        prior[k] += counts.others(f, b, k);
        class_size[k] += counts.fold(f, b, k);
        n_fold += counts.fold(f, b, k);
      }
    for (const double count : prior) n_train += count;
    if (n_train <= 0 || n_fold <= 0) continue;
    for (std::size_t b = 0; b < n_bins; ++b) {
      double n = 0;
      for (std::size_t k = 0; k < n_classes; ++k) n += counts.others(f, b, k);
      std::size_t best = 0;
      for (std::size_t k = 0; k < n_classes; ++k) {
        probability[b * n_classes + k] = (counts.others(f, b, k) + prior[k] / n_train) / (n + 1);
        if (probability[b * n_classes + k] > probability[b * n_classes + best]) best = k;
      }
      n_right += counts.fold(f, b, best);
    }
    n_all += n_fold;
    for (std::size_t k = n_classes == 2 ? 1 : 0; k < n_classes; ++k) {
      std::vector<ScoredBin> bins;
      for (std::size_t b = 0; b < n_bins; ++b) {
        double n = 0;
        for (std::size_t j = 0; j < n_classes; ++j) n += counts.fold(f, b, j);
        if (n > 0)
          bins.push_back({probability[b * n_classes + k], counts.fold(f, b, k), n - counts.fold(f, b, k)});
      }
      const double auc = auc_of(bins);
      if (std::isnan(auc)) continue;
      auc_sum[k] += auc * n_fold;
      auc_weight[k] += n_fold;
    }
  }
  double sum = 0, weight = 0;
  for (std::size_t k = 0; k < n_classes; ++k) {
    if (auc_weight[k] <= 0) continue;
    sum += auc_sum[k] / auc_weight[k] * class_size[k];
    weight += class_size[k];
  }
  if (weight > 0) out.auc = sum / weight;
  if (n_all > 0) out.accuracy = n_right / n_all;
  out.power = std::isnan(out.auc) ? 0 : std::clamp(2 * out.auc - 1, 0.0, 1.0);
}

/// Out-of-fold R2. sums: count, sum and sum of squares of the centred target.
void score_numbers(const FoldTable& sums, std::size_t n_bins, TargetRelation& out) {
  double error = 0, total = 0;
  for (std::size_t f = 0; f < kFolds; ++f) {
    double n_train = 0, sum_train = 0;
    for (std::size_t b = 0; b < n_bins; ++b) {
      n_train += sums.others(f, b, 0);
      sum_train += sums.others(f, b, 1);
    }
    if (n_train <= 0) continue;
    const double mean = sum_train / n_train;
    const auto squared_error = [&](std::size_t b, double prediction) {
      return sums.fold(f, b, 2) - 2 * prediction * sums.fold(f, b, 1) +
             prediction * prediction * sums.fold(f, b, 0);
    };
    for (std::size_t b = 0; b < n_bins; ++b) {
      error += squared_error(b, (sums.others(f, b, 1) + mean) / (sums.others(f, b, 0) + 1));
      total += squared_error(b, mean);
    }
  }
  if (total > 0) out.r2 = 1 - error / total;
  out.power = std::isnan(out.r2) ? 0 : std::clamp(out.r2, 0.0, 1.0);
}

double mutual_information(const std::vector<double>& table, std::size_t n_rows, std::size_t n_columns) {
  std::vector<double> row(n_rows), column(n_columns);
  double n = 0, out = 0;
  for (std::size_t i = 0; i < n_rows; ++i)
    for (std::size_t j = 0; j < n_columns; ++j) {
      row[i] += table[i * n_columns + j];
      column[j] += table[i * n_columns + j];
      n += table[i * n_columns + j];
    }
  for (std::size_t i = 0; i < n_rows; ++i)
    for (std::size_t j = 0; j < n_columns; ++j) {
      const double count = table[i * n_columns + j];
      if (count > 0) out += count / n * std::log(count * n / row[i] / column[j]);
    }
  return std::max(out, 0.0);
}

/// How well "is missing" alone tells the classes (AUC of the class it tells best) or the number (|r|).
double missing_power(const Binned& binned, const SampledTarget& target) {
  const std::size_t missing_bin = binned.n_bins - 1;
  const auto n = static_cast<double>(binned.bin.size());
  double n_missing = 0;
  for (const std::uint32_t bin : binned.bin) n_missing += bin == missing_bin;
  if (n_missing == 0 || n_missing == n) return kNoNumber;
  if (target.task == data::Task::kRegression) {
    double sum = 0, sum_missing = 0, squares = 0;
    for (std::size_t i = 0; i < binned.bin.size(); ++i) {
      sum += target.values[i];
      squares += target.values[i] * target.values[i];
      sum_missing += binned.bin[i] == missing_bin ? target.values[i] : 0;
    }
    const double scale = std::sqrt(n * squares - sum * sum) * std::sqrt(n_missing * (n - n_missing));
    return scale > 0 ? std::abs(n * sum_missing - n_missing * sum) / scale : kNoNumber;
  }
  std::vector<double> count(target.n_classes), missing(target.n_classes);
  for (std::size_t i = 0; i < binned.bin.size(); ++i) {
    const auto k = static_cast<std::size_t>(target.values[i]);
    ++count[k];
    missing[k] += binned.bin[i] == missing_bin;
  }
  double best = 0.5;
  for (std::size_t k = 0; k < target.n_classes; ++k)
    if (count[k] > 0 && count[k] < n)
      best = std::max(best,
                      0.5 + std::abs(missing[k] / count[k] - (n_missing - missing[k]) / (n - count[k])) / 2);
  return best;
}

/// Bins for plots: of levels only the first ones, of numbers all.
std::vector<TargetBin> shown_bins(const SampledCells& cells, const Binned& binned,
                                  const SampledTarget& target) {
  const std::size_t n_shown =
      cells.is_number ? binned.n_bins - 1 : std::min(kShownLevels, cells.levels.size());
  const bool has_rest = !cells.is_number && cells.levels.size() > n_shown;
  std::vector<TargetBin> out(n_shown + has_rest + 1);
  const bool multiclass = target.task == data::Task::kMulticlass;
  std::vector<double> sums(out.size());
  for (TargetBin& bin : out)
    if (multiclass) bin.shares.assign(target.n_classes, 0);
  for (std::size_t i = 0; i < binned.bin.size(); ++i) {
    const std::size_t bin = binned.bin[i];
    const std::size_t at = bin < n_shown ? bin : bin + 1 == binned.n_bins ? out.size() - 1 : n_shown;
    ++out[at].n;
    sums[at] += target.values[i];
    if (multiclass) ++out[at].shares[static_cast<std::size_t>(target.values[i])];
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].n > 0 && !multiclass) out[i].mean = sums[i] / static_cast<double>(out[i].n);
    for (double& share : out[i].shares) share /= std::max(1.0, static_cast<double>(out[i].n));
    if (i < n_shown && cells.is_number) {
      out[i].low = binned.low[i];
      out[i].high = binned.high[i];
    } else if (i < n_shown) {
      out[i].label = cells.levels[i];
    } else {
      out[i].label = i + 1 == out.size() ? "(missing)" : "(other)";
    }
  }
  std::erase_if(out, [](const TargetBin& bin) { return bin.n == 0; });
  return out;
}

}  // namespace

TargetRelation relate_to_target(const SampledCells& cells, const SampledTarget& target, bool keep_bins) {
  TargetRelation out;
  out.n_rows = target.values.size();
  if (out.n_rows < 2) return out;
  const Binned binned = cells.is_number ? bin_numbers(cells.values) : bin_levels(cells);
  const bool regression = target.task == data::Task::kRegression;
  const std::size_t n_classes = regression ? kTenths : target.n_classes;
  std::vector<double> contingency(binned.n_bins * n_classes);
  FoldTable table(binned.n_bins, regression ? 3 : n_classes);
  double centre = 0;
  for (const double value : target.values) centre += value / static_cast<double>(out.n_rows);
  for (std::size_t i = 0; i < out.n_rows; ++i) {
    const std::size_t bin = binned.bin[i], fold = fold_of(i);
    if (regression) {
      const double y = target.values[i] - centre;
      table.add(fold, bin, 0, 1);
      table.add(fold, bin, 1, y);
      table.add(fold, bin, 2, y * y);
      ++contingency[bin * n_classes + target.tenths[i]];
    } else {
      const auto k = static_cast<std::size_t>(target.values[i]);
      table.add(fold, bin, k, 1);
      ++contingency[bin * n_classes + k];
    }
  }
  if (regression)
    score_numbers(table, binned.n_bins, out);
  else
    score_classes(table, binned.n_bins, n_classes, out);
  out.mutual_information = mutual_information(contingency, binned.n_bins, n_classes);
  out.missing_auc = missing_power(binned, target);
  if (keep_bins) out.bins = shown_bins(cells, binned, target);
  return out;
}

}  // namespace kolosal::profile
