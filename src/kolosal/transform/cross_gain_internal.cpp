#include "kolosal/transform/cross_gain_internal.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"

namespace kolosal::transform {
namespace {

constexpr double kLevelRows = 1, kPairRows = 10;  // of the overall mean, beside those of a level, of a pair
constexpr int kTurns = 4;

// Effects of levels and pairs on one output, learned on the rows of one half.
class Effects {
 public:
  Effects(const SampledLevels& a, const SampledLevels& b, const std::vector<double>& y,
          std::span<const std::uint8_t> half, std::uint8_t learned)
      : a_(a), b_(b), y_(y) {
    for (std::uint32_t i = 0; i < y.size(); ++i)
      if (half[i] == learned) rows_.push_back(i);
    for (const std::uint32_t i : rows_) mean_ += y[i] / static_cast<double>(rows_.size());
    of_a_.assign(a.n_levels, 0.0);
    of_b_.assign(b.n_levels, 0.0);
    for (int turn = 0; turn < kTurns; ++turn) {
      refit(a_, of_a_, b_, of_b_);
      refit(b_, of_b_, a_, of_a_);
    }
    of_pair_.assign(a.n_levels * b.n_levels, 0.0);
    std::vector<double> n(of_pair_.size());
    for (const std::uint32_t i : rows_) {
      of_pair_[pair(i)] += rest(i);
      n[pair(i)] += 1;
    }
    for (std::size_t p = 0; p < n.size(); ++p) of_pair_[p] /= n[p] + kPairRows;
  }

  // By how much the pair lowers the squared error of a row.
  double gain(std::size_t i) const {
    const double without = rest(i), effect = of_pair_[pair(i)];
    return effect * (2 * without - effect);
  }

 private:
  std::size_t pair(std::size_t i) const { return a_.of_row[i] * b_.n_levels + b_.of_row[i]; }
  double rest(std::size_t i) const { return y_[i] - mean_ - of_a_[a_.of_row[i]] - of_b_[b_.of_row[i]]; }
  void refit(const SampledLevels& own, std::vector<double>& effects, const SampledLevels& other,
             const std::vector<double>& of_other) const {
    std::vector<double> n(effects.size(), kLevelRows);
    std::ranges::fill(effects, 0.0);
    for (const std::uint32_t i : rows_) {
      effects[own.of_row[i]] += y_[i] - mean_ - of_other[other.of_row[i]];
      n[own.of_row[i]] += 1;
    }
    for (std::size_t level = 0; level < n.size(); ++level) effects[level] /= n[level];
  }

  const SampledLevels &a_, &b_;
  const std::vector<double>& y_;
  std::vector<std::uint32_t> rows_;
  double mean_ = 0;
  std::vector<double> of_a_, of_b_, of_pair_;
};

}  // namespace

SampledLevels::SampledLevels(std::span<const std::int32_t> codes, std::span<const std::uint32_t> sample) {
  std::vector<std::int64_t> number;  // by code + 2
  for (const std::uint32_t row : sample) {
    const auto slot = static_cast<std::size_t>(codes[row] + 2);
    if (slot >= number.size()) number.resize(slot + 1, -1);
    if (number[slot] < 0) number[slot] = static_cast<std::int64_t>(n_levels++);
    of_row.push_back(static_cast<std::uint32_t>(number[slot]));
  }
}

CrossGain held_out_gain(const SampledLevels& a, const SampledLevels& b, const SampleTarget& target,
                        std::span<const std::uint8_t> half) {
  std::vector<double> gain(half.size());
  for (const auto& values : target.values)
    for (const std::uint8_t learned : {std::uint8_t{0}, std::uint8_t{1}}) {
      const Effects effects(a, b, values, half, learned);
      for (std::size_t i = 0; i < half.size(); ++i)
        if (half[i] != learned) gain[i] += effects.gain(i);
    }
  const auto n = static_cast<double>(gain.size());
  const double sum = std::accumulate(gain.begin(), gain.end(), 0.0);
  double square = 0;
  for (const double value : gain) square += (value - sum / n) * (value - sum / n);
  CrossGain out;
  if (target.sum_sq > 0) out.share = sum / target.sum_sq;
  if (square > 0) out.z = sum / std::sqrt(square);
  return out;
}

std::vector<std::uint8_t> random_halves(std::size_t n, std::uint64_t seed) {
  std::vector<std::uint8_t> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(i % 2);
  Rng rng(derive_seed(seed, {"category_cross", "halves"}));
  rng.shuffle(out);
  return out;
}

}  // namespace kolosal::transform
