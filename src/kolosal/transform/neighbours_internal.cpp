#include "kolosal/transform/neighbours_internal.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>

#include "kolosal/core/error.hpp"
#include "kolosal/kernel/matrix_tiles.hpp"
#include "kolosal/kernel/near_points.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {
namespace {

using data::ColumnType;
using kernel::kDistancePoints;
using kernel::kNearPoints;
using kernel::kNearQueries;

constexpr std::size_t kQueriesPerBlock = 64;
static_assert(kQueriesPerBlock % kNearQueries == 0);

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

// Points and queries as whole numbers of 16 bits, from a centre and in units such that none is farther than
// kRadius from it. Whole numbers are exact on every CPU, and tell which few pairs are worth an exact
// distance.
//
// A point is first moved to the ball of that radius around the centre if it lies outside, which makes no
// distance longer, and then rounded, which moves it by at most sqrt(n_numbers) / 2. So the distance of whole
// numbers exceeds the exact one by sqrt(n_numbers) at most. Centre and radius come from a sample of the
// points, as medians: outliers spoil the filter for none but themselves.
class WholeFilter {
 public:
  WholeFilter(const Points& points, const Points& queries) : n_numbers_(points.n_numbers) {
    if (!find_ball(points)) return;
    n_groups_ = (points.n + kNearPoints - 1) / kNearPoints;
    points_.resize(n_groups_ * kNearPoints * 2 * n_pairs());
    offsets_.resize(n_groups_ * kNearPoints);
    is_usable_ = pack<kNearPoints>(points, points_, [&](std::size_t i, std::int64_t norm) {
      offsets_[i] = static_cast<std::int32_t>(-(norm / 2));
    });
    const std::size_t n_tiles = (queries.n + kNearQueries - 1) / kNearQueries;
    queries_.resize(n_tiles * kNearQueries * 2 * n_pairs());
    norms_.resize(queries.n);
    is_usable_ = is_usable_ && pack<kNearQueries>(queries, queries_, [&](std::size_t i, std::int64_t norm) {
                   norms_[i] = static_cast<double>(norm);
                 });
  }

  // Not where the numbers are all equal, too large, too small or too many.
  bool is_usable() const { return is_usable_; }
  std::size_t n_groups() const { return n_groups_; }

  // Bits of the points of a group that may be near to each of kNearQueries queries, by their limits.
  bool find_near(std::size_t first_query, std::size_t group, const std::int32_t* limits,
                 std::uint32_t* masks) const {
    return kernel::find_near(queries_.data() + first_query * 2 * n_pairs(),
                             points_.data() + group * kNearPoints * 2 * n_pairs(), n_pairs(),
                             offsets_.data() + group * kNearPoints, limits, masks);
  }

  static constexpr std::int32_t kAll = std::numeric_limits<std::int32_t>::min();
  static constexpr std::int32_t kNoneAtAll = std::numeric_limits<std::int32_t>::max();

  // What find_near() must compare with so as to miss no point whose squared distance, as it is computed, is
  // below `limit`. The small numbers cover the rounding of doubles.
  std::int32_t limit_of(std::size_t q, double limit) const {
    if (!(limit > 0)) return kNoneAtAll;
    const double distance = std::sqrt(limit) * scale_ * (1 + 1e-9) + slack_;
    const double least = std::floor((norms_[q] - distance * distance) / 2);
    return least > kAll ? static_cast<std::int32_t>(least) : kAll;
  }

 private:
  static constexpr double kRadius = 32'000;
  static constexpr std::size_t kMostNumbers = 1'000'000;  // 500 of rounding: 32,500^2 * 1.5 < 2^31

  std::size_t n_pairs() const { return (n_numbers_ + 1) / 2; }

  bool find_ball(const Points& points) {
    if (n_numbers_ == 0 || n_numbers_ > kMostNumbers) return false;
    constexpr std::size_t kSample = 256;
    const std::size_t n = std::min(points.n, kSample);
    std::vector<double> cells(n), norms(n);
    centre_.resize(n_numbers_);
    const auto cell = [&](std::size_t i, std::size_t f) {
      return points.numbers[i * points.n / n * n_numbers_ + f];
    };
    const auto median_of = [](std::vector<double>& values) {
      const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
      std::ranges::nth_element(values, middle);
      return *middle;
    };
    for (std::size_t f = 0; f < n_numbers_; ++f) {
      for (std::size_t i = 0; i < n; ++i) cells[i] = cell(i, f);
      centre_[f] = median_of(cells);
      for (std::size_t i = 0; i < n; ++i) norms[i] += (cell(i, f) - centre_[f]) * (cell(i, f) - centre_[f]);
    }
    const double largest = 1.25 * std::sqrt(std::ranges::max(norms)), median = std::sqrt(median_of(norms));
    const double radius = median > 0 ? std::min(8 * median, largest) : largest;
    scale_ = kRadius / radius;
    slack_ = std::sqrt(static_cast<double>(n_numbers_)) + 0.01;
    return radius > 1e-100 && radius < 1e100;  // squares are far from the ends of the doubles
  }

  // Groups of kWidth points; the rest of the last one stays 0. False if a point can not be moved.
  template <std::size_t kWidth, typename Keep>
  bool pack(const Points& from, std::vector<std::int16_t>& to, const Keep& keep) const {
    std::vector<double> cells(n_numbers_);
    for (std::size_t i = 0; i < from.n; ++i) {
      double sum = 0;
      for (std::size_t f = 0; f < n_numbers_; ++f) {
        cells[f] = (from.numbers[i * n_numbers_ + f] - centre_[f]) * scale_;
        sum += cells[f] * cells[f];
      }
      if (!std::isfinite(sum)) return false;
      const double shrink = sum > kRadius * kRadius ? kRadius / std::sqrt(sum) : 1;
      std::int16_t* group = to.data() + i / kWidth * kWidth * 2 * n_pairs();
      std::int64_t norm = 0;
      for (std::size_t f = 0; f < n_numbers_; ++f) {
        const double cell = cells[f] * shrink;
        const auto whole = static_cast<std::int16_t>(cell + (cell < 0 ? -0.5 : 0.5));
        group[(f / 2 * kWidth + i % kWidth) * 2 + f % 2] = whole;
        norm += std::int64_t{whole} * whole;
      }
      keep(i, norm);
    }
    return true;
  }

  std::size_t n_numbers_, n_groups_ = 0;
  bool is_usable_ = false;
  double scale_ = 0, slack_ = 0;
  std::vector<double> centre_, norms_;
  std::vector<std::int16_t> points_, queries_;
  std::vector<std::int32_t> offsets_;
};

// search_block() for the nearest points by way of the filter: the same result. False: it was given up, since
// the filter lets too many pass.
bool filtered_block(const Points& points, const WholeFilter& filter, const Points& queries,
                    const NeighbourSearch& search, std::size_t begin, std::size_t end, Neighbours& out) {
  std::vector<Best> best;
  for (std::size_t q = begin; q < end; ++q)
    best.emplace_back(out.index.data() + q * out.k, out.squared.data() + q * out.k, out.k);
  std::int32_t limits[kQueriesPerBlock];
  std::ranges::fill(limits, WholeFilter::kNoneAtAll);
  std::fill_n(limits, end - begin, WholeFilter::kAll);
  // An exact distance costs about as much as 20 pairs in the filter.
  std::size_t n_left = (end - begin) * (points.n / 20 + 20 * out.k);
  for (std::size_t g = 0; g < filter.n_groups(); ++g) {
    const std::size_t first = g * kNearPoints, n = std::min(kNearPoints, points.n - first);
    for (std::size_t tile = begin; tile < end; tile += kNearQueries) {
      std::uint32_t masks[kNearQueries];
      if (!filter.find_near(tile, g, limits + (tile - begin), masks)) continue;
      for (std::size_t q = tile; q < std::min(tile + kNearQueries, end); ++q) {
        Best& list = best[q - begin];
        for (std::uint32_t bits = masks[q - tile]; bits != 0; bits &= bits - 1) {
          const auto p = static_cast<std::size_t>(std::countr_zero(bits));
          if (p >= n) break;
          if (!search.self.empty() && search.self[q] == first + p) continue;
          if (n_left-- == 0) return false;
          const double distance = distance_between(points, first + p, queries, q);
          if (!list.wants(distance)) continue;
          list.add(static_cast<std::uint32_t>(first + p), distance);
          if (list.is_full()) limits[q - begin] = filter.limit_of(q, list.limit());
        }
      }
    }
  }
  return true;
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
  std::optional<WholeFilter> filter;
  if (!search.farthest && points.n > 2 * kNearPoints) filter.emplace(points, queries);
  std::once_flag once;
  std::optional<PackedPoints> packed;
  context.parallel_blocks(queries.n, kQueriesPerBlock, [&](std::size_t begin, std::size_t end) {
    if (filter && filter->is_usable() && filtered_block(points, *filter, queries, search, begin, end, out))
      return;
    std::call_once(once, [&] { packed.emplace(points); });
    search_block(points, *packed, queries, search, begin, end, out);
  });
  return out;
}

Neighbours neighbours_of_all(const Points& points, std::size_t k, const Context& context) {
  std::vector<std::uint32_t> self(points.n);
  std::iota(self.begin(), self.end(), 0U);
  return find_neighbours(points, points, {.k = k, .self = self}, context);
}

}  // namespace kolosal::transform
