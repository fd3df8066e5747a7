#include "kolosal/model/symmetric_grower.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kolosal::model {
namespace {

constexpr std::size_t kMaxLeaves = std::size_t{1} << SymmetricGrower::kMaxDepth;
constexpr double kLargestSum = 1 << 30;        // half of what a packed sum holds: roundings add up
constexpr std::size_t kCellsPerTask = 40'000;  // work that is worth a thread's while, some 50 us

}  // namespace

SymmetricGrower::SymmetricGrower(const SymmetricTable& table, std::size_t n_outputs, std::size_t depth,
                                 double l2, std::size_t most_kept_bytes)
    : table_(table),
      n_outputs_(n_outputs),
      depth_(depth),
      l2_(l2),
      most_slots_(std::size_t{1} << (depth - 1)),
      value_(table.n_rows() * n_outputs),
      leaf_(table.n_rows()),
      rows_(table.n_rows() + 1),
      slots_(table.n_rows() + 1),
      block_count_(n_blocks() * kMaxLeaves),
      is_smaller_(kMaxLeaves),
      best_(table.n_features()) {
  keeps_histograms_ = n_bytes(table, n_outputs, depth) <= most_kept_bytes;
  for (std::size_t g = 0; keeps_histograms_ && g < table.n_groups(); ++g)
    histogram_.emplace_back(table.stride(g) * most_slots_ * n_outputs);
}

std::size_t SymmetricGrower::n_bytes(const SymmetricTable& table, std::size_t n_outputs, std::size_t depth) {
  std::size_t n_cells = 0;
  for (std::size_t g = 0; g < table.n_groups(); ++g) n_cells += table.stride(g);
  return (n_cells * n_outputs * sizeof(std::int64_t)) << (depth - 1);
}

std::int64_t* SymmetricGrower::slot(std::size_t group, std::size_t output, std::size_t slot) {
  return histogram_[group].data() + (output * most_slots_ + slot) * table_.stride(group);
}

void SymmetricGrower::quantize(const SymmetricTask& task, const Context& context) {
  const std::size_t n = table_.n_rows();
  const auto weight = [&](std::size_t i) {
    return task.weight.empty() ? 1.0 : static_cast<double>(task.weight[i]);
  };
  std::vector<double> size(n_blocks() * n_outputs_), total(n_blocks());
  context.parallel_blocks(n, kBlock, [&](std::size_t begin, std::size_t end) {
    const std::size_t block = begin / kBlock;
    for (std::size_t i = begin; i < end; ++i) total[block] += weight(i);
    for (std::size_t k = 0; k < n_outputs_; ++k)
      for (std::size_t i = begin; i < end; ++i)
        size[k * n_blocks() + block] += std::abs(static_cast<double>(task.gradient[k * n + i])) * weight(i);
  });
  double largest = 0;
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    const auto first = size.begin() + static_cast<std::ptrdiff_t>(k * n_blocks());
    largest = std::max(largest, std::accumulate(first, first + static_cast<std::ptrdiff_t>(n_blocks()), 0.0));
  }
  const double total_weight = std::accumulate(total.begin(), total.end(), 0.0);
  gradient_unit_ = largest > 0 ? kLargestSum / largest : 1;
  weight_unit_ = total_weight > 0 ? kLargestSum / total_weight : 1;
  context.parallel_blocks(n, kBlock, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = 0; k < n_outputs_; ++k)
      for (std::size_t i = begin; i < end; ++i) {
        const double w = weight(i);
        const auto units = static_cast<std::int32_t>(std::lrint(w * weight_unit_));
        const auto gradient = static_cast<std::int32_t>(
            std::lrint(static_cast<double>(task.gradient[k * n + i]) * w * gradient_unit_));
        value_[k * n + i] = units > 0 ? kernel::pack_sums(gradient, units) : 0;
      }
  });
}

void SymmetricGrower::start_rows(const Context& context) {
  context.parallel_blocks(table_.n_rows(), kBlock, [&](std::size_t begin, std::size_t end) {
    std::fill(leaf_.begin() + static_cast<std::ptrdiff_t>(begin),
              leaf_.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
    std::uint32_t count = 0;
    for (std::size_t i = begin; i < end; ++i) count += value_[i] != 0;
    block_count_[begin / kBlock * kMaxLeaves] = count;
  });
  is_smaller_[0] = 1;
  list_rows(0, context);
}

void SymmetricGrower::divide(const SymmetricSplit& split, std::size_t level, std::size_t permutation,
                             const Context& context) {
  const SymmetricTable::Lane lane = table_.lane(split.feature, permutation);
  const std::size_t n_leaves = std::size_t{2} << level;
  context.parallel_blocks(table_.n_rows(), kBlock, [&](std::size_t begin, std::size_t end) {
    std::uint8_t bins[kBlock];
    for (std::size_t i = begin; i < end; ++i)
      bins[i - begin] = static_cast<std::uint8_t>(lane.bins[i] >> lane.shift);
    kernel::add_leaf_bits(bins, split.border, static_cast<unsigned>(level), end - begin,
                          leaf_.data() + begin);
    if (level + 1 == depth_) return;
    std::uint32_t* count = block_count_.data() + begin / kBlock * kMaxLeaves;
    std::fill(count, count + n_leaves, 0U);
    for (std::size_t i = begin; i < end; ++i) count[leaf_[i]] += value_[i] != 0;
  });
  if (level + 1 == depth_) return;
  std::vector<std::uint64_t> count(n_leaves);
  for (std::size_t b = 0; b < n_blocks(); ++b)
    for (std::size_t l = 0; l < n_leaves; ++l) count[l] += block_count_[b * kMaxLeaves + l];
  const std::size_t half = n_leaves / 2;
  for (std::size_t l = 0; l < half; ++l) {
    is_smaller_[l] = !keeps_histograms_ || count[l] < count[l + half];
    is_smaller_[l + half] = !keeps_histograms_ || !is_smaller_[l];
  }
  list_rows(level + 1, context);
}

void SymmetricGrower::list_rows(std::size_t level, const Context& context) {
  const std::size_t n_leaves = std::size_t{1} << level;
  std::vector<std::size_t> first(n_blocks() + 1, 0);
  for (std::size_t b = 0; b < n_blocks(); ++b) {
    first[b + 1] = first[b];
    for (std::size_t l = 0; l < n_leaves; ++l)
      if (is_smaller_[l]) first[b + 1] += block_count_[b * kMaxLeaves + l];
  }
  n_listed_ = first.back();
  // Smaller children are summed into the slot of the upper child; subtract() puts both in their places.
  const std::size_t half = keeps_histograms_ ? n_leaves / 2 : 0;
  context.parallel_blocks(table_.n_rows(), kBlock, [&](std::size_t begin, std::size_t end) {
    std::uint32_t rows[kBlock + 1];
    std::uint8_t slots[kBlock + 1];
    std::size_t n = 0;
    for (std::size_t i = begin; i < end; ++i) {
      rows[n] = static_cast<std::uint32_t>(i);
      slots[n] = static_cast<std::uint8_t>(leaf_[i] | half);
      n += (value_[i] != 0) & is_smaller_[leaf_[i]];
    }
    std::copy_n(rows, n, rows_.begin() + static_cast<std::ptrdiff_t>(first[begin / kBlock]));
    std::copy_n(slots, n, slots_.begin() + static_cast<std::ptrdiff_t>(first[begin / kBlock]));
  });
}

void SymmetricGrower::subtract(std::size_t group, std::size_t level) {
  const std::size_t half = std::size_t{1} << (level - 1), n_cells = table_.stride(group);
  for (std::size_t k = 0; k < n_outputs_; ++k)
    for (std::size_t s = 0; s < half; ++s) {
      std::int64_t* lower = slot(group, k, s);
      std::int64_t* upper = slot(group, k, s + half);
      if (is_smaller_[s + half]) {
        for (std::size_t c = 0; c < n_cells; ++c) lower[c] -= upper[c];
      } else {
        for (std::size_t c = 0; c < n_cells; ++c) {
          const std::int64_t small = upper[c];
          upper[c] = lower[c] - small;
          lower[c] = small;
        }
      }
    }
}

SymmetricGrower::Best SymmetricGrower::best_border(const std::int64_t* cells, std::size_t group,
                                                   std::size_t n_bins, std::size_t n_slots,
                                                   std::size_t slots_apart) const {
  float numerator[256] = {}, denominator[256] = {}, divided[256] = {};
  const auto l2 = static_cast<float>(l2_ * weight_unit_);
  for (std::size_t k = 0; k < n_outputs_; ++k)
    for (std::size_t s = 0; s < n_slots; ++s)
      kernel::add_split_scores(cells + (k * slots_apart + s) * table_.stride(group), n_bins, l2, numerator,
                               denominator, divided);
  Best out;
  for (std::size_t b = 0; b + 1 < n_bins; ++b) {
    if (!(divided[b] > 0)) continue;
    const double score = denominator[b] > 0 ? static_cast<double>(numerator[b]) /
                                                  std::sqrt(static_cast<double>(denominator[b]))
                                            : 0.0;
    if (score > out.score) out = {score, static_cast<std::uint8_t>(b)};
  }
  return out;
}

void SymmetricGrower::search_group(std::size_t group, std::size_t level, const SymmetricTask& task,
                                   std::vector<std::int64_t>& scratch) {
  const kernel::BinGroup bins = table_.group(group, task.permutation);
  const std::size_t n_slots = std::size_t{1} << level;
  const std::size_t slots_apart = keeps_histograms_ ? most_slots_ : n_slots;
  if (!keeps_histograms_) scratch.assign(n_outputs_ * n_slots * bins.stride, 0);
  std::int64_t* const cells = keeps_histograms_ ? slot(group, 0, 0) : scratch.data();
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    std::int64_t* const first = cells + k * slots_apart * bins.stride;
    const std::size_t half = n_slots / 2;
    if (keeps_histograms_) std::fill(first + half * bins.stride, first + n_slots * bins.stride, 0);
    kernel::add_to_histograms(rows_.data(), slots_.data(), n_listed_, value_.data() + k * table_.n_rows(),
                              bins, first);
  }
  if (keeps_histograms_ && level > 0) subtract(group, level);
  const auto& features = table_.features(group);
  for (std::size_t lane = 0; lane < features.size(); ++lane) {
    const std::uint32_t f = features[lane];
    best_[f] = task.is_used[f]
                   ? best_border(cells + bins.offset[lane], group, table_.n_bins(f), n_slots, slots_apart)
                   : Best();
  }
}

std::vector<SymmetricSplit> SymmetricGrower::grow(const SymmetricTask& task, const Context& context) {
  quantize(task, context);
  start_rows(context);
  // Scores are in units of the integers.
  const double unit = gradient_unit_ / std::sqrt(weight_unit_);
  Rng rng(task.seed);
  std::vector<SymmetricSplit> out;
  double score_before = 0;
  const std::size_t rows_per_group = std::max<std::size_t>(table_.n_rows() * n_outputs_, 1);
  const std::size_t grain = std::max<std::size_t>(1, kCellsPerTask / (4 * rows_per_group));
  for (std::size_t level = 0; level < depth_; ++level) {
    context.parallel_blocks(table_.n_groups(), grain, [&](std::size_t begin, std::size_t end) {
      std::vector<std::int64_t> scratch;
      for (std::size_t g = begin; g < end; ++g) search_group(g, level, task, scratch);
    });
    double best_score = 0;
    SymmetricSplit split;
    bool found = false;
    for (std::uint32_t f = 0; f < best_.size(); ++f) {
      if (best_[f].score < 0) continue;
      const double score = best_[f].score + (task.noise > 0 ? task.noise * unit * rng.normal() : 0.0);
      if (found && score <= best_score) continue;
      found = true;
      best_score = score;
      split = {f, best_[f].border, 0};
    }
    if (!found) break;
    const double score = best_[split.feature].score / unit;
    split.gain = std::max(0.0, score * score - score_before * score_before);
    score_before = score;
    out.push_back(split);
    divide(split, level, task.permutation, context);
  }
  return out;
}

}  // namespace kolosal::model
