#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "kolosal/kernel/elementary.hpp"
#include "kolosal/transform/gathered_numbers_internal.hpp"
#include "kolosal/transform/numeric_map_internal.hpp"
#include "kolosal/transform/row_sample_internal.hpp"
#include "kolosal/transform/sorted_cells_internal.hpp"

namespace kolosal::transform {
namespace {

struct QuantileParams {
  std::int64_t n_quantiles = 1000;
  std::string output_distribution = "uniform";
  std::int64_t max_rows = 0;
};

/// Replaces a number by its rank among the fitted ones, from 0 to 1, or by the standard normal number of that
/// rank. Between two of the kept quantiles the rank is linear; a number that many fitted cells share gets the
/// middle of their ranks.
///
/// Types:   float32 stays float32, everything else becomes float64.
/// Missing: fit() ignores NaN and infinities; transform() keeps NaN and takes infinities as beyond all.
/// Edge:    numbers beyond the fitted ones get rank 0 or 1, in the normal distribution -5.2 or 5.2. A
/// constant
///          column becomes 0 (normal: -5.2). A column without a finite cell becomes rank 0.5 (normal: 0).
/// Inverse: linear between the quantiles; exact to rounding where the fitted numbers differ.
/// Streams: exact up to 32,768 present cells, then quantiles have a rank error of 0.13 % (QuantileSketch).
/// Source:  agrees with scikit-learn's QuantileTransformer of all rows (subsample=None).
class QuantileTransform final : public NumericMap {
 public:
  explicit QuantileTransform(QuantileParams params)
      : params_(std::move(params)), normal_(params_.output_distribution == "normal") {}
  bool has_inverse() const override { return true; }
  bool can_stream() const override { return params_.max_rows == 0; }
  std::string stream_obstacle() const override {
    return "max_rows draws rows of the whole table (with 0 a stream takes all of them)";
  }

 private:
  struct Ranks {
    Knots quantiles;            // times shrink
    std::vector<double> rank;   // of the quantile: the middle of those that are equal to it
    std::vector<double> start;  // rank + (x - quantile) * slope up to the next quantile
    std::vector<double> slope;
    double shrink = 1;  // 1/2 where differences of the quantiles would overflow
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  void do_begin_stream() override { gathered_ = {input_columns().size(), true}; }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, "quantile_transform", "numeric");
    gathered_.add(x, context);
  }
  void do_merge(const Transformer& other) override {
    gathered_.merge(dynamic_cast<const QuantileTransform&>(other).gathered_);
  }
  void do_finish_fit(const Context& context) override;
  std::size_t n_quantiles(std::size_t n_rows) const {
    return std::max<std::size_t>(1, std::min(static_cast<std::size_t>(params_.n_quantiles), n_rows));
  }
  void map(std::size_t column, std::span<double> cells) const override;
  void unmap(std::size_t column, std::span<double> cells) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;
  static Ranks ranks_of(std::vector<double> quantiles);
  static void rank(const Ranks& ranks, bool normal, std::span<double> cells);

  QuantileParams params_;
  bool normal_;
  std::vector<Ranks> columns_ranks_;
  GatheredNumbers gathered_;  // of a stream
};

// What scikit-learn cuts normal numbers to: the quantiles of 1e-7 from either end.
constexpr double kBound = 1e-7;
constexpr double kMostNormal = 5.199337582605575;

void QuantileTransform::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const data::TargetView&, const Context& context) {
  require_types(x, "quantile_transform", "numeric");
  const auto taken =
      sample_rows(rows, static_cast<std::size_t>(params_.max_rows), context.seed, "quantile_transform");
  columns_ranks_.assign(x.n_columns(), {});
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    auto cells = finite_cells(Numbers(x.column(c)), taken);
    if (!cells.empty())
      columns_ranks_[c] = ranks_of(even_quantiles(std::move(cells), n_quantiles(taken.size())));
  });
}

void QuantileTransform::do_finish_fit(const Context& context) {
  columns_ranks_.assign(gathered_.n_columns(), {});
  const std::size_t n = n_quantiles(gathered_.n_rows());
  context.parallel_blocks(gathered_.n_columns(), 1, [&](std::size_t c, std::size_t) {
    if (gathered_.moments(c).count == 0) return;
    const WeightedNumbers numbers = gathered_.numbers(c);
    std::vector<double> quantiles(n);
    for (std::size_t i = 0; i < n; ++i)
      quantiles[i] = numbers.quantile(n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1));
    columns_ranks_[c] = ranks_of(std::move(quantiles));
  });
  gathered_ = {};
}

QuantileTransform::Ranks QuantileTransform::ranks_of(std::vector<double> quantiles) {
  Ranks out;
  const std::size_t n = quantiles.size();
  if (std::max(std::abs(quantiles.front()), std::abs(quantiles.back())) > 1e300) out.shrink = 0.5;
  for (double& quantile : quantiles) quantile *= out.shrink;
  std::ranges::sort(quantiles);  // interpolation may have turned two by a rounding error
  const auto reference = [&](std::size_t i) {
    return n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1);
  };
  out.rank.resize(n);
  out.start.resize(n);
  out.slope.resize(n);
  for (std::size_t begin = 0; begin < n;) {
    std::size_t end = begin;
    while (end < n && quantiles[end] == quantiles[begin]) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      out.rank[i] = (reference(begin) + reference(end - 1)) / 2;
      out.start[i] = reference(i);
      if (i + 1 == end && end < n)
        out.slope[i] = (reference(end) - reference(i)) / (quantiles[end] - quantiles[i]);
    }
    begin = end;
  }
  out.quantiles = Knots(std::move(quantiles));
  return out;
}

void QuantileTransform::rank(const Ranks& ranks, bool normal, std::span<double> cells) {
  std::uint32_t above[kRowGrain];
  for (double& cell : cells) cell *= ranks.shrink;
  ranks.quantiles.count_not_above(cells, above);
  const std::size_t n = ranks.quantiles.size();
  const double lowest = ranks.quantiles[0], highest = ranks.quantiles[n - 1];
  const double margin = normal ? kBound * ranks.shrink : 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const double x = cells[i];
    if (x - margin < lowest || (x == lowest && !normal)) {
      cells[i] = 0;
    } else if (x + margin > highest || x == highest) {
      cells[i] = 1;
    } else if (!std::isnan(x)) {
      const std::size_t k = above[i] - 1;
      const double from = ranks.quantiles[k];
      cells[i] = x == from ? ranks.rank[k] : ranks.start[k] + (x - from) * ranks.slope[k];
    }
  }
}

void QuantileTransform::map(std::size_t column, std::span<double> cells) const {
  const Ranks& ranks = columns_ranks_[column];
  if (ranks.quantiles.size() == 0) {
    for (double& cell : cells) cell = std::isnan(cell) ? cell : 0.5;
  } else {
    rank(ranks, normal_, cells);
  }
  if (!normal_) return;
  kernel::normal_quantile(cells.data(), cells.data(), cells.size());
  for (double& cell : cells)
    cell = cell > kMostNormal ? kMostNormal : (cell < -kMostNormal ? -kMostNormal : cell);
}

void QuantileTransform::unmap(std::size_t column, std::span<double> cells) const {
  const Ranks& ranks = columns_ranks_[column];
  const std::size_t n = ranks.quantiles.size();
  if (n == 0) return;
  for (double& cell : cells) {
    if (std::isnan(cell)) continue;
    const double rank = normal_ ? 0.5 * std::erfc(-cell / std::numbers::sqrt2) : cell;
    const double margin = normal_ ? kBound : 0;
    const double position = std::clamp(rank, 0.0, 1.0) * static_cast<double>(n - 1);
    const auto below = std::min(static_cast<std::size_t>(position), n - 1);
    const double share = position - static_cast<double>(below);
    double value = ranks.quantiles[below];
    if (share > 0 && below + 1 < n) value = value * (1 - share) + ranks.quantiles[below + 1] * share;
    if (rank - margin < 0)
      value = ranks.quantiles[0];
    else if (rank + margin > 1)
      value = ranks.quantiles[n - 1];
    cell = value / ranks.shrink;
  }
}

void QuantileTransform::do_save(artifact::Node& node) const {
  std::vector<double> quantiles;
  std::vector<std::int64_t> sizes;
  for (const Ranks& ranks : columns_ranks_) {
    for (const double quantile : ranks.quantiles.values()) quantiles.push_back(quantile / ranks.shrink);
    sizes.push_back(static_cast<std::int64_t>(ranks.quantiles.size()));
  }
  node.set_array("quantiles", quantiles);
  node.set_array("sizes", sizes);
}

void QuantileTransform::do_load(const artifact::Node& node) {
  const auto quantiles = node.array<double>("quantiles");
  const auto sizes = node.array<std::int64_t>("sizes");
  check_saved_size("quantile_transform", {sizes.size()}, input_columns().size());
  columns_ranks_.assign(sizes.size(), {});
  std::size_t begin = 0;
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    const auto size = static_cast<std::size_t>(sizes[c]);
    if (size > quantiles.size() - begin)
      check_saved_size("quantile_transform", {quantiles.size()}, begin + size);
    const auto part = quantiles.subspan(begin, size);
    for (std::size_t i = 0; i < part.size(); ++i)
      if (!std::isfinite(part[i]) || (i > 0 && part[i] < part[i - 1]))
        throw Error(ErrorCode::kModel,
                    "the saved state of step quantile_transform is damaged: quantile {} is {}", i, part[i]);
    if (size > 0) columns_ranks_[c] = ranks_of({part.begin(), part.end()});
    begin += size;
  }
}

}  // namespace

TransformerInfo quantile_transform_info() {
  return describe<QuantileTransform>(
      "quantile_transform", "Replace numbers by their ranks: evenly spread, or normally distributed.",
      "numeric",
      ParamTable<QuantileParams>()
          .param("n_quantiles", &QuantileParams::n_quantiles,
                 "Quantiles that are kept; between them ranks are linear. At most the fitted rows.")
          .limits(2, 1'000'000)
          .param("output_distribution", &QuantileParams::output_distribution,
                 "uniform: ranks from 0 to 1; normal: the standard normal numbers of these ranks.",
                 choice({"uniform", "normal"}))
          .param("max_rows", &QuantileParams::max_rows,
                 "Fit on this many rows, drawn by the seed; 0 takes all rows.")
          .limits(0, 1e12));
}

}  // namespace kolosal::transform
