#include "kolosal/transform/bin_edges_internal.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kolosal::transform {
namespace {

constexpr double kJoined = 1e-8;

// All edges, the two ends among them, become the inner ones that are far enough from the one before.
std::vector<double> inner_edges(const std::vector<double>& all) {
  std::vector<double> kept;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i == 0 || all[i] - all[i - 1] > kJoined) kept.push_back(all[i]);
  if (kept.size() <= 2) return {};
  return {kept.begin() + 1, kept.end() - 1};
}

std::vector<double> equally_spaced(double low, double high, std::size_t n_bins) {
  const auto n = static_cast<double>(n_bins);
  const double step = std::isfinite(high - low) ? (high - low) / n : high / n - low / n;
  std::vector<double> out(n_bins + 1);
  for (std::size_t i = 0; i < n_bins; ++i) out[i] = low + static_cast<double>(i) * step;
  out[n_bins] = high;
  return out;
}

// Edges of bins of equally many of n_cells sorted cells; cell_at(rank) is one of them.
template <typename CellAt>
std::vector<double> edges_at_ranks(std::size_t n_cells, std::size_t n_bins, const CellAt& cell_at) {
  if (n_cells == 0 || cell_at(0) == cell_at(n_cells - 1)) return {};
  const auto n = static_cast<double>(n_cells);
  const auto at = [&](double i) { return cell_at(static_cast<std::size_t>(std::clamp(i, 0.0, n - 1))); };
  std::vector<double> all;
  for (std::size_t i = 0; i <= n_bins; ++i) {
    // In NumPy's steps, since a rounding error decides between one cell and the mean of two.
    const double percent =
        i == n_bins ? 100.0 : static_cast<double>(i) * (100.0 / static_cast<double>(n_bins));
    const double position = n * (percent / 100) - 1, below = std::floor(position);
    all.push_back(position == below ? at(below) / 2 + at(below + 1) / 2 : at(below + 1));
  }
  return inner_edges(all);
}

// k-means of sorted cells: clusters are intervals, so a round costs a search per centre.
class Lloyd {
 public:
  explicit Lloyd(std::span<const double> sorted) : x_(sorted), sums_(sorted.size() + 1) {
    for (std::size_t i = 0; i < x_.size(); ++i) sums_[i + 1] = sums_[i] + static_cast<long double>(x_[i]);
    const long double mean = sums_.back() / static_cast<long double>(x_.size());
    long double squares = 0;
    for (const double cell : x_)
      squares += (static_cast<long double>(cell) - mean) * (static_cast<long double>(cell) - mean);
    tolerance_ = static_cast<double>(1e-4L * squares / static_cast<long double>(x_.size()));
  }

  std::vector<double> centres(std::vector<double> centres) const {
    std::vector<std::size_t> before;
    for (int round = 0; round < 300; ++round) {
      const auto ends = ends_of(centres);
      auto moved = means_of(ends, centres);
      double shift = 0;
      for (std::size_t k = 0; k < centres.size(); ++k)
        shift += (moved[k] - centres[k]) * (moved[k] - centres[k]);
      std::ranges::sort(moved);  // a centre that was moved to a far cell is out of order
      centres = std::move(moved);
      if (ends == before || shift <= tolerance_) break;
      before = ends;
    }
    return centres;
  }

 private:
  // By cluster, where its interval ends. A cell halfway between two centres is of the lower one.
  std::vector<std::size_t> ends_of(const std::vector<double>& centres) const {
    std::vector<std::size_t> out;
    for (std::size_t k = 0; k + 1 < centres.size(); ++k) {
      const double middle = centres[k] / 2 + centres[k + 1] / 2;
      out.push_back(static_cast<std::size_t>(std::ranges::upper_bound(x_, middle) - x_.begin()));
    }
    out.push_back(x_.size());
    return out;
  }

  // A cluster without a cell gets one of the cells that are farthest from their centres, which that one
  // loses; a cluster that lost its only one goes to the biggest.
  std::vector<double> means_of(const std::vector<std::size_t>& ends,
                               const std::vector<double>& centres) const {
    std::vector<long double> sum(ends.size()), count(ends.size());
    std::vector<std::size_t> empty;
    for (std::size_t k = 0; k < ends.size(); ++k) {
      const std::size_t begin = k == 0 ? 0 : ends[k - 1];
      sum[k] = sums_[ends[k]] - sums_[begin];
      count[k] = static_cast<long double>(ends[k] - begin);
      if (ends[k] == begin) empty.push_back(k);
    }
    if (!empty.empty()) {
      const auto far = farthest(ends, centres, empty.size());
      for (std::size_t i = 0; i < empty.size() && i < far.size(); ++i) {
        const auto [cell, from] = far[i];
        sum[from] -= static_cast<long double>(x_[cell]);
        count[from] -= 1;
        sum[empty[i]] = static_cast<long double>(x_[cell]);
        count[empty[i]] = 1;
      }
    }
    const auto biggest = static_cast<std::size_t>(std::ranges::max_element(count) - count.begin());
    std::vector<double> out;
    for (std::size_t k = 0; k < sum.size(); ++k) {
      const std::size_t from = count[k] > 0 ? k : biggest;
      out.push_back(static_cast<double>(sum[from] / count[from]));
    }
    return out;
  }

  // (cell, its cluster) of the n cells that are farthest from their centres, of equally far ones the
  // greatest: at first both ends are half a bin from theirs.
  std::vector<std::pair<std::size_t, std::size_t>> farthest(const std::vector<std::size_t>& ends,
                                                            const std::vector<double>& centres,
                                                            std::size_t n) const {
    std::vector<std::pair<std::size_t, std::size_t>> out;
    for (std::size_t k = 0, i = 0; k < ends.size(); ++k)
      for (; i < ends[k]; ++i) out.emplace_back(i, k);
    n = std::min(n, out.size());
    std::ranges::partial_sort(
        out, out.begin() + static_cast<std::ptrdiff_t>(n), [&](const auto& a, const auto& b) {
          // In float: two that differ by rounding are equal.
          const auto far_a = static_cast<float>(std::abs(x_[a.first] - centres[a.second]));
          const auto far_b = static_cast<float>(std::abs(x_[b.first] - centres[b.second]));
          return far_a != far_b ? far_a > far_b : a.first > b.first;
        });
    out.resize(n);
    return out;
  }

  std::span<const double> x_;
  std::vector<long double> sums_;
  double tolerance_ = 0;
};

// A split of a range of sorted rows by the gain of the sum, over outputs and sides, of (sum of y)^2 / weight:
// for one output the reduction of squared error, for one output per class that of Gini impurity.
class TreeBins {
 public:
  TreeBins(std::span<const double> cells, std::span<const std::uint32_t> rows, const data::TargetView& y,
           std::size_t min_rows)
      : cells_(cells), y_(y), min_rows_(std::max<std::size_t>(1, min_rows)) {
    for (const std::uint32_t row : rows)
      if (std::isfinite(cells[row])) order_.push_back(row);
    std::ranges::stable_sort(order_, {}, [&](std::uint32_t row) { return cells_[row]; });
    if (y.task != data::Task::kRegression) return;
    double n = 0;  // sums of a centred target keep their digits
    for (const std::uint32_t row : order_) n += 1, centre_ += (y.values[row] - centre_) / n;
  }

  std::vector<double> edges(std::size_t n_bins) const {
    std::vector<Split> leaves = {best_split(0, order_.size())};
    std::vector<double> out;
    while (out.size() + 1 < n_bins) {
      const auto best = std::ranges::max_element(leaves, {}, &Split::gain);
      if (!(best->gain > 0)) break;
      const Split split = *best;
      out.push_back(split.edge);
      *best = best_split(split.begin, split.at);
      leaves.push_back(best_split(split.at, split.end));
    }
    std::ranges::sort(out);
    return out;
  }

 private:
  struct Split {
    std::size_t begin, at, end;
    double gain, edge;
  };

  // Weights and sums by output of one side, and the sum of the squares of the latter.
  struct Side {
    explicit Side(std::size_t n_outputs) : sums(n_outputs) {}
    void add(std::size_t output, double weight, double value) {
      total += weight;
      double& sum = sums[output];
      squares -= sum * sum;
      sum += weight * value;
      squares += sum * sum;
    }
    double score() const { return total > 0 ? squares / total : 0; }
    double total = 0, squares = 0;
    std::vector<double> sums;
  };

  void add(Side& side, std::uint32_t row, double sign) const {
    const bool regression = y_.task == data::Task::kRegression;
    const auto output = regression ? 0 : static_cast<std::size_t>(y_.values[row]);
    side.add(output, sign * y_.weight(row), regression ? y_.values[row] - centre_ : 1.0);
  }

  Split best_split(std::size_t begin, std::size_t end) const {
    const std::size_t n_outputs =
        y_.task == data::Task::kRegression ? 1 : std::max<std::size_t>(2, y_.n_classes);
    Side left(n_outputs), right(n_outputs);
    for (std::size_t i = begin; i < end; ++i) add(right, order_[i], 1);
    const double whole = right.score();
    // What rounding alone gives is no gain.
    Split out{begin, begin, end, 0, 0};
    double best = whole + 1e-12 * std::abs(whole);
    for (std::size_t i = begin; i + 1 < end; ++i) {
      add(left, order_[i], 1);
      add(right, order_[i], -1);
      const double here = cells_[order_[i]], next = cells_[order_[i + 1]];
      if (!(next > here) || i + 1 - begin < min_rows_ || end - i - 1 < min_rows_) continue;
      const double score = left.score() + right.score();
      if (!(score > best)) continue;
      best = score;
      const double middle = here / 2 + next / 2;
      out = {begin, i + 1, end, score - whole, middle < next ? middle : here};
    }
    return out;
  }

  std::span<const double> cells_;
  const data::TargetView& y_;
  std::size_t min_rows_;
  std::vector<std::uint32_t> order_;
  double centre_ = 0;
};

}  // namespace

std::vector<double> uniform_edges(double low, double high, std::size_t n_bins) {
  if (low == high) return {};
  const auto all = equally_spaced(low, high, n_bins);
  std::vector<double> out(all.begin() + 1, all.end() - 1);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<double> quantile_edges(std::span<const double> sorted, std::size_t n_bins) {
  return edges_at_ranks(sorted.size(), n_bins, [&](std::size_t rank) { return sorted[rank]; });
}

std::vector<double> quantile_edges(const WeightedNumbers& sorted, std::size_t n_bins) {
  return edges_at_ranks(sorted.count(), n_bins, [&](std::size_t rank) { return sorted.at(rank); });
}

std::vector<double> kmeans_edges(std::span<const double> sorted, std::size_t n_bins) {
  if (sorted.empty() || sorted.front() == sorted.back()) return {};
  const auto ends = equally_spaced(sorted.front(), sorted.back(), n_bins);
  std::vector<double> centres;
  for (std::size_t k = 0; k < n_bins; ++k) centres.push_back(ends[k] / 2 + ends[k + 1] / 2);
  centres = Lloyd(sorted).centres(std::move(centres));
  std::vector<double> all = {sorted.front()};
  for (std::size_t k = 0; k + 1 < n_bins; ++k) all.push_back(centres[k] / 2 + centres[k + 1] / 2);
  all.push_back(sorted.back());
  return inner_edges(all);
}

std::vector<double> tree_edges(std::span<const double> cells, std::span<const std::uint32_t> rows,
                               const data::TargetView& y, std::size_t n_bins, std::size_t min_rows) {
  return TreeBins(cells, rows, y, min_rows).edges(n_bins);
}

}  // namespace kolosal::transform
