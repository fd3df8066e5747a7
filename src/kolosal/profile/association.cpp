#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/kernel/vector_ops.hpp"
#include "kolosal/profile/relations_internal.hpp"

namespace kolosal::profile {
namespace {

/// A column made ready for pairs: numbers standardized, with 0 where missing, their squares, and 1 where
/// present.
struct Prepared {
  const SampledCells* cells = nullptr;
  bool is_complete = true;
  bool is_constant = false;
  std::vector<double> value, square, present;  // numbers
  std::vector<double> rank;                    // standardized, 0 where missing
  std::vector<std::uint32_t> order;            // rows by value, missing left out
};

/// Centres, and divides by the root of the mean of squares; missing rows (present 0) become 0.
bool standardize(std::vector<double>& x, const std::vector<double>& present) {
  double n = 0, largest = 0, mean = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    n += present[i];
    largest = std::max(largest, std::abs(x[i]));
  }
  if (n == 0 || largest == 0) return false;
  for (double& v : x) mean += (v /= largest);  // 1e308 squared is no double
  mean /= n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = present[i] > 0 ? x[i] - mean : 0;
    squares += x[i] * x[i];
  }
  // Cells that differ by rounding only count as constant.
  if (!(squares / n > 1e-28 * mean * mean)) return false;
  for (double& v : x) v /= std::sqrt(squares / n);
  return true;
}

/// Average ranks (ties share theirs) of the rows in `order` that are present in `other` too; 0 elsewhere.
void rank_within(const Prepared& column, const std::vector<double>* other, std::vector<double>& out,
                 std::vector<std::uint32_t>& ties) {
  std::ranges::fill(out, 0);
  double rank = 0;
  double last = 0;
  ties.clear();
  const auto close = [&] {
    const double average = rank + (static_cast<double>(ties.size()) + 1) / 2;
    for (const std::uint32_t row : ties) out[row] = average;
    rank += static_cast<double>(ties.size());
    ties.clear();
  };
  for (const std::uint32_t row : column.order) {
    if (other && (*other)[row] == 0) continue;
    const double value = column.cells->values[row];
    if (!ties.empty() && value != last) close();
    last = value;
    ties.push_back(row);
  }
  close();
}

Prepared prepare(const SampledCells& cells) {
  Prepared out;
  out.cells = &cells;
  out.is_complete = cells.n_missing == 0;
  if (!cells.is_number) {
    out.is_constant = cells.levels.size() < 2;
    return out;
  }
  const std::size_t n = cells.size();
  out.value.resize(n);
  out.present.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    out.present[i] = std::isnan(cells.values[i]) ? 0 : 1;
    out.value[i] = out.present[i] > 0 ? cells.values[i] : 0;
  }
  out.order = rows_by_value(cells.values);
  out.is_constant = !standardize(out.value, out.present);
  for (const double v : out.value) out.square.push_back(v * v);
  out.rank.resize(n);
  std::vector<std::uint32_t> ties;
  rank_within(out, nullptr, out.rank, ties);
  standardize(out.rank, out.present);
  return out;
}

double clipped(double r) { return std::clamp(r, -1.0, 1.0); }

/// Pearson's r from the sums over the rows in which both are present.
double correlation(double n, double x, double y, double xx, double yy, double xy) {
  const double vx = xx - x * x / n, vy = yy - y * y / n;
  if (!(vx > 1e-12 * n) || !(vy > 1e-12 * n)) return kNoNumber;
  return clipped((xy - x * y / n) / std::sqrt(vx) / std::sqrt(vy));
}

void relate_numbers(const Prepared& a, const Prepared& b, Association& out) {
  const std::size_t rows = a.value.size();
  const auto dot = [&](const std::vector<double>& x, const std::vector<double>& y) {
    return kernel::dot(x.data(), y.data(), rows);
  };
  if (a.is_complete && b.is_complete) {
    const auto n = static_cast<double>(rows);
    out.n = rows;
    out.value = clipped(dot(a.value, b.value) / n);
    out.rank_value = clipped(dot(a.rank, b.rank) / n);
    return;
  }
  const double n = dot(a.present, b.present);
  out.n = static_cast<std::size_t>(n);
  if (n < 2) return;
  out.value = correlation(n, dot(a.value, b.present), dot(a.present, b.value), dot(a.square, b.present),
                          dot(a.present, b.square), dot(a.value, b.value));
  std::vector<double> ra(rows), rb(rows);
  std::vector<std::uint32_t> ties;
  rank_within(a, &b.present, ra, ties);
  rank_within(b, &a.present, rb, ties);
  // The mean of ranks is (n + 1) / 2 with and without ties; centred, missing rows stay 0.
  const double middle = (n + 1) / 2;
  for (std::size_t i = 0; i < rows; ++i) {
    const bool both = a.present[i] > 0 && b.present[i] > 0;
    ra[i] = both ? (ra[i] - middle) / n : 0;
    rb[i] = both ? (rb[i] - middle) / n : 0;
  }
  const double scale = std::sqrt(dot(ra, ra)) * std::sqrt(dot(rb, rb));
  if (scale > 0) out.rank_value = clipped(dot(ra, rb) / scale);
}

/// eta and Kelley's epsilon.
void relate_mixed(const Prepared& levels, const Prepared& numbers, Association& out) {
  const std::size_t k = levels.cells->levels.size();
  std::vector<double> count(k), sum(k);
  double n = 0, total = 0, squares = 0;
  for (std::size_t i = 0; i < numbers.value.size(); ++i) {
    const std::int32_t code = levels.cells->codes[i];
    if (code < 0 || numbers.present[i] == 0) continue;
    count[static_cast<std::size_t>(code)] += 1;
    sum[static_cast<std::size_t>(code)] += numbers.value[i];
    n += 1;
    total += numbers.value[i];
    squares += numbers.square[i];
  }
  out.n = static_cast<std::size_t>(n);
  const double all = squares - (n > 0 ? total * total / n : 0);
  double between = 0, n_levels = 0;
  for (std::size_t i = 0; i < k; ++i) {
    if (count[i] == 0) continue;
    between += sum[i] * sum[i] / count[i];
    n_levels += 1;
  }
  if (n_levels < 2 || !(all > 1e-12 * n)) return;
  const double eta2 = std::clamp((between - total * total / n) / all, 0.0, 1.0);
  out.value = std::sqrt(eta2);
  out.adjusted = n > n_levels ? std::sqrt(std::max(0.0, 1 - (1 - eta2) * (n - 1) / (n - n_levels))) : 0;
}

/// Cramer's V and Bergsma's correction (2013).
void relate_levels(const Prepared& a, const Prepared& b, Association& out) {
  const std::size_t ka = a.cells->levels.size(), kb = b.cells->levels.size();
  std::vector<double> table(ka * kb), row(ka), column(kb);
  double n = 0;
  for (std::size_t i = 0; i < a.cells->codes.size(); ++i) {
    const std::int32_t x = a.cells->codes[i], y = b.cells->codes[i];
    if (x < 0 || y < 0) continue;
    table[static_cast<std::size_t>(x) * kb + static_cast<std::size_t>(y)] += 1;
    row[static_cast<std::size_t>(x)] += 1;
    column[static_cast<std::size_t>(y)] += 1;
    n += 1;
  }
  out.n = static_cast<std::size_t>(n);
  const auto used = [](const std::vector<double>& counts) {
    return static_cast<double>(std::ranges::count_if(counts, [](double c) { return c > 0; }));
  };
  const double r = used(row), c = used(column);
  if (r < 2 || c < 2) return;
  double chi2 = 0;
  for (std::size_t i = 0; i < ka; ++i)
    for (std::size_t j = 0; j < kb; ++j) {
      const double expected = row[i] * column[j] / n;
      if (expected > 0) chi2 += (table[i * kb + j] - expected) * (table[i * kb + j] - expected) / expected;
    }
  const double phi2 = chi2 / n;
  out.value = std::sqrt(std::min(1.0, phi2 / std::min(r - 1, c - 1)));
  const double corrected = std::max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1));
  const double rc = r - (r - 1) * (r - 1) / (n - 1), cc = c - (c - 1) * (c - 1) / (n - 1);
  const double size = std::min(rc - 1, cc - 1);
  out.adjusted = size > 0 ? std::sqrt(std::min(1.0, corrected / size)) : 0;
}

Association relate(const Prepared& a, const Prepared& b) {
  Association out;
  const bool numbers = a.cells->is_number && b.cells->is_number;
  const bool levels = !a.cells->is_number && !b.cells->is_number;
  out.measure = numbers ? Measure::kPearson : levels ? Measure::kCramersV : Measure::kCorrelationRatio;
  if (a.is_constant || b.is_constant) return out;
  if (numbers) {
    relate_numbers(a, b, out);
    out.adjusted = out.value;
  } else if (levels) {
    relate_levels(a, b, out);
  } else {
    a.cells->is_number ? relate_mixed(b, a, out) : relate_mixed(a, b, out);
  }
  return out;
}

}  // namespace

double Association::strength() const {
  const double first = std::isnan(adjusted) ? 0 : std::abs(adjusted);
  return std::max(first, std::isnan(rank_value) ? 0 : std::abs(rank_value));
}

std::vector<Association> associate(std::span<const SampledCells> cells, std::span<const std::size_t> columns,
                                   const Context& context) {
  const std::size_t k = cells.size();
  std::vector<Prepared> prepared(k);
  context.parallel_blocks(k, 1, [&](std::size_t i, std::size_t) { prepared[i] = prepare(cells[i]); });
  std::vector<Association> out;
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = i + 1; j < k; ++j) {
      out.emplace_back();
      out.back().a = i;
      out.back().b = j;
    }
  context.parallel_blocks(out.size(), 4, [&](std::size_t begin, std::size_t end) {
    if (context.should_stop()) return;
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t i = out[p].a, j = out[p].b;
      out[p] = relate(prepared[i], prepared[j]);
      out[p].a = columns[i];
      out[p].b = columns[j];
    }
  });
  return out;
}

}  // namespace kolosal::profile
