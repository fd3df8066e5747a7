#include "kolosal/transform/neighbours_internal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/kernel/matrix_tiles.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {
namespace {

using data::ColumnType;
using kernel::kDistancePoints;
using kernel::kFilterPoints;

constexpr std::size_t kQueriesPerBlock = 64;

// Groups of kDistancePoints points as squared_distances() reads them. The last group is filled up with copies
// of the last point.
struct PackedPoints {
  explicit PackedPoints(const Points& points)
      : n_groups((points.n + kDistancePoints - 1) / kDistancePoints),
        numbers(n_groups * kDistancePoints * points.n_numbers) {
    for (std::size_t i = 0; i < n_groups * kDistancePoints; ++i) {
      const double* from = points.numbers.data() + std::min(i, points.n - 1) * points.n_numbers;
      double* to =
          numbers.data() + i / kDistancePoints * kDistancePoints * points.n_numbers + i % kDistancePoints;
      for (std::size_t f = 0; f < points.n_numbers; ++f) to[f * kDistancePoints] = from[f];
    }
  }
  std::size_t n_groups;
  std::vector<double> numbers;
};

// The k best so far of one query, best first.
class Best {
 public:
  Best(std::uint32_t* index, double* value, std::size_t k) : index_(index), value_(value), k_(k) {}
  // What a candidate must be below, or may be anything when not all places are taken.
  double limit() const { return n_ < k_ ? std::numeric_limits<double>::infinity() : value_[k_ - 1]; }
  bool wants(double value) const { return n_ < k_ || value < value_[k_ - 1]; }
  bool is_full() const { return n_ == k_; }
  void add(std::uint32_t index, double value) {
    std::size_t at = n_ < k_ ? n_++ : k_ - 1;
    for (; at > 0 && value < value_[at - 1]; --at) {
      value_[at] = value_[at - 1];
      index_[at] = index_[at - 1];
    }
    value_[at] = value;
    index_[at] = index;
  }

 private:
  std::uint32_t* index_;
  double* value_;
  std::size_t k_;
  std::size_t n_ = 0;
};

void add_penalties(const Points& points, std::size_t first, const std::int32_t* query, double* distance) {
  for (std::size_t p = 0; p < kDistancePoints && first + p < points.n; ++p) {
    const std::int32_t* codes = points.codes.data() + (first + p) * points.n_codes;
    for (std::size_t c = 0; c < points.n_codes; ++c)
      if (codes[c] != query[c]) distance[p] += points.penalty;
  }
}

// The exact distance, added up in the order of squared_distances().
double distance_between(const Points& points, std::size_t i, const Points& queries, std::size_t q) {
  const double* a = points.numbers.data() + i * points.n_numbers;
  const double* b = queries.numbers.data() + q * points.n_numbers;
  double sum = 0;
  for (std::size_t f = 0; f < points.n_numbers; ++f) sum += (a[f] - b[f]) * (a[f] - b[f]);
  for (std::size_t c = 0; c < points.n_codes; ++c)
    if (points.codes[i * points.n_codes + c] != queries.codes[q * points.n_codes + c]) sum += points.penalty;
  return sum;
}

// Points and queries as floats, shifted by the mean of the points and scaled so that none is farther than 1
// from 0. Distances of floats cost half, and tell which few pairs are worth an exact one.
class FloatFilter {
 public:
  FloatFilter(const Points& points, const Points& queries) : n_numbers_(points.n_numbers) {
    std::vector<double> mean(n_numbers_);
    for (std::size_t i = 0; i < points.n; ++i)
      for (std::size_t f = 0; f < n_numbers_; ++f)
        mean[f] += points.numbers[i * n_numbers_ + f] / static_cast<double>(points.n);
    radius_ = std::max(largest_norm(points, mean), largest_norm(queries, mean));
    if (!is_usable()) return;
    const auto scaled = [&](const Points& from, std::size_t i, std::size_t f) {
      return static_cast<float>((from.numbers[i * n_numbers_ + f] - mean[f]) / radius_);
    };
    n_groups_ = (points.n + kFilterPoints - 1) / kFilterPoints;
    points_.resize(n_groups_ * kFilterPoints * n_numbers_);
    for (std::size_t i = 0; i < n_groups_ * kFilterPoints; ++i)
      for (std::size_t f = 0; f < n_numbers_; ++f)
        points_[(i / kFilterPoints * n_numbers_ + f) * kFilterPoints + i % kFilterPoints] =
            scaled(points, std::min(i, points.n - 1), f);
    queries_.resize(queries.n * n_numbers_);
    for (std::size_t q = 0; q < queries.n; ++q)
      for (std::size_t f = 0; f < n_numbers_; ++f) queries_[q * n_numbers_ + f] = scaled(queries, q, f);
  }

  // Not where the numbers are all equal, or so large that their squares overflow.
  bool is_usable() const { return radius_ > 0 && std::isfinite(radius_ * radius_); }
  std::size_t n_groups() const { return n_groups_; }

  // Squared distances of a query to a group, and the smallest of them.
  float distances(std::size_t q, std::size_t group, float* out) const {
    return kernel::squared_distances(queries_.data() + q * n_numbers_,
                                     points_.data() + group * kFilterPoints * n_numbers_, n_numbers_, out);
  }

  // What the squared distance of floats is at most when the exact one is below `limit`. Rounding moves each
  // point by at most u = 2^-24 of its norm, which is at most 1, so a distance by 2 u; each difference adds as
  // much once more, and the sum of n squares is wrong by at most (n + 2) u of itself. All that is doubled.
  float bound(double limit) const {
    constexpr double kUnit = 0x1p-24;
    const double distance = std::sqrt(limit) / radius_ + 8 * kUnit;
    const double out = distance * distance * (1 + 2 * (static_cast<double>(n_numbers_) + 4) * kUnit);
    return out < 8 ? static_cast<float>(out) * (1 + 0x1p-22F) : std::numeric_limits<float>::infinity();
  }

 private:
  double largest_norm(const Points& points, const std::vector<double>& mean) const {
    double largest = 0;
    for (std::size_t i = 0; i < points.n; ++i) {
      double sum = 0;
      for (std::size_t f = 0; f < n_numbers_; ++f) {
        const double rest = points.numbers[i * n_numbers_ + f] - mean[f];
        sum += rest * rest;
      }
      if (!(sum <= largest)) largest = sum;  // an overflow stays
    }
    return std::sqrt(largest);
  }

  std::size_t n_numbers_, n_groups_ = 0;
  double radius_ = 0;
  std::vector<float> points_, queries_;
};

// search_block() for the nearest points by way of the filter: the same result.
void filtered_block(const Points& points, const FloatFilter& filter, const Points& queries,
                    const NeighbourSearch& search, std::size_t begin, std::size_t end, Neighbours& out) {
  std::vector<Best> best;
  std::vector<float> bound(end - begin, std::numeric_limits<float>::infinity());
  for (std::size_t q = begin; q < end; ++q)
    best.emplace_back(out.index.data() + q * out.k, out.squared.data() + q * out.k, out.k);
  for (std::size_t g = 0; g < filter.n_groups(); ++g) {
    const std::size_t first = g * kFilterPoints, n = std::min(kFilterPoints, points.n - first);
    for (std::size_t q = begin; q < end; ++q) {
      Best& list = best[q - begin];
      float near[kFilterPoints];
      if (filter.distances(q, g, near) > bound[q - begin]) continue;
      for (std::size_t p = 0; p < n; ++p) {
        if (near[p] > bound[q - begin]) continue;
        if (!search.self.empty() && search.self[q] == first + p) continue;
        const double distance = distance_between(points, first + p, queries, q);
        if (!list.wants(distance)) continue;
        list.add(static_cast<std::uint32_t>(first + p), distance);
        if (list.is_full()) bound[q - begin] = filter.bound(list.limit());
      }
    }
  }
}

void search_block(const Points& points, const PackedPoints& packed, const Points& queries,
                  const NeighbourSearch& search, std::size_t begin, std::size_t end, Neighbours& out) {
  const double sign = search.farthest ? -1 : 1;
  std::vector<Best> best;
  for (std::size_t q = begin; q < end; ++q)
    best.emplace_back(out.index.data() + q * out.k, out.squared.data() + q * out.k, out.k);
  for (std::size_t g = 0; g < packed.n_groups; ++g) {
    const std::size_t first = g * kDistancePoints, n = std::min(kDistancePoints, points.n - first);
    for (std::size_t q = begin; q < end; ++q) {
      Best& list = best[q - begin];
      double distance[kDistancePoints];
      const double least = kernel::squared_distances(queries.numbers.data() + q * points.n_numbers,
                                                     packed.numbers.data() + first * points.n_numbers,
                                                     points.n_numbers, distance);
      // Penalties only add, so the numbers alone can show that no point of the group is near enough.
      if (!search.farthest && list.is_full() && !(least < list.limit())) continue;
      if (points.n_codes > 0)
        add_penalties(points, first, queries.codes.data() + q * points.n_codes, distance);
      for (std::size_t p = 0; p < n; ++p) {
        if (!list.wants(sign * distance[p])) continue;
        if (!search.self.empty() && search.self[q] == first + p) continue;
        list.add(static_cast<std::uint32_t>(first + p), sign * distance[p]);
      }
    }
  }
  if (search.farthest)
    for (std::size_t i = begin * out.k; i < end * out.k; ++i) out.squared[i] = -out.squared[i];
}

}  // namespace

Points Points::subset(std::span<const std::uint32_t> positions) const {
  Points out{positions.size(), n_numbers, n_codes, {}, {}, penalty};
  out.numbers.reserve(out.n * n_numbers);
  out.codes.reserve(out.n * n_codes);
  for (const std::uint32_t i : positions) {
    out.numbers.insert(out.numbers.end(), numbers.begin() + static_cast<std::ptrdiff_t>(i * n_numbers),
                       numbers.begin() + static_cast<std::ptrdiff_t>((i + 1) * n_numbers));
    out.codes.insert(out.codes.end(), codes.begin() + static_cast<std::ptrdiff_t>(i * n_codes),
                     codes.begin() + static_cast<std::ptrdiff_t>((i + 1) * n_codes));
  }
  return out;
}

Points points_of(const data::Frame& x, std::span<const std::uint32_t> rows, std::string_view who,
                 bool with_codes) {
  std::vector<std::size_t> numbers, categories;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const ColumnType type = x.column(c).type();
    if (x.column(c).is_numeric())
      numbers.push_back(c);
    else if (type == ColumnType::kCategory && with_codes)
      categories.push_back(c);
    else
      throw Error(ErrorCode::kData,
                  "{} measures distances, and column \"{}\" of type {} has none; encode it before{}", who,
                  x.name(c), data::type_name(type), type == ColumnType::kCategory ? ", or use smote_nc" : "");
  }
  Points out{rows.size(), numbers.size(), categories.size(), {}, {}, 0};
  out.numbers.resize(out.n * out.n_numbers);
  out.codes.resize(out.n * out.n_codes);
  for (std::size_t f = 0; f < numbers.size(); ++f) {
    const Numbers cells(x.column(numbers[f]));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double cell = cells[rows[i]];
      if (!std::isfinite(cell))
        throw Error(ErrorCode::kData,
                    "{} measures distances, and column \"{}\" has {} cell in row {}; impute it before", who,
                    x.name(numbers[f]), std::isnan(cell) ? "a missing" : "an infinite", rows[i]);
      out.numbers[i * out.n_numbers + f] = cell;
    }
  }
  for (std::size_t f = 0; f < categories.size(); ++f) {
    const auto codes = x.column(categories[f]).codes();
    for (std::size_t i = 0; i < rows.size(); ++i) out.codes[i * out.n_codes + f] = codes[rows[i]];
  }
  return out;
}

Neighbours find_neighbours(const Points& points, const Points& queries, const NeighbourSearch& search,
                           const Context& context) {
  KOLOSAL_ASSERT(points.n_numbers == queries.n_numbers && points.n_codes == queries.n_codes,
                 "points and queries have the same columns");
  Neighbours out;
  const std::size_t n_others = search.self.empty() || points.n == 0 ? points.n : points.n - 1;
  out.k = std::min(search.k, n_others);
  out.index.resize(queries.n * out.k);
  out.squared.resize(queries.n * out.k);
  if (out.k == 0) return out;
  if (!search.farthest && points.n > kFilterPoints) {
    const FloatFilter filter(points, queries);
    if (filter.is_usable()) {
      context.parallel_blocks(queries.n, kQueriesPerBlock, [&](std::size_t begin, std::size_t end) {
        filtered_block(points, filter, queries, search, begin, end, out);
      });
      return out;
    }
  }
  const PackedPoints packed(points);
  context.parallel_blocks(queries.n, kQueriesPerBlock, [&](std::size_t begin, std::size_t end) {
    search_block(points, packed, queries, search, begin, end, out);
  });
  return out;
}

Neighbours neighbours_of_all(const Points& points, std::size_t k, const Context& context) {
  std::vector<std::uint32_t> self(points.n);
  std::iota(self.begin(), self.end(), 0U);
  return find_neighbours(points, points, {.k = k, .self = self}, context);
}

}  // namespace kolosal::transform
