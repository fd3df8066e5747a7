#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/sample_target_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::TargetView;

struct ArithmeticPairsParams {
  std::int64_t n_pairs = 10;
  std::int64_t n_columns = 6;
  std::int64_t sample_rows = 4000;
};

constexpr std::size_t kBins = 16;
enum Operation : std::int32_t { kMinus, kPlus, kTimes, kOver, kOverReversed, kOperationCount };

// What is not a finite number is missing: x / 0, an overflow, a missing or infinite cell.
double combine(std::int32_t operation, double a, double b) {
  double out = kNaN;
  switch (operation) {
    case kMinus:
      out = a - b;
      break;
    case kPlus:
      out = a + b;
      break;
    case kTimes:
      out = a * b;
      break;
    case kOver:
      out = b == 0 ? kNaN : a / b;
      break;
    default:
      out = a == 0 ? kNaN : b / a;
      break;
  }
  return std::isfinite(out) ? out : kNaN;
}

std::string pair_name(std::int32_t operation, const std::string& a, const std::string& b) {
  constexpr std::array<char, kOperationCount> kSigns = {'-', '+', '*', '/', '/'};
  const char sign = kSigns[static_cast<std::size_t>(operation)];
  return operation == kOverReversed ? b + sign + a : a + sign + b;
}

// Share of the target's variance that 16 quantile bins of the cells explain (missing cells are a bin of their
// own), corrected for the number of bins; 0 when it is not better than chance.
double explained_share(const std::vector<double>& cells, const SampleTarget& target) {
  const std::size_t n = cells.size();
  if (!(target.sum_sq > 0)) return 0;
  std::vector<std::uint32_t> order;
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isnan(cells[i])) order.push_back(static_cast<std::uint32_t>(i));
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return cells[a] != cells[b] ? cells[a] < cells[b] : a < b;
  });
  std::vector<std::uint8_t> bin(n, kBins);
  std::size_t first_equal = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (cells[order[i]] != cells[order[first_equal]]) first_equal = i;
    bin[order[i]] = static_cast<std::uint8_t>(first_equal * kBins / order.size());
  }
  std::array<double, kBins + 1> count{};
  for (std::size_t i = 0; i < n; ++i) ++count[bin[i]];
  double between = 0;
  for (const auto& values : target.values) {
    std::array<double, kBins + 1> sum{};
    for (std::size_t i = 0; i < n; ++i) sum[bin[i]] += values[i];
    for (std::size_t b = 0; b <= kBins; ++b)
      if (count[b] > 0) between += sum[b] * sum[b] / count[b];
  }
  const auto used = static_cast<double>(std::ranges::count_if(count, [](double c) { return c > 0; }));
  const double rest = static_cast<double>(n) - used;
  if (rest <= 0) return 0;
  return std::max(0.0, 1 - (1 - between / target.sum_sq) * (static_cast<double>(n) - 1) / rest);
}

/// Adds differences, sums, products and quotients of pairs of the number columns that tell most about the
/// target.
///
/// Choice:  the n_columns columns whose 16 quantile bins explain most of the target's variance, and of all
/// their pairs and
///          operations the n_pairs that explain most beyond the better one of their two columns; on at most
///          sample_rows rows.
/// Streams: none, since which rows are looked at depends on the number of rows.
/// Types:   the columns stay; pairs are float32, or float64 where their numbers are too large or small for
/// it. Missing: a missing or infinite cell, x / 0 and an overflow make the pair missing.
class ArithmeticPairs final : public Transformer {
 public:
  explicit ArithmeticPairs(ArithmeticPairsParams params) : params_(params) {}
  bool uses_target() const override { return true; }
  std::string stream_obstacle() const override {
    return "it chooses pairs on rows that are spread evenly over the whole table";
  }
  std::unique_ptr<RowStep> row_step(const data::Frame&) const override;

 private:
  struct Pair {
    std::int32_t a = 0, b = 0, operation = 0;
    std::uint8_t is_double = 0;
  };
  class Row;

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  ArithmeticPairsParams params_;
  std::vector<Pair> pairs_;
};

bool needs_double(const std::vector<double>& cells) {
  return std::ranges::any_of(
      cells, [](double cell) { return std::abs(cell) > 1e30 || (cell != 0 && std::abs(cell) < 1e-30); });
}

void ArithmeticPairs::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const TargetView& y,
                             const Context& context) {
  require_types(x, "arithmetic_pairs", "numeric");
  pairs_.clear();
  if (rows.size() < 2) return;
  const auto sample = sample_rows(rows, static_cast<std::size_t>(params_.sample_rows));
  const SampleTarget target = sample_target(y, sample);

  std::vector<std::vector<double>> cells(x.n_columns());
  std::vector<double> share(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    for (const std::uint32_t row : sample) {
      const double cell = x.column(c).number(row);
      cells[c].push_back(std::isfinite(cell) ? cell : kNaN);
    }
    share[c] = explained_share(cells[c], target);
  });
  std::vector<std::size_t> order(x.n_columns());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t c) { return share[c]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(params_.n_columns)));
  std::ranges::sort(order);

  struct Candidate {
    double gain = 0;
    Pair pair;
    bool usable = false;
  };
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = i + 1; j < order.size(); ++j)
      for (std::int32_t operation = 0; operation < kOperationCount; ++operation)
        candidates.push_back(
            {0,
             {static_cast<std::int32_t>(order[i]), static_cast<std::int32_t>(order[j]), operation, 0},
             false});
  context.parallel_blocks(candidates.size(), 1, [&](std::size_t i, std::size_t) {
    Candidate& candidate = candidates[i];
    const auto a = static_cast<std::size_t>(candidate.pair.a), b = static_cast<std::size_t>(candidate.pair.b);
    std::vector<double> made(sample.size());
    for (std::size_t r = 0; r < made.size(); ++r)
      made[r] = combine(candidate.pair.operation, cells[a][r], cells[b][r]);
    candidate.pair.is_double = needs_double(made) ? 1 : 0;
    candidate.gain = explained_share(made, target) - std::max(share[a], share[b]);
    candidate.usable =
        std::ranges::any_of(made, [&](double cell) { return !std::isnan(cell) && cell != made[0]; });
  });
  std::erase_if(candidates, [](const Candidate& candidate) { return !candidate.usable; });
  std::ranges::stable_sort(candidates, std::ranges::greater{}, &Candidate::gain);
  for (std::size_t i = 0; i < candidates.size() && i < static_cast<std::size_t>(params_.n_pairs); ++i)
    pairs_.push_back(candidates[i].pair);
}

// What a float32 column can hold of it.
float narrow(double cell) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  return static_cast<float>(std::abs(cell) > kLargest ? std::copysign(kLargest, cell) : cell);
}

class ArithmeticPairs::Row final : public RowStep {
 public:
  explicit Row(const std::vector<Pair>& pairs) : pairs_(pairs) {}
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
    std::ranges::copy(in, out.begin());
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const Pair& pair = pairs_[i];
      const double cell = combine(pair.operation, in[static_cast<std::size_t>(pair.a)].number,
                                  in[static_cast<std::size_t>(pair.b)].number);
      out[in.size() + i].number = pair.is_double ? cell : static_cast<double>(narrow(cell));
    }
  }

 private:
  const std::vector<Pair>& pairs_;
};

std::unique_ptr<RowStep> ArithmeticPairs::row_step(const data::Frame&) const {
  return std::make_unique<Row>(pairs_);
}

std::vector<Transformer::Named> ArithmeticPairs::do_transform(const data::Frame& x,
                                                              const Context& context) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), x.column(c)});
  std::vector<Named> made(pairs_.size());
  context.parallel_blocks(pairs_.size(), 1, [&](std::size_t i, std::size_t) {
    const Pair& pair = pairs_[i];
    const auto a = static_cast<std::size_t>(pair.a), b = static_cast<std::size_t>(pair.b);
    const Numbers left(x.column(a)), right(x.column(b));
    made[i].name = pair_name(pair.operation, x.name(a), x.name(b));
    if (pair.is_double) {
      std::vector<double> cells(x.n_rows());
      for (std::size_t row = 0; row < cells.size(); ++row)
        cells[row] = combine(pair.operation, left[row], right[row]);
      made[i].column = Column::from_float64(std::move(cells));
    } else {
      std::vector<float> cells(x.n_rows());
      for (std::size_t row = 0; row < cells.size(); ++row)
        cells[row] = narrow(combine(pair.operation, left[row], right[row]));
      made[i].column = Column::from_float32(std::move(cells));
    }
  });
  std::ranges::move(made, std::back_inserter(out));
  return out;
}

void ArithmeticPairs::do_save(artifact::Node& node) const {
  std::vector<std::int32_t> flat;
  for (const Pair& pair : pairs_) flat.insert(flat.end(), {pair.a, pair.b, pair.operation, pair.is_double});
  node.set_array("pairs", flat);
}

void ArithmeticPairs::do_load(const artifact::Node& node) {
  const auto flat = node.array<std::int32_t>("pairs");
  pairs_.clear();
  const auto n = static_cast<std::int32_t>(input_columns().size());
  for (std::size_t i = 0; i + 3 < flat.size(); i += 4) {
    if (flat[i] < 0 || flat[i] >= n || flat[i + 1] < 0 || flat[i + 1] >= n || flat[i + 2] < 0 ||
        flat[i + 2] >= kOperationCount)
      throw Error(ErrorCode::kModel, "the saved state of step arithmetic_pairs is damaged");
    pairs_.push_back({flat[i], flat[i + 1], flat[i + 2], static_cast<std::uint8_t>(flat[i + 3])});
  }
}

}  // namespace

TransformerInfo arithmetic_pairs_info() {
  return describe<ArithmeticPairs>(
      "arithmetic_pairs", "Add differences, sums, products and quotients of the most telling number columns.",
      "numeric",
      ParamTable<ArithmeticPairsParams>()
          .param("n_pairs", &ArithmeticPairsParams::n_pairs, "Pairs to add.")
          .limits(1, 1000)
          .param("n_columns", &ArithmeticPairsParams::n_columns, "Columns of which pairs are made.")
          .limits(2, 100)
          .param("sample_rows", &ArithmeticPairsParams::sample_rows,
                 "Most training rows looked at for the choice.")
          .limits(10, 1e9));
}

}  // namespace kolosal::transform
