#include "kolosal/transform/column_statistics_internal.hpp"

#include <algorithm>
#include <cmath>

#include "kolosal/kernel/column_ops.hpp"
#include "kolosal/transform/statistics_internal.hpp"

namespace kolosal::transform {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();

// Calls body(column, task of the column, its rows) for all columns; results are combined by task.
template <typename Body>
void for_each_task(std::size_t n_columns, std::span<const std::uint32_t> rows, const Context& context,
                   Body&& body) {
  const std::size_t n_tasks = (rows.size() + kTaskRows - 1) / kTaskRows;
  context.parallel_blocks(n_columns * n_tasks, 1, [&](std::size_t i, std::size_t) {
    const std::size_t task = i % n_tasks;
    body(i / n_tasks, task,
         rows.subspan(task * kTaskRows, std::min(kTaskRows, rows.size() - task * kTaskRows)));
  });
}

// Calls body(cells, n) for blocks of the rows.
template <typename Body>
void for_each_block(const CellSource& x, std::span<const std::uint32_t> rows, Body&& body) {
  double buffer[kRowGrain];
  for (std::size_t begin = 0; begin < rows.size(); begin += kRowGrain) {
    const auto block = rows.subspan(begin, std::min(kRowGrain, rows.size() - begin));
    body(x.read_rows(block, buffer), block.size());
  }
}

Moments slow_moments(const double* cells, std::size_t n) {
  Moments out;
  long double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(cells[i])) continue;
    ++out.count;
    sum += static_cast<long double>(cells[i]);
    out.low = std::min(out.low, cells[i]);
    out.high = std::max(out.high, cells[i]);
  }
  if (out.count == 0) return out;
  out.mean = sum / static_cast<long double>(out.count);
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(cells[i])) continue;
    const long double delta = static_cast<long double>(cells[i]) - out.mean;
    out.m2 += delta * delta;
  }
  return out;
}

// Where the cells of one quantile are looked for, and what a pass found there.
struct Bracket {
  double low = -kLargest;
  double high = kLargest;
  std::size_t n_below = 0;
  std::vector<double> cells;
};

struct ColumnSearch {
  std::size_t n_finite = 0;
  std::vector<Bracket> brackets;  // one per share
  bool done = false;
};

std::size_t rank_of(double share, std::size_t n) {
  return static_cast<std::size_t>(share * static_cast<double>(n - 1));
}

// The sample is of runs of 8 cells, a cache line each, spread evenly over the rows.
std::vector<double> sorted_sample(const CellSource& x, std::span<const std::uint32_t> rows) {
  constexpr std::size_t kRuns = 512, kRun = 8;
  std::vector<std::uint32_t> picked;
  for (std::size_t i = 0; i < kRuns; ++i)
    for (std::size_t k = 0; k < kRun; ++k) picked.push_back(rows[i * (rows.size() - kRun) / kRuns + k]);
  auto out = finite_cells(x, picked);
  std::ranges::sort(out);
  return out;
}

void place_brackets(const CellSource& x, std::span<const std::uint32_t> rows, std::span<const double> shares,
                    ColumnSearch& out) {
  out.brackets.resize(shares.size());
  constexpr std::size_t kFewRows = 1 << 14;
  if (rows.size() < kFewRows) return;  // all cells are gathered
  const auto sample = sorted_sample(x, rows);
  if (sample.size() < 512) return;
  const auto n = static_cast<double>(sample.size());
  for (std::size_t q = 0; q < shares.size(); ++q) {
    const double margin = 5 * std::sqrt(n * shares[q] * (1 - shares[q])) + 2;
    const double below = std::floor(shares[q] * n - margin), above = std::ceil(shares[q] * n + margin);
    if (below >= 0) out.brackets[q].low = sample[static_cast<std::size_t>(below)];
    if (above < n) out.brackets[q].high = sample[static_cast<std::size_t>(above)];
  }
}

struct Found {
  std::size_t n_finite = 0;
  std::vector<std::size_t> n_below;
  std::vector<std::vector<double>> cells;
};

Found search_rows(const CellSource& x, std::span<const std::uint32_t> rows, const ColumnSearch& search) {
  Found out;
  out.n_below.resize(search.brackets.size());
  out.cells.resize(search.brackets.size());
  double gathered[kRowGrain];
  for_each_block(x, rows, [&](const double* cells, std::size_t n) {
    for (std::size_t q = 0; q < search.brackets.size(); ++q) {
      const Bracket& bracket = search.brackets[q];
      const auto counts = kernel::count_range(cells, bracket.low, bracket.high, n);
      if (q == 0) out.n_finite += counts.n_finite;
      out.n_below[q] += counts.n_below;
      const std::size_t n_within = kernel::gather_range(cells, bracket.low, bracket.high, gathered, n);
      out.cells[q].insert(out.cells[q].end(), gathered, gathered + n_within);
    }
  });
  return out;
}

// The value at a share of all cells, of which those of the bracket are at hand. False when the bracket does
// not hold it: then it is opened on that side.
bool select(Bracket& bracket, double share, std::size_t n_finite, double& out) {
  const std::size_t rank = rank_of(share, n_finite), next = std::min(rank + 1, n_finite - 1);
  const std::size_t end = bracket.n_below + bracket.cells.size();
  if (rank >= bracket.n_below && next < end) {
    const double position = share * static_cast<double>(n_finite - 1);
    const double part = position - static_cast<double>(rank);
    const auto at = bracket.cells.begin() + static_cast<std::ptrdiff_t>(rank - bracket.n_below);
    std::nth_element(bracket.cells.begin(), at, bracket.cells.end());
    out = *at;
    if (part == 0 || next == rank) return true;
    const double high = *std::min_element(at + 1, bracket.cells.end());
    out = out * (1 - part) + high * part;  // not out + (high - out) * part: the difference may overflow
    return true;
  }
  if (rank < bracket.n_below) bracket.low = -kLargest;
  if (next >= end) bracket.high = kLargest;
  return false;
}

}  // namespace

void Moments::add(const Moments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const auto n = static_cast<long double>(count), n_other = static_cast<long double>(other.count);
  const long double delta = other.mean - mean, all = n + n_other;
  mean += delta * (n_other / all);
  m2 += other.m2 + delta * delta * (n * (n_other / all));
  count += other.count;
  low = std::min(low, other.low);
  high = std::max(high, other.high);
}

void Moments::add_block_precisely(const double* cells, std::size_t n) { add(slow_moments(cells, n)); }

// The bound is scikit-learn's (utils/_extmath, _is_constant_feature), with the mean as a double.
bool Moments::is_constant() const {
  if (!(low < high)) return true;
  constexpr long double kEpsilon = std::numeric_limits<double>::epsilon();
  const auto n = static_cast<long double>(count);
  const long double drift = n * static_cast<long double>(static_cast<double>(mean)) * kEpsilon;
  return variance() <= n * kEpsilon * variance() + drift * drift;
}

void Moments::add_block(const double* cells, std::size_t n) {
  const auto block = kernel::block_moments(cells, n);
  // Squares that overflow or vanish are summed again where they do not.
  constexpr double kVanishing = 1e-280;
  const bool vanished = block.low < block.high && block.m2 < kVanishing;
  if (block.count > 0 && (!std::isfinite(block.m2) || vanished)) {
    add(slow_moments(cells, n));
    return;
  }
  add({static_cast<std::size_t>(block.count), static_cast<long double>(block.mean),
       static_cast<long double>(block.m2), block.low, block.high});
}

std::vector<Moments> moments_of(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                                const Context& context) {
  const std::size_t n_tasks = (rows.size() + kTaskRows - 1) / kTaskRows;
  std::vector<Moments> parts(x.size() * n_tasks);
  for_each_task(x.size(), rows, context, [&](std::size_t c, std::size_t task, auto task_rows) {
    for_each_block(x[c], task_rows, [&](const double* cells, std::size_t n) {
      parts[c * n_tasks + task].add_block(cells, n);
    });
  });
  std::vector<Moments> out(x.size());
  for (std::size_t c = 0; c < x.size(); ++c)
    for (std::size_t task = 0; task < n_tasks; ++task) out[c].add(parts[c * n_tasks + task]);
  return out;
}

std::vector<Quantiles> quantiles_of(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                                    std::span<const double> shares, const Context& context) {
  const std::size_t n_tasks = (rows.size() + kTaskRows - 1) / kTaskRows;
  std::vector<ColumnSearch> searches(x.size());
  std::vector<Quantiles> out(x.size());
  context.parallel_blocks(x.size(), 1, [&](std::size_t c, std::size_t) {
    place_brackets(x[c], rows, shares, searches[c]);
    out[c].values.assign(shares.size(), 0.0);
  });
  // The second round can not fail: brackets that did not hold their cells are open then.
  for (bool all_done = false; !all_done;) {
    std::vector<Found> found(x.size() * n_tasks);
    for_each_task(x.size(), rows, context, [&](std::size_t c, std::size_t task, auto task_rows) {
      if (!searches[c].done) found[c * n_tasks + task] = search_rows(x[c], task_rows, searches[c]);
    });
    context.parallel_blocks(x.size(), 1, [&](std::size_t c, std::size_t) {
      ColumnSearch& search = searches[c];
      if (search.done) return;
      search.n_finite = 0;
      for (std::size_t task = 0; task < n_tasks; ++task) {
        Found& part = found[c * n_tasks + task];
        search.n_finite += part.n_finite;
        for (std::size_t q = 0; q < shares.size(); ++q) {
          search.brackets[q].n_below += part.n_below[q];
          auto& cells = search.brackets[q].cells;
          cells.insert(cells.end(), part.cells[q].begin(), part.cells[q].end());
        }
        part = {};
      }
      out[c].count = search.n_finite;
      search.done = true;
      if (search.n_finite == 0) return;
      for (std::size_t q = 0; q < shares.size(); ++q) {
        search.done &= select(search.brackets[q], shares[q], search.n_finite, out[c].values[q]);
      }
      if (!search.done)
        for (Bracket& bracket : search.brackets) bracket.n_below = 0, bracket.cells.clear();
      else
        search.brackets.clear();
    });
    all_done = std::ranges::all_of(searches, &ColumnSearch::done);
  }
  return out;
}

void for_each_finite_block(const CellSource& x, const std::function<void(std::span<const double>)>& body) {
  double buffer[kRowGrain], finite[kRowGrain];
  for (std::size_t begin = 0; begin < x.size(); begin += kRowGrain) {
    const std::size_t n = std::min(kRowGrain, x.size() - begin);
    const double* cells = x.read(begin, n, buffer);
    body(std::span<const double>(finite, kernel::gather_range(cells, -kLargest, kLargest, finite, n)));
  }
}

std::vector<double> finite_cells(const CellSource& x, std::span<const std::uint32_t> rows) {
  std::vector<double> out(rows.size());
  std::size_t n_out = 0;
  for_each_block(x, rows, [&](const double* cells, std::size_t n) {
    n_out += kernel::gather_range(cells, -kLargest, kLargest, out.data() + n_out, n);
  });
  out.resize(n_out);
  return out;
}

}  // namespace kolosal::transform
