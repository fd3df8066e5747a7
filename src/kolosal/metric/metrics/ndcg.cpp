#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kolosal/metric/metric.hpp"
#include "kolosal/metric/parameter_internal.hpp"
#include "kolosal/metric/ranking_internal.hpp"
#include "kolosal/metric/require_targets_internal.hpp"
#include "kolosal/metric/weighted_mean_internal.hpp"

namespace kolosal::metric {
namespace {

constexpr std::size_t kAllPositions = std::numeric_limits<std::size_t>::max();

double discount(double position) { return std::numbers::ln2 / std::log(position + 2); }

/// Sum of the discounts 1 / log2(position + 2) along a ranked list; positions count from 0. A row of weight w
/// takes w positions, so a list may end within one, which then counts in part.
class DiscountSum {
 public:
  explicit DiscountSum(std::size_t n_positions) : end_(static_cast<double>(n_positions)) {}

  /// The sum over the next `width` positions.
  double next(double width) {
    const double end = std::min(at_ + width, end_);
    double sum = 0;
    while (at_ < end) {
      const double position = std::floor(at_);
      const double whole = std::floor(end);
      if (at_ == position && at_ >= kDirect && (whole - at_ >= kLong || at_ >= kNoFractions)) {
        sum += long_sum(at_, whole);
        at_ = whole;
        continue;
      }
      if (position != position_) discount_ = discount(position_ = position);
      const double stop = std::min(position + 1, end);
      sum += discount_ * (stop - at_);
      at_ = stop;
    }
    return sum;
  }

 private:
  /// From here on, the formula of Euler and Maclaurin to the first derivative is exact to 1e-15 of a term.
  static constexpr double kDirect = 4096, kLong = 64;
  static constexpr double kNoFractions = 0x1p52;  // where position + 1 may round to position

  /// Sum over the whole positions [begin, end): the integral of ln2 / ln(x) is the logarithmic integral.
  static double long_sum(double begin, double end) {
    const double a = begin + 2, b = end + 1;  // the arguments of the first and of the last logarithm
    const double la = std::log(a), lb = std::log(b);
    return std::numbers::ln2 * (std::expint(lb) - std::expint(la) + (1 / la + 1 / lb) / 2 -
                                (1 / (b * lb * lb) - 1 / (a * la * la)) / 12);
  }

  double at_ = 0, end_;
  double position_ = -1, discount_ = 0;  // the last position and its discount
};

double ratio_of_gains(double gain, double ideal) { return ideal > 0 ? gain / ideal : 0; }

/// All rows are one list, whose gains are 0 and 1. Rows of one score share the mean of their discounts.
double ndcg_of_binary(const data::TargetView& y, std::span<const double> p, std::size_t n_positions) {
  return score_one_against_rest(y, p, 1, 0, [n_positions](const auto& scores) {
    DiscountSum discounts(n_positions);
    double gain = 0;
    scores.for_each_score([&](auto positive, auto negative) {
      const auto size = static_cast<double>(positive + negative);
      if (size > 0) gain += static_cast<double>(positive) / size * discounts.next(size);
    });
    const auto positive = static_cast<double>(sum_of_weights(scores.positive));
    return ratio_of_gains(gain, DiscountSum(n_positions).next(positive));
  });
}

// What is sorted: a score with the gain and the weight of its row. In the ideal order the gain is the score,
// and without weights all rows count 1; the smaller the item, the faster the sort.
struct Gain {
  std::uint64_t key;
  double row_gain;
  double gain() const { return row_gain; }
  double weight() const { return 1; }
};
struct WeightedGain {
  std::uint64_t key;
  double row_gain, row_weight;
  double gain() const { return row_gain; }
  double weight() const { return row_weight; }
};
struct IdealGain {
  std::uint64_t key;
  double gain() const { return kernel::double_of_key(key); }
  double weight() const { return 1; }
};
struct WeightedIdealGain {
  std::uint64_t key;
  double row_weight;
  double gain() const { return kernel::double_of_key(key); }
  double weight() const { return row_weight; }
};

template <typename Item>
double discounted_gain(std::vector<Item> items, std::size_t n_positions) {
  kernel::radix_sort(items, [](const Item& item) { return item.key; });
  DiscountSum discounts(n_positions);
  double gain = 0;
  for (std::size_t end = items.size(); end > 0;) {
    double size = 0, value = 0;
    for (const std::uint64_t key = items[end - 1].key; end > 0 && items[end - 1].key == key; --end) {
      size += items[end - 1].weight();
      value += items[end - 1].weight() * items[end - 1].gain();
    }
    if (size > 0) gain += value / size * discounts.next(size);
  }
  return gain;
}

template <typename MakeItem>
auto items_of(std::size_t n, MakeItem make_item) {
  std::vector<decltype(make_item(std::size_t{0}))> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = make_item(i);
  return out;
}

/// All rows are one list, whose gains are the targets.
double ndcg_of_list(const data::TargetView& y, std::span<const double> p, std::size_t n_positions) {
  const std::size_t n = y.values.size();
  const auto& v = y.values;
  const auto& w = y.weights;
  if (w.empty())
    return ratio_of_gains(
        discounted_gain(items_of(n, [&](std::size_t i) { return Gain{sort_key(p[i]), v[i]}; }), n_positions),
        discounted_gain(items_of(n, [&](std::size_t i) { return IdealGain{sort_key(v[i])}; }), n_positions));
  return ratio_of_gains(
      discounted_gain(items_of(n, [&](std::size_t i) { return WeightedGain{sort_key(p[i]), v[i], w[i]}; }),
                      n_positions),
      discounted_gain(items_of(n, [&](std::size_t i) { return WeightedIdealGain{sort_key(v[i]), w[i]}; }),
                      n_positions));
}

/// Each row is a list of its classes, of which the true one gains 1: the ideal is 1.
double ndcg_of_classes(const data::TargetView& y, std::span<const double> p, std::size_t n_positions) {
  const std::size_t n = y.n_classes;
  std::vector<double> sums(n + 1);  // of the discounts of the first positions
  for (std::size_t k = 0; k < n; ++k)
    sums[k + 1] = sums[k] + (k < n_positions ? discount(static_cast<double>(k)) : 0);
  return weighted_mean(y, [&](std::size_t i) {
    const auto row = p.subspan(i * n, n);
    const double actual = row[static_cast<std::size_t>(y.values[i])];
    std::size_t above = 0, tied = 0;
    for (const double value : row) {
      above += value > actual ? 1 : 0;
      tied += value == actual ? 1 : 0;
    }
    return (sums[above + tied] - sums[above]) / static_cast<double>(tied);
  });
}

double normalized_gain(const data::TargetView& y, std::span<const double> p, std::size_t n_positions) {
  if (y.task == data::Task::kMulticlass) return ndcg_of_classes(y, p, n_positions);
  if (y.task == data::Task::kBinary) return ndcg_of_binary(y, p, n_positions);
  require_targets(y, "ndcg", 0, true);
  return ndcg_of_list(y, p, n_positions);
}

Metric ndcg(std::size_t n_positions) {
  const std::string where =
      n_positions == kAllPositions ? std::string() : fmt::format(" within the first {}", n_positions);
  Metric out{"ndcg",
             {"ndcg_score", "normalized_discounted_cumulative_gain"},
             fmt::format("Discounted gain of the order of the rows, or of the classes of a row, of the best "
                         "possible{}.",
                         where),
             {data::Task::kBinary, data::Task::kMulticlass, data::Task::kRegression},
             true,
             true,
             [n_positions](const data::TargetView& y, std::span<const double> p) {
               return normalized_gain(y, p, n_positions);
             }};
  out.parameter = "number of positions that count, at least 1 (all)";
  out.with = [](std::string_view text) { return ndcg(count_parameter("ndcg", text)); };
  return out;
}

}  // namespace

std::vector<Metric> ndcg_metrics() { return {ndcg(kAllPositions)}; }

}  // namespace kolosal::metric
