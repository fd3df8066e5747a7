#include "kolosal/transform/neighbours_internal.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>

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
    is_moved_.resize(points.n);
    is_usable_ = pack<kNearPoints>(points, points_, [&](std::size_t i, std::int64_t norm, bool is_moved) {
      offsets_[i] = static_cast<std::int32_t>(-(norm / 2));
      is_moved_[i] = is_moved;
    });
    const std::size_t n_tiles = (queries.n + kNearQueries - 1) / kNearQueries;
    queries_.resize(n_tiles * kNearQueries * 2 * n_pairs());
    norms_.resize(queries.n);
    is_usable_ =
        is_usable_ && pack<kNearQueries>(queries, queries_, [&](std::size_t i, std::int64_t norm, bool) {
          norms_[i] = static_cast<double>(norm);
        });
  }

  // Not where the numbers are all equal, too large, too small or too many.
  bool is_usable() const { return is_usable_; }
  std::size_t n_groups() const { return n_groups_; }

  // Bits of the points of a group that may be near to each of kNearQueries queries, by their limits, or that
  // one of the queries may be near to, by limits of the points; see kernel::find_near() for `closeness`.
  bool find_near(std::size_t first_query, std::size_t group, const std::int32_t* limits,
                 const std::int32_t* query_offsets, const std::int32_t* point_limits, std::uint32_t* masks,
                 std::int32_t* closeness) const {
    return kernel::find_near(queries_.data() + first_query * 2 * n_pairs(),
                             points_.data() + group * kNearPoints * 2 * n_pairs(), n_pairs(),
                             offsets_.data() + group * kNearPoints, limits, query_offsets, point_limits,
                             masks, closeness);
  }

  // By point, filled up with 0 to whole groups. Closeness of point p to query q plus the offset of q, less
  // that of p, is that of q to p, when points and queries are the same.
  std::span<const std::int32_t> offsets() const { return offsets_; }

  static constexpr std::int32_t kAll = std::numeric_limits<std::int32_t>::min();
  static constexpr std::int32_t kNoneAtAll = std::numeric_limits<std::int32_t>::max();

  // What find_near() must compare with so as to miss no point whose squared distance, as it is computed, is
  // below `limit`. The small numbers cover the rounding of doubles.
  std::int32_t limit_of(std::size_t q, double limit) const {
    if (!(limit > 0)) return kNoneAtAll;
    return limit_within(q, units_of(limit));
  }
  // The same for a distance in units of the filter.
  std::int32_t limit_within(std::size_t q, double units) const {
    const double distance = units + slack_;
    const double least = std::floor((norms_[q] - distance * distance) / 2);
    return least > kAll ? static_cast<std::int32_t>(least) : kAll;
  }
  // Not less than the square root of an exact squared distance, in units of the filter.
  double units_of(double squared) const { return std::sqrt(squared) * scale_ * (1 + 1e-9); }
  // Not less than the exact distance in units of the filter: from whole numbers, or infinite where they would
  // say little.
  double most_units(std::size_t q, std::size_t p, std::int32_t closeness, bool is_query_moved) const {
    const double squared = norms_[q] - 2.0 * closeness + 1;  // + 1: offsets are rounded
    if (is_query_moved || is_moved_[p] || squared < 16 * slack_ * slack_)
      return std::numeric_limits<double>::infinity();
    return std::sqrt(squared) + slack_;
  }
  bool is_point_moved(std::size_t p) const { return is_moved_[p]; }

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
      keep(i, norm, shrink < 1);
    }
    return true;
  }

  std::size_t n_numbers_, n_groups_ = 0;
  bool is_usable_ = false;
  double scale_ = 0, slack_ = 0;
  std::vector<double> centre_, norms_;
  std::vector<std::int16_t> points_, queries_;
  std::vector<std::int32_t> offsets_;
  std::vector<std::uint8_t> is_moved_;  // by point: whether it lay outside of the ball
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
      std::int32_t closeness[kNearQueries * kNearPoints];
      if (!filter.find_near(tile, g, limits + (tile - begin), nullptr, nullptr, masks, closeness)) continue;
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

// The neighbours of all points among each other by way of the filter: the same result as of filtered_block(),
// but each pair is looked at once, for both of its points.
//
// Blocks of points lie on a ring, and each looks at those up to half way round in rounds of twice as many.
// Within a round a block adds to the candidates of its own points, and offers what it finds to the points of
// the other block, by limits as they were when the round began; these take the offers when it is over. So no
// two threads write the same. Candidates are told apart by whole numbers; exact distances are for the few
// that remain at the end.
class MutualSearch {
 public:
  MutualSearch(const Points& points, const WholeFilter& filter, Neighbours& out)
      : points_(points),
        filter_(filter),
        out_(out),
        n_blocks_((points.n + kQueriesPerBlock - 1) / kQueriesPerBlock),
        limits_(n_blocks_ * kQueriesPerBlock, WholeFilter::kNoneAtAll),
        point_limits_(n_blocks_ * kQueriesPerBlock, kMostClose),
        query_offsets_(n_blocks_ * kQueriesPerBlock),
        blocks_(n_blocks_),
        candidates_(points.n),
        bounds_(points.n * out.k),
        bound_index_(points.n * out.k) {
    std::fill_n(limits_.begin(), points.n, WholeFilter::kAll);
    std::ranges::copy(filter.offsets(), query_offsets_.begin());
    for (std::size_t i = 0; i < points.n; ++i)
      best_.emplace_back(bound_index_.data() + i * out.k, bounds_.data() + i * out.k, out.k);
    // Some 15 k of a cloud of points; more where many are equal, which filtered_block() does better.
    for (Block& block : blocks_) block.n_left = kQueriesPerBlock * (40 + 40 * out.k);
  }

  // Looking at few numbers costs less than the lists of candidates, and so do exact distances of many
  // neighbours. Codes add to distances what whole numbers do not tell.
  static bool is_worth_it(const Points& points, std::size_t k) {
    return points.n_numbers >= 8 && k <= 16 && points.n_codes == 0;
  }

  // False: it was given up, since the filter lets too many pass.
  bool run(const Context& context) {
    for (std::size_t first = 0; first <= n_blocks_ / 2; first = std::max<std::size_t>(2 * first, 1)) {
      const std::size_t last = std::min(std::max<std::size_t>(2 * first, 1), n_blocks_ / 2 + 1);
      context.parallel_blocks(n_blocks_, 1, [&](std::size_t b, std::size_t) { look(b, first, last); });
      context.parallel_blocks(n_blocks_, 1, [&](std::size_t b, std::size_t) { take_offers(b, first, last); });
      if (is_given_up_) return false;
    }
    context.parallel_blocks(points_.n, kQueriesPerBlock, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) decide(i);
    });
    return true;
  }

 private:
  struct Candidate {
    std::uint32_t index;
    std::int32_t closeness;
  };
  struct Offer {
    std::uint32_t to;
    Candidate candidate;
  };
  // A cache line of its own: each thread writes another one.
  struct alignas(64) Block {
    std::vector<Offer> offers;
    std::vector<std::size_t> ends;  // of the offers, by block of the round
    std::size_t n_left = 0;         // candidates and offers until the search is given up
  };
  // No closeness is outside, and the offset of no point takes these out of int32: norms are below 32,500^2.
  static constexpr std::int32_t kLeastClose = -1'600'000'000, kMostClose = 1'000'000'000;

  void look(std::size_t b, std::size_t first, std::size_t last) {
    blocks_[b].offers.clear();
    blocks_[b].ends.clear();
    for (std::size_t step = first; step < last && !is_given_up_; ++step) {
      const std::size_t other = (b + step) % n_blocks_;
      // Half way round an even ring, two blocks meet twice.
      if (2 * step != n_blocks_ || b < other) look_at(b, other);
      blocks_[b].ends.push_back(blocks_[b].offers.size());
    }
  }

  void look_at(std::size_t b, std::size_t other) {
    constexpr std::size_t kGroups = kQueriesPerBlock / kNearPoints;
    const std::size_t begin = b * kQueriesPerBlock, end = std::min(begin + kQueriesPerBlock, points_.n);
    for (std::size_t g = other * kGroups; g < std::min((other + 1) * kGroups, filter_.n_groups()); ++g) {
      const std::int32_t* point_limits = b == other ? nullptr : point_limits_.data() + g * kNearPoints;
      for (std::size_t tile = begin; tile < end; tile += kNearQueries) {
        std::uint32_t masks[kNearQueries];
        std::int32_t closeness[kNearQueries * kNearPoints];
        if (!filter_.find_near(tile, g, limits_.data() + tile, query_offsets_.data() + tile, point_limits,
                               masks, closeness))
          continue;
        for (std::size_t q = tile; q < std::min(tile + kNearQueries, end); ++q)
          found(b, q, g, masks[q - tile], closeness + (q - tile) * kNearPoints, point_limits);
      }
    }
  }

  void found(std::size_t b, std::size_t q, std::size_t group, std::uint32_t bits,
             const std::int32_t* closeness, const std::int32_t* point_limits) {
    for (; bits != 0; bits &= bits - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(bits));
      const std::size_t p = group * kNearPoints + i;
      if (p >= points_.n) return;
      if (p == q) continue;
      if (closeness[i] >= limits_[q]) consider(q, {static_cast<std::uint32_t>(p), closeness[i]});
      if (point_limits == nullptr || closeness[i] + query_offsets_[q] < point_limits[i]) continue;
      if (!is_within_budget(b)) return;
      const std::int32_t mutual = closeness[i] + query_offsets_[q] - query_offsets_[p];
      blocks_[b].offers.push_back({static_cast<std::uint32_t>(p), {static_cast<std::uint32_t>(q), mutual}});
    }
  }

  void take_offers(std::size_t b, std::size_t first, std::size_t last) {
    for (std::size_t step = first; step < last && !is_given_up_; ++step) {
      const Block& from = blocks_[(b + n_blocks_ - step % n_blocks_) % n_blocks_];
      for (std::size_t i = step == first ? 0 : from.ends[step - first - 1]; i < from.ends[step - first]; ++i)
        if (const Offer& offer = from.offers[i]; offer.candidate.closeness >= limits_[offer.to])
          consider(offer.to, offer.candidate);
    }
    const std::size_t begin = b * kQueriesPerBlock, end = std::min(begin + kQueriesPerBlock, points_.n);
    for (std::size_t i = begin; i < end; ++i)
      point_limits_[i] = std::clamp(limits_[i], kLeastClose, kMostClose) + query_offsets_[i];
  }

  bool is_within_budget(std::size_t b) {
    if (blocks_[b].n_left == 0) {
      is_given_up_ = true;
      return false;
    }
    --blocks_[b].n_left;
    return true;
  }

  void consider(std::size_t q, const Candidate& candidate) {
    if (!is_within_budget(q / kQueriesPerBlock)) return;
    auto& candidates = candidates_[q];
    if (candidates.size() == candidates.capacity()) {
      std::erase_if(candidates, [&](const Candidate& c) { return c.closeness < limits_[q]; });
      candidates.reserve(std::max(2 * candidates.size(), 4 * out_.k));
    }
    candidates.push_back(candidate);
    double units = filter_.most_units(q, candidate.index, candidate.closeness, filter_.is_point_moved(q));
    if (!std::isfinite(units))
      units = filter_.units_of(distance_between(points_, candidate.index, points_, q));
    if (!best_[q].wants(units)) return;
    best_[q].add(candidate.index, units);
    if (best_[q].is_full()) limits_[q] = filter_.limit_within(q, best_[q].limit());
  }

  void decide(std::size_t q) {
    auto& candidates = candidates_[q];
    std::erase_if(candidates, [&](const Candidate& c) { return c.closeness < limits_[q]; });
    std::ranges::sort(candidates, {}, &Candidate::index);  // of equally distant points the earlier one
    Best best(out_.index.data() + q * out_.k, out_.squared.data() + q * out_.k, out_.k);
    for (const Candidate& c : candidates) {
      const double distance = distance_between(points_, c.index, points_, q);
      if (best.wants(distance)) best.add(c.index, distance);
    }
  }

  const Points& points_;
  const WholeFilter& filter_;
  Neighbours& out_;
  std::size_t n_blocks_;
  std::vector<std::int32_t> limits_;        // by point, as one that looks
  std::vector<std::int32_t> point_limits_;  // by point, as one that is looked at: plus its offset
  std::vector<std::int32_t> query_offsets_;
  std::vector<Block> blocks_;
  std::vector<std::vector<Candidate>> candidates_;  // by point
  std::vector<double> bounds_;                      // n x k: what the best distances do not exceed
  std::vector<std::uint32_t> bound_index_;
  std::vector<Best> best_;
  std::atomic<bool> is_given_up_ = false;
};

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
  const bool is_mutual = &points == &queries && MutualSearch::is_worth_it(points, out.k) &&
                         std::ranges::equal(search.self, std::views::iota(std::size_t{0}, points.n));
  if (is_mutual && filter && filter->is_usable() && MutualSearch(points, *filter, out).run(context))
    return out;
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
