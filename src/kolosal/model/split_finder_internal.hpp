#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/model/tree_grower.hpp"

namespace kolosal::model {

/// Where a node is cut: bins up to `bin` go left, bins from `next` on go right; no row of the node lies
/// between.
struct Split {
  double score = -std::numeric_limits<double>::infinity();  ///< Larger is better; comparable within a node.
  std::int32_t feature = -1;                                ///< Set by the grower, who knows its number.
  std::uint8_t bin = 0;
  std::uint8_t next = 0;  ///< 0: all present values go left, missing ones right.
  bool has_missing = false;
  bool missing_left = false;
  double drawn = std::numeric_limits<double>::quiet_NaN();  ///< The threshold when it was drawn at random.
};

/// The bins that occur among some rows, ascending. Cheaper than sorting, and than visiting all bins of a
/// small node.
class OccupiedBins {
 public:
  void clear() { words_ = {}; }
  void add(std::uint8_t bin) { words_[bin >> 6] |= std::uint64_t{1} << (bin & 63); }
  /// Fills list(); returns how many there are.
  std::size_t collect() {
    n_ = 0;
    for (std::size_t w = 0; w < words_.size(); ++w)
      for (std::uint64_t rest = words_[w]; rest != 0; rest &= rest - 1)
        list_[n_++] = static_cast<std::uint8_t>(64 * w + static_cast<std::size_t>(std::countr_zero(rest)));
    return n_;
  }
  template <typename IsOccupied>
  std::size_t collect_if(std::size_t n_bins, IsOccupied&& is_occupied) {
    n_ = 0;
    for (std::size_t b = 0; b <= n_bins; ++b)
      if (is_occupied(b)) list_[n_++] = static_cast<std::uint8_t>(b);
    return n_;
  }
  std::uint8_t operator[](std::size_t i) const { return list_[i]; }
  std::size_t size() const { return n_; }

 private:
  std::array<std::uint64_t, 4> words_{};
  std::array<std::uint8_t, 256> list_{};
  std::size_t n_ = 0;
};

/// A threshold drawn evenly between the smallest and the largest value of a node.
struct DrawnCut {
  std::uint8_t bin;
  double threshold;
};
inline DrawnCut draw_cut(const TreeData::Feature& feature, std::uint8_t smallest, std::uint8_t largest,
                         Rng& rng) {
  const auto last = static_cast<std::uint8_t>(largest - 1);
  if (!feature.column)
    return {static_cast<std::uint8_t>(smallest + rng.below(std::uint64_t{largest} - smallest)), 0};
  const BinnedColumn& column = *feature.column;
  const double low = column.low[smallest], high = column.high[largest];
  const double drawn = low + rng.uniform() * (high - low);
  // The first bin that does not end before the drawn value; a value inside a bin moves to the nearer end.
  auto b = static_cast<std::uint8_t>(
      std::lower_bound(column.high.begin() + smallest, column.high.begin() + largest, drawn) -
      column.high.begin());
  if (b > smallest && (drawn < column.low[b] || drawn - column.low[b] < column.high[b] - drawn)) --b;
  b = std::clamp(b, smallest, last);
  const auto next = static_cast<std::uint8_t>(b + 1);
  const bool in_gap = drawn >= column.high[b] && drawn < column.low[next];
  return {b, in_gap ? drawn : column.threshold(b, next)};
}

/// What the bins of a node's rows are.
struct NodeBins {
  std::uint8_t smallest = 0, largest = 0;  ///< Without missing rows; 0 when all are missing.
  std::size_t n_missing = 0;
  bool is_constant() const { return largest == 0 || (smallest == largest && n_missing == 0); }
};

/// The bins of a node's rows, side by side.
class BinReader {
 public:
  NodeBins read(const TreeData::Feature& feature, const std::uint32_t* rows, std::size_t n) {
    const std::uint8_t* column = feature.bin.data();
    if (bins_.size() < n) bins_.resize(n);
    unsigned smallest_less_one = 255, largest = 0, n_missing = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint8_t b = column[rows[i]];
      bins_[i] = b;
      largest = std::max<unsigned>(largest, b);
      smallest_less_one =
          std::min<unsigned>(smallest_less_one, static_cast<std::uint8_t>(b - 1));  // missing: 255
      n_missing += b == 0;
    }
    return {static_cast<std::uint8_t>(largest == 0 ? 0 : smallest_less_one + 1),
            static_cast<std::uint8_t>(largest), n_missing};
  }
  std::uint8_t operator[](std::size_t i) const { return bins_[i]; }

 private:
  std::vector<std::uint8_t> bins_;
};

inline double x_log_x(double x) { return x > 0 ? x * std::log(x) : 0.0; }

/// Splits for one number per row: regression, and two classes as 0 and 1.
template <bool kEntropy, bool kCount>
class ScalarFinder {
 public:
  struct Stat {
    double w, s;  // weight, weight * target
    Stat& operator+=(const Stat& other) {
      w += other.w;
      s += other.s;
      return *this;
    }
  };

  ScalarFinder(const TreeData&, const TreeParams& params) : min_leaf_(params.min_samples_leaf) {}

  static Stat make(double weight, double target) { return {weight, weight * target}; }

  /// Takes in the rows of a node. False when all their targets are equal.
  bool begin_node(const Stat* stats, std::size_t n) {
    total_ = {0, 0};
    bool mixed = false;
    for (std::size_t i = 0; i < n; ++i) {
      total_ += stats[i];
      mixed |= stats[i].s * stats[0].w != stats[0].s * stats[i].w;
    }
    n_ = n;
    return mixed;
  }
  void leaf(std::vector<double>& out) const { out.push_back(total_.s / total_.w); }
  double parent_score() const { return part(total_); }

  /// Improves `best`, all but its feature. False when the feature is constant in the node.
  bool find_best(const TreeData::Feature& feature, const std::uint32_t* rows, const Stat* stats,
                 std::size_t n, Split& best) {
    fill(feature, rows, stats, n);
    const bool has_missing = occupied_[0] == 0;
    const bool varies = occupied_.size() > 1;
    if (varies) {
      scan(has_missing, false, best);
      if (has_missing) scan(true, true, best);
    }
    clear();
    return varies;
  }

  bool find_random(const TreeData::Feature& feature, const std::uint32_t* rows, const Stat* stats,
                   std::size_t n, Rng& rng, Split& best) {
    fill(feature, rows, stats, n);
    const bool varies = occupied_.size() > 1;
    if (varies) cut_at_random(feature, rng, best);
    clear();
    return varies;
  }

 private:
  static constexpr std::size_t kSmallNode = 512;

  void fill(const TreeData::Feature& feature, const std::uint32_t* rows, const Stat* stats, std::size_t n) {
    const std::uint8_t* column = feature.bin.data();
    if (n < kSmallNode) {
      occupied_.clear();
      for (std::size_t i = 0; i < n; ++i) {
        const std::uint8_t b = column[rows[i]];
        histogram_[b] += stats[i];
        if constexpr (kCount) ++counts_[b];
        occupied_.add(b);
      }
      occupied_.collect();
      return;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint8_t b = column[rows[i]];
      histogram_[b] += stats[i];
      if constexpr (kCount) ++counts_[b];
    }
    occupied_.collect_if(feature.n_bins, [&](std::size_t b) { return histogram_[b].w > 0; });
  }

  void clear() {
    for (std::size_t i = 0; i < occupied_.size(); ++i) {
      histogram_[occupied_[i]] = {0, 0};
      if constexpr (kCount) counts_[occupied_[i]] = 0;
    }
  }

  void cut_at_random(const TreeData::Feature& feature, Rng& rng, Split& best) const {
    const bool has_missing = occupied_[0] == 0;
    const std::uint8_t smallest = occupied_[has_missing ? 1 : 0], largest = occupied_[occupied_.size() - 1];
    const bool one_value = smallest == largest;
    const DrawnCut cut = one_value ? DrawnCut{largest, 0} : draw_cut(feature, smallest, largest, rng);
    const auto next = static_cast<std::uint8_t>(one_value ? 0 : cut.bin + 1);
    Stat left{0, 0};  // without the missing rows
    std::size_t n_left = 0;
    for (std::size_t i = has_missing ? 1 : 0; i < occupied_.size() && occupied_[i] <= cut.bin; ++i) {
      left += histogram_[occupied_[i]];
      if constexpr (kCount) n_left += counts_[occupied_[i]];
    }
    consider(left, n_left, {0, 0, cut.bin, next, has_missing, false, cut.threshold}, best);
    if (!has_missing || one_value) return;
    left += histogram_[0];
    if constexpr (kCount) n_left += counts_[0];
    consider(left, n_left, {0, 0, cut.bin, next, true, true, cut.threshold}, best);
  }

  /// Cuts between neighbouring bins, with the missing rows on one side; with them on the right also "all
  /// others left".
  void scan(bool has_missing, bool missing_left, Split& best) {
    Stat left{0, 0};
    std::size_t n_left = 0;
    std::size_t i = has_missing ? 1 : 0;
    const std::size_t end = has_missing && !missing_left ? occupied_.size() : occupied_.size() - 1;
    if (missing_left) {
      left = histogram_[0];
      if constexpr (kCount) n_left = counts_[0];
    }
    for (; i < end; ++i) {
      left += histogram_[occupied_[i]];
      if constexpr (kCount) n_left += counts_[occupied_[i]];
      const std::uint8_t next = i + 1 < occupied_.size() ? occupied_[i + 1] : std::uint8_t{0};
      consider(left, n_left, {0, 0, occupied_[i], next, has_missing, missing_left}, best);
    }
  }

  void consider(const Stat& left, std::size_t n_left, const Split& split, Split& best) const {
    if constexpr (kCount)
      if (n_left < min_leaf_ || n_ - n_left < min_leaf_) return;
    const Stat right{total_.w - left.w, total_.s - left.s};
    if (!(right.w > 0)) return;
    const double score = kEntropy
                             ? part(left) + part(right)
                             : (left.s * left.s * right.w + right.s * right.s * left.w) / (left.w * right.w);
    if (!(score > best.score)) return;
    best = split;
    best.score = score;
  }

  /// Minus the impurity of a part times its weight, up to what is the same for all splits of a node.
  static double part(const Stat& stat) {
    if constexpr (kEntropy)
      return x_log_x(stat.s) + x_log_x(stat.w - stat.s) - x_log_x(stat.w);
    else
      return stat.w > 0 ? stat.s * stat.s / stat.w : 0.0;
  }

  std::size_t min_leaf_;
  std::size_t n_ = 0;
  Stat total_{0, 0};
  std::array<Stat, 256> histogram_{};        // all 0 between calls
  std::array<std::uint32_t, 256> counts_{};  // the same
  OccupiedBins occupied_;
};

/// Splits for several classes. Stat::s is the class.
template <bool kEntropy, bool kCount>
class ClassFinder {
 public:
  struct Stat {
    double w;
    std::uint32_t s;
  };

  ClassFinder(const TreeData& data, const TreeParams& params)
      : k_(data.n_classes), min_leaf_(params.min_samples_leaf), total_(k_), left_(k_) {}

  static Stat make(double weight, double target) { return {weight, static_cast<std::uint32_t>(target)}; }

  bool begin_node(const Stat* stats, std::size_t n) {
    std::fill(total_.begin(), total_.end(), 0.0);
    weight_ = 0;
    bool mixed = false;
    for (std::size_t i = 0; i < n; ++i) {
      total_[stats[i].s] += stats[i].w;
      weight_ += stats[i].w;
      mixed |= stats[i].s != stats[0].s;
    }
    n_ = n;
    return mixed;
  }
  void leaf(std::vector<double>& out) const {
    for (double w : total_) out.push_back(w / weight_);
  }
  double parent_score() const {
    double sum = 0;
    for (double w : total_) sum += term(w);
    return part(sum, weight_);
  }

  bool find_best(const TreeData::Feature& feature, const std::uint32_t* rows, const Stat* stats,
                 std::size_t n, Split& best) {
    const NodeBins range = node_.read(feature, rows, n);
    if (range.is_constant()) return false;
    sort_rows(stats, n);
    scan(range.n_missing > 0, false, best);
    if (range.n_missing > 0 && range.smallest < range.largest) scan(true, true, best);
    return true;
  }

  bool find_random(const TreeData::Feature& feature, const std::uint32_t* rows, const Stat* stats,
                   std::size_t n, Rng& rng, Split& best) {
    const NodeBins range = node_.read(feature, rows, n);
    if (range.is_constant()) return false;
    DrawnCut cut{range.largest, 0};
    const bool varies = range.smallest < range.largest;
    if (varies) cut = draw_cut(feature, range.smallest, range.largest, rng);
    std::fill(left_.begin(), left_.end(), 0.0);
    std::size_t n_left = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const bool goes_left = node_[i] <= cut.bin;
      left_[stats[i].s] += goes_left ? stats[i].w : 0.0;
      n_left += goes_left;
    }
    const auto next = static_cast<std::uint8_t>(varies ? cut.bin + 1 : 0);
    if (varies)
      consider_counts(n_left, {0, 0, cut.bin, next, range.n_missing > 0, true, cut.threshold}, best);
    if (range.n_missing == 0) return true;
    for (std::size_t i = 0; i < n; ++i)
      if (node_[i] == 0) left_[stats[i].s] -= stats[i].w;
    consider_counts(n_left - range.n_missing, {0, 0, cut.bin, next, true, false, cut.threshold}, best);
    return true;
  }

 private:
  /// Rows in the order of their bins: starts_[i] is the first row of the i-th occupied bin.
  void sort_rows(const Stat* stats, std::size_t n) {
    occupied_.clear();
    for (std::size_t i = 0; i < n; ++i) {
      occupied_.add(node_[i]);
      ++position_[node_[i]];
    }
    occupied_.collect();
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < occupied_.size(); ++i) {
      const std::uint32_t count = position_[occupied_[i]];
      starts_[i] = position_[occupied_[i]] = at;
      at += count;
    }
    starts_[occupied_.size()] = at;
    if (sorted_.size() < n) sorted_.resize(n);
    for (std::size_t i = 0; i < n; ++i) sorted_[position_[node_[i]]++] = stats[i];
    for (std::size_t i = 0; i < occupied_.size(); ++i) position_[occupied_[i]] = 0;
  }

  void scan(bool has_missing, bool missing_left, Split& best) {
    std::fill(left_.begin(), left_.end(), 0.0);
    left_sum_ = left_weight_ = right_sum_ = 0;
    for (double w : total_) right_sum_ += term(w);
    const std::size_t first = has_missing ? 1 : 0;
    if (missing_left) move_left(0);
    const std::size_t skipped = has_missing && !missing_left ? starts_[1] : 0;
    const std::size_t end = has_missing && !missing_left ? occupied_.size() : occupied_.size() - 1;
    for (std::size_t i = first; i < end; ++i) {
      move_left(i);
      const std::uint8_t next = i + 1 < occupied_.size() ? occupied_[i + 1] : std::uint8_t{0};
      consider(starts_[i + 1] - skipped, {0, 0, occupied_[i], next, has_missing, missing_left}, best);
    }
  }

  /// Moves the rows of the i-th occupied bin from right to left, row by row: the cost does not depend on the
  /// number of classes.
  void move_left(std::size_t i) {
    for (std::size_t at = starts_[i]; at < starts_[i + 1]; ++at) {
      const double w = sorted_[at].w;
      double& left = left_[sorted_[at].s];
      const double right = total_[sorted_[at].s] - left;
      left_sum_ += term(left + w) - term(left);
      right_sum_ += term(right - w) - term(right);
      left += w;
      left_weight_ += w;
    }
  }

  void consider_counts(std::size_t n_left, const Split& split, Split& best) {
    left_sum_ = left_weight_ = right_sum_ = 0;
    for (std::size_t c = 0; c < k_; ++c) {
      left_sum_ += term(left_[c]);
      right_sum_ += term(total_[c] - left_[c]);
      left_weight_ += left_[c];
    }
    consider(n_left, split, best);
  }

  void consider(std::size_t n_left, const Split& split, Split& best) const {
    if constexpr (kCount)
      if (n_left < min_leaf_ || n_ - n_left < min_leaf_) return;
    if (!(weight_ - left_weight_ > 0)) return;
    const double score = part(left_sum_, left_weight_) + part(right_sum_, weight_ - left_weight_);
    if (!(score > best.score)) return;
    best = split;
    best.score = score;
  }

  static double term(double w) { return kEntropy ? x_log_x(w) : w * w; }
  static double part(double sum, double weight) { return kEntropy ? sum - x_log_x(weight) : sum / weight; }

  std::size_t k_, min_leaf_;
  std::size_t n_ = 0;
  double weight_ = 0, left_weight_ = 0, left_sum_ = 0, right_sum_ = 0;
  std::vector<double> total_, left_;
  std::array<std::uint32_t, 256> position_{};  // all 0 between calls
  std::array<std::size_t, 257> starts_{};
  std::vector<Stat> sorted_;
  OccupiedBins occupied_;
  BinReader node_;
};

}  // namespace kolosal::model
