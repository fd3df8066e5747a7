#include "kolosal/metric/bootstrap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::metric {
namespace {

constexpr std::size_t kClassRows = 500;  // of each class, in a block
constexpr std::size_t kBlocks = 20;
constexpr double kMaxMean = 500;  // exp(-mean) must not underflow
constexpr double kBlockExponent = 0.6;

/// Poisson numbers by the inverse of the distribution; a table tells where to begin the search.
class PoissonCounts {
 public:
  explicit PoissonCounts(double mean) {
    double probability = std::exp(-mean), cumulated = 0;
    for (std::size_t k = 0; cumulated < 1 && (static_cast<double>(k) <= mean || probability > 1e-20); ++k) {
      cumulated += probability;
      bounds_.push_back(cumulated);
      probability *= mean / static_cast<double>(k + 1);
    }
    bounds_.back() = 1;
    for (std::size_t i = 0, k = 0; i < kStarts; ++i) {
      while (bounds_[k] <= static_cast<double>(i) / kStarts) ++k;
      starts_[i] = static_cast<std::uint32_t>(k);
    }
  }

  double operator()(Rng& rng) const {
    const double u = rng.uniform();
    std::size_t k = starts_[static_cast<std::size_t>(u * kStarts)];
    while (u >= bounds_[k]) ++k;
    return static_cast<double>(k);
  }

 private:
  static constexpr std::size_t kStarts = 1024;
  std::vector<double> bounds_;  // P(count <= k); the last is 1
  std::array<std::uint32_t, kStarts> starts_{};
};

/// Rows that one draw resamples, those of a class together.
struct Block {
  std::vector<double> values, prediction, weights;
  std::vector<std::size_t> class_ends;  // rows [end of the class before, end)
};

/// The rows of each class, and how they get into the blocks.
class Blocks {
 public:
  Blocks(const data::TargetView& y, std::span<const double> prediction, std::size_t block_rows, Rng rng) {
    std::vector<std::vector<std::size_t>> rows = rows_by_class(y);
    std::size_t n_rows = 0;
    for (const auto& of_class : rows) n_rows += of_class.size();
    const double share = share_in_block(n_rows, block_rows);
    const std::size_t class_rows =
        std::min(kClassRows, block_rows / std::max<std::size_t>(1, rows.size()) + 1);
    is_whole_ = share == 1;
    std::vector<std::size_t> n_in_block;
    for (const auto& of_class : rows) {
      const auto n = static_cast<double>(of_class.size());
      const auto by_share = static_cast<std::size_t>(std::ceil(share * n));
      n_in_block.push_back(std::min(of_class.size(), std::max(by_share, class_rows)));
      means_.push_back(of_class.empty() ? 1 : n / static_cast<double>(n_in_block.back()));
      counts_.emplace_back(means_.back());
    }
    blocks_.resize(is_whole_ ? 1 : kBlocks);
    for (Block& block : blocks_)
      for (std::size_t c = 0; c < rows.size(); ++c) {
        for (std::size_t k = 0; k < n_in_block[c]; ++k) {
          if (!is_whole_) std::swap(rows[c][k], rows[c][k + rng.below(rows[c].size() - k)]);
          append(block, y, prediction, rows[c][k]);
        }
        block.class_ends.push_back(block.values.size());
      }
  }

  std::size_t size() const { return blocks_.size(); }
  bool is_whole() const { return is_whole_; }
  const Block& operator[](std::size_t i) const { return blocks_[i]; }

  /// Weights times the mean of the counts: the block in place of all rows.
  std::vector<double> expected_weights(const Block& block) const {
    return weights_by(block, [&](std::size_t c) { return means_[c]; });
  }
  /// Weights times counts; drawn again should all be 0, which has no score.
  std::vector<double> drawn_weights(const Block& block, Rng& rng) const {
    std::vector<double> out;
    do {
      out = weights_by(block, [&](std::size_t c) { return counts_[c](rng); });
    } while (std::ranges::all_of(out, [](double weight) { return weight == 0; }));
    return out;
  }

 private:
  /// Without rows of weight 0, which no draw could give a weight. A regression has one class.
  static std::vector<std::vector<std::size_t>> rows_by_class(const data::TargetView& y) {
    std::vector<std::vector<std::size_t>> out(std::max<std::size_t>(y.n_classes, 1));
    for (std::size_t i = 0; i < y.values.size(); ++i)
      if (y.weight(i) > 0) out[y.n_classes == 0 ? 0 : static_cast<std::size_t>(y.values[i])].push_back(i);
    return out;
  }

  static double share_in_block(std::size_t n_rows, std::size_t block_rows) {
    const auto n = static_cast<double>(n_rows);
    if (n_rows <= block_rows) return 1;
    return std::max({static_cast<double>(block_rows), std::pow(n, kBlockExponent), n / kMaxMean}) / n;
  }

  static void append(Block& block, const data::TargetView& y, std::span<const double> prediction,
                     std::size_t row) {
    const auto outputs = prediction.subspan(row * y.n_outputs(), y.n_outputs());
    block.values.push_back(y.values[row]);
    block.weights.push_back(y.weight(row));
    block.prediction.insert(block.prediction.end(), outputs.begin(), outputs.end());
  }

  template <typename Count>
  std::vector<double> weights_by(const Block& block, Count count) const {
    std::vector<double> out = block.weights;
    std::size_t i = 0;
    for (std::size_t c = 0; c < block.class_ends.size(); ++c)
      for (; i < block.class_ends[c]; ++i) out[i] *= count(c);
    return out;
  }

  std::vector<PoissonCounts> counts_;  // by class
  std::vector<double> means_;
  std::vector<Block> blocks_;
  bool is_whole_ = true;
};

double score_of(const Metric& metric, const data::TargetView& y, const Block& block,
                std::span<const double> weights) {
  return metric.compute({y.task, block.values, weights, y.n_classes, y.quantiles}, block.prediction);
}

/// Linear between the two nearest, as numpy.quantile() has it.
double quantile(std::span<const double> sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  if (sorted[below] == sorted[above]) return sorted[below];  // infinite, perhaps
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

void check_options(const BootstrapOptions& options) {
  if (options.n_draws == 0)
    throw Error(ErrorCode::kInvalidParameter, "a bootstrap interval needs at least 1 draw: 0");
  if (!(options.level > 0 && options.level < 1))
    throw Error(ErrorCode::kInvalidParameter, "the level of a bootstrap interval must be between 0 and 1: {}",
                options.level);
}

}  // namespace

ScoreInterval bootstrap_interval(const Metric& metric, const data::TargetView& y,
                                 std::span<const double> prediction, const BootstrapOptions& options,
                                 const Context& context) {
  check_options(options);
  ScoreInterval out;
  out.score = options.known_score ? *options.known_score : metric.compute(y, prediction);
  const Blocks blocks(y, prediction, options.block_rows,
                      Rng(derive_seed(context.seed, {"bootstrap blocks"})));

  // What is added to the score of a draw: it moves from the score of its block to that of all rows.
  std::vector<double> shifts(blocks.size(), 0.0);
  if (!blocks.is_whole())
    context.parallel_blocks(blocks.size(), 1, [&](std::size_t b, std::size_t) {
      shifts[b] = out.score - score_of(metric, y, blocks[b], blocks.expected_weights(blocks[b]));
    });
  std::vector<double> scores(options.n_draws);
  context.parallel_blocks(options.n_draws, 1, [&](std::size_t draw, std::size_t) {
    if (context.should_stop()) {
      scores[draw] = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    Rng rng(derive_seed(context.seed, {"bootstrap draw", draw}));
    const std::size_t b = draw % blocks.size();
    scores[draw] = score_of(metric, y, blocks[b], blocks.drawn_weights(blocks[b], rng)) + shifts[b];
  });

  std::erase_if(scores, [](double score) { return std::isnan(score); });
  std::ranges::sort(scores);
  out.n_draws = scores.size();
  const double outside = (1 - options.level) / 2;
  out.low = scores.empty() ? std::numeric_limits<double>::quiet_NaN() : quantile(scores, outside);
  out.high = scores.empty() ? std::numeric_limits<double>::quiet_NaN() : quantile(scores, 1 - outside);
  return out;
}

}  // namespace kolosal::metric
