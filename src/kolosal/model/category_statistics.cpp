#include "kolosal/model/category_statistics.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kolosal/core/error.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::model {
namespace {

constexpr std::uint64_t kNoKey = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMostArrayKeys = std::uint64_t{1} << 20;
/// Pairs are chosen among this many columns, by this many rows: 276 pairs, some 0.1 s.
constexpr std::size_t kMostPairedColumns = 24;
constexpr std::size_t kPairRows = 50'000;

/// The key of a code, or of two codes, missing first. second_codes 0: there is no second column.
std::uint64_t key_of(std::int32_t first, std::int64_t first_codes, std::int32_t second,
                     std::int64_t second_codes) {
  const std::int64_t a = std::int64_t{first} + 1;
  if (a < 0 || a >= first_codes) return kNoKey;
  if (second_codes == 0) return static_cast<std::uint64_t>(a);
  const std::int64_t b = std::int64_t{second} + 1;
  if (b < 0 || b >= second_codes) return kNoKey;
  return static_cast<std::uint64_t>(a * second_codes + b);
}

/// The keys of the rows of a table.
class KeyReader {
 public:
  /// @throws Error kModel when a column has no categories: what was loaded belongs to another table.
  KeyReader(const data::Frame& x, const std::vector<std::int32_t>& columns,
            const std::vector<std::int64_t>& n_codes)
      : first_(codes(x, columns[0])), first_codes_(n_codes[0]) {
    if (columns.size() == 1) return;
    second_ = codes(x, columns[1]);
    second_codes_ = n_codes[1];
  }

  std::uint64_t operator()(std::size_t row) const {
    return key_of(first_[row], first_codes_, second_.empty() ? 0 : second_[row], second_codes_);
  }

 private:
  static std::span<const std::int32_t> codes(const data::Frame& x, std::int32_t column) {
    const data::Column& c = x.column(static_cast<std::size_t>(column));
    if (c.type() != data::ColumnType::kCategory)
      throw Error(ErrorCode::kModel, "the model reads levels of column {}, which is {}", column,
                  data::type_name(c.type()));
    return c.codes();
  }

  std::span<const std::int32_t> first_, second_;
  std::int64_t first_codes_ = 0, second_codes_ = 0;
};

/// What all fits of statistics need: the rows' target, its means, and the orders.
struct Learning {
  const StatisticsTarget& target;
  const StatisticsParams& params;
  std::size_t n_rows;
  std::vector<double> prior;                       // per target
  std::vector<std::vector<std::uint32_t>> orders;  // per permutation

  std::span<const double> values(std::size_t t) const {
    return std::span<const double>(target.values).subspan(t * n_rows, n_rows);
  }
};

Learning make_learning(std::size_t n_rows, const StatisticsTarget& target, const StatisticsParams& params,
                       const Context& context) {
  Learning out{target, params, n_rows, {}, {}};
  for (std::size_t t = 0; t < target.n_targets; ++t) {
    const auto values = out.values(t);
    out.prior.push_back(std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n_rows));
  }
  out.orders.resize(params.n_permutations);
  context.parallel_blocks(out.orders.size(), 1, [&](std::size_t p, std::size_t) {
    out.orders[p].resize(n_rows);
    std::iota(out.orders[p].begin(), out.orders[p].end(), 0U);
    Rng rng(derive_seed(params.seed, {"permutation", p}));
    rng.shuffle(out.orders[p]);
  });
  return out;
}

/// Squared error of the ordered means of the first rows of the first order as predictions of their targets.
double progressive_error(std::span<const std::uint32_t> level, std::size_t n_levels, const Learning& l) {
  const std::size_t n = std::min(l.n_rows, kPairRows);
  const std::span<const std::uint32_t> order(l.orders[0].data(), n);
  std::vector<double> means(l.n_rows);
  double error = 0;
  for (std::size_t t = 0; t < l.target.n_targets; ++t) {
    const auto target = l.values(t);
    ordered_means(level, n_levels, target, order, l.prior[t], l.params.prior_weight, means);
    for (const std::uint32_t row : order) error += (means[row] - target[row]) * (means[row] - target[row]);
  }
  return error;
}

struct Pair {
  std::int32_t first, second;
  double gain;
};

/// The pairs of indices (of one column each) that are worth features, the best one first.
std::vector<Pair> choose_pairs(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const CategoryStatistics& single,
                               const std::vector<std::vector<std::uint32_t>>& levels,
                               const std::vector<std::size_t>& several, const Learning& learning,
                               const Context& context) {
  std::vector<double> error(single.indices.size());
  context.parallel_blocks(several.size(), 1, [&](std::size_t i, std::size_t) {
    error[several[i]] =
        progressive_error(levels[several[i]], single.indices[several[i]].n_levels(), learning);
  });
  std::vector<std::size_t> best = several;
  std::ranges::stable_sort(best, {}, [&](std::size_t i) { return error[i]; });
  best.resize(std::min(best.size(), kMostPairedColumns));
  std::ranges::sort(best);

  std::vector<Pair> pairs;
  for (std::size_t a = 0; a < best.size(); ++a)
    for (std::size_t b = a + 1; b < best.size(); ++b)
      pairs.push_back({static_cast<std::int32_t>(best[a]), static_cast<std::int32_t>(best[b]), 0});
  context.parallel_blocks(pairs.size(), 1, [&](std::size_t i, std::size_t) {
    const auto a = static_cast<std::size_t>(pairs[i].first), b = static_cast<std::size_t>(pairs[i].second);
    const LevelIndex index(x, rows, {single.indices[a].columns()[0], single.indices[b].columns()[0]});
    std::vector<std::uint32_t> level(rows.size());
    index.find(x, rows, level);
    pairs[i].gain = std::min(error[a], error[b]) - progressive_error(level, index.n_levels(), learning);
  });
  std::erase_if(pairs, [](const Pair& p) { return !(p.gain > 0); });
  std::ranges::stable_sort(pairs, std::greater<>{}, &Pair::gain);
  pairs.resize(std::min(pairs.size(), learning.params.max_pairs));
  return pairs;
}

/// A feature that is a number per level, the same for training and other rows.
CategoryStatistics::Feature fixed_feature(std::size_t index, std::span<const std::uint32_t> level,
                                          const std::vector<double>& value, std::size_t max_bins) {
  CategoryStatistics::Feature out;
  out.index = static_cast<std::int32_t>(index);
  std::vector<double> sorted(value.begin(), value.end() - 1);
  std::ranges::sort(sorted);
  out.training.borders = borders_between(sorted, max_bins);
  for (const double v : value) out.bin_of_level.push_back(bin_of(out.training.borders, v));
  auto& bins = out.training.bins.emplace_back(level.size());
  for (std::size_t i = 0; i < level.size(); ++i) bins[i] = out.bin_of_level[level[i]];
  return out;
}

CategoryStatistics::Feature indicator(std::size_t index, std::size_t n_levels, std::size_t of,
                                      std::span<const std::uint32_t> level) {
  std::vector<double> value(n_levels + 1, 0.0);
  value[of] = 1;
  return fixed_feature(index, level, value, 2);
}

CategoryStatistics::Feature counts(std::size_t index, std::size_t n_levels,
                                   std::span<const std::uint32_t> level, std::size_t max_bins) {
  std::vector<double> value(n_levels + 1, 0.0);
  for (const std::uint32_t l : level) value[l] += 1;
  return fixed_feature(index, level, value, max_bins);
}

CategoryStatistics::Feature means(std::size_t index, std::size_t n_levels,
                                  std::span<const std::uint32_t> level, std::size_t t,
                                  const Learning& learning) {
  const auto target = learning.values(t);
  const double prior = learning.prior[t], prior_weight = learning.params.prior_weight;
  std::vector<double> mean(n_levels + 1, prior * prior_weight), count(n_levels + 1, prior_weight);
  for (std::size_t i = 0; i < level.size(); ++i) {
    mean[level[i]] += target[i];
    count[level[i]] += 1;
  }
  for (std::size_t l = 0; l < mean.size(); ++l) mean[l] /= count[l];

  CategoryStatistics::Feature out;
  out.index = static_cast<std::int32_t>(index);
  // Borders are between the means of all rows and not between the ordered ones, whose way to the mean of
  // their level would get many. A split there tells rows with a high mean of the rows before, after which
  // targets are low, as the level's sum is what it is: of no use but in training.
  std::vector<double> sorted(level.size());
  for (std::size_t i = 0; i < level.size(); ++i) sorted[i] = mean[level[i]];
  std::ranges::sort(sorted);
  out.training.borders = borders_between(sorted, learning.params.max_bins);
  for (const double m : mean) out.bin_of_level.push_back(bin_of(out.training.borders, m));
  std::vector<double> ordered(level.size());
  for (const auto& order : learning.orders) {
    ordered_means(level, n_levels, target, order, prior, prior_weight, ordered);
    auto& bins = out.training.bins.emplace_back(level.size());
    for (std::size_t i = 0; i < level.size(); ++i) bins[i] = bin_of(out.training.borders, ordered[i]);
  }
  return out;
}

/// All features of one index.
std::vector<CategoryStatistics::Feature> features_of(std::size_t index, std::size_t n_levels,
                                                     std::span<const std::uint32_t> level, bool is_pair,
                                                     const Learning& learning) {
  std::vector<CategoryStatistics::Feature> out;
  if (n_levels < 2) return out;
  if (!is_pair && n_levels <= learning.params.max_onehot) {
    // Of two levels, one tells the other.
    for (std::size_t l = n_levels == 2 ? 1 : 0; l < n_levels; ++l)
      out.push_back(indicator(index, n_levels, l, level));
    return out;
  }
  for (std::size_t t = 0; t < learning.target.n_targets; ++t)
    out.push_back(means(index, n_levels, level, t, learning));
  out.push_back(counts(index, n_levels, level, learning.params.max_bins));
  return out;
}

}  // namespace

LevelIndex::LevelIndex(const data::Frame& x, std::span<const std::uint32_t> rows,
                       std::vector<std::int32_t> columns)
    : columns_(std::move(columns)) {
  for (const std::int32_t c : columns_)
    n_codes_.push_back(std::int64_t{x.column(static_cast<std::size_t>(c)).dictionary()->size()} + 1);
  const KeyReader key(x, columns_, n_codes_);
  if (n_keys() <= kMostArrayKeys) {
    std::vector<std::uint8_t> there(n_keys(), 0);
    for (const std::uint32_t row : rows)
      if (const std::uint64_t k = key(row); k != kNoKey) there[k] = 1;
    for (std::uint64_t k = 0; k < there.size(); ++k)
      if (there[k]) keys_.push_back(k);
  } else {
    for (const std::uint32_t row : rows)
      if (const std::uint64_t k = key(row); k != kNoKey) keys_.push_back(k);
    std::ranges::sort(keys_);
    keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
  }
  make_lookup();
}

std::uint64_t LevelIndex::n_keys() const {
  std::uint64_t out = 1;
  for (const std::int64_t n : n_codes_) out *= static_cast<std::uint64_t>(n);
  return out;
}

void LevelIndex::make_lookup() {
  const auto none = static_cast<std::uint32_t>(keys_.size());
  if (n_keys() <= kMostArrayKeys) {
    number_of_key_.assign(n_keys(), none);
    for (std::uint32_t i = 0; i < none; ++i) number_of_key_[keys_[i]] = i;
    return;
  }
  sparse_number_.reserve(keys_.size());
  for (std::uint32_t i = 0; i < none; ++i) sparse_number_.emplace(keys_[i], i);
}

template <typename RowOf>
void LevelIndex::find_rows(const data::Frame& x, RowOf row_of, std::span<std::uint32_t> out) const {
  const KeyReader key(x, columns_, n_codes_);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = number_of(key(row_of(i)));
}

std::uint32_t LevelIndex::number_of(std::uint64_t key) const {
  const auto none = static_cast<std::uint32_t>(keys_.size());
  if (key == kNoKey) return none;
  if (!number_of_key_.empty()) return number_of_key_[key];
  const auto found = sparse_number_.find(key);
  return found == sparse_number_.end() ? none : found->second;
}

std::uint32_t LevelIndex::find(std::span<const data::RowCell> row) const {
  const auto code = [&](std::size_t i) {
    return static_cast<std::int32_t>(row[static_cast<std::size_t>(columns_[i])].number);
  };
  const bool is_pair = columns_.size() > 1;
  return number_of(key_of(code(0), n_codes_[0], is_pair ? code(1) : 0, is_pair ? n_codes_[1] : 0));
}

void LevelIndex::find(const data::Frame& x, std::size_t begin, std::span<std::uint32_t> out) const {
  find_rows(x, [&](std::size_t i) { return begin + i; }, out);
}

void LevelIndex::find(const data::Frame& x, std::span<const std::uint32_t> rows,
                      std::span<std::uint32_t> out) const {
  find_rows(x, [&](std::size_t i) { return rows[i]; }, out);
}

void LevelIndex::save(artifact::Node& node) const {
  node.set_array("columns", columns_);
  node.set_array("n_codes", n_codes_);
  node.set_array("keys", keys_);
}

LevelIndex LevelIndex::load(const artifact::Node& node, std::size_t n_columns) {
  LevelIndex out;
  out.columns_ = node.get_vector<std::int32_t>("columns");
  out.n_codes_ = node.get_vector<std::int64_t>("n_codes");
  out.keys_ = node.get_vector<std::uint64_t>("keys");
  bool good =
      (out.columns_.size() == 1 || out.columns_.size() == 2) && out.n_codes_.size() == out.columns_.size();
  for (const std::int32_t c : out.columns_) good &= c >= 0 && static_cast<std::size_t>(c) < n_columns;
  for (const std::int64_t n : out.n_codes_) good &= n >= 1 && n <= std::int64_t{1} << 31;
  good = good && std::ranges::adjacent_find(out.keys_, std::greater_equal<>{}) == out.keys_.end() &&
         (out.keys_.empty() || out.keys_.back() < out.n_keys());
  if (!good) throw Error(ErrorCode::kModel, "the model's levels of categories are damaged");
  out.make_lookup();
  return out;
}

void ordered_means(std::span<const std::uint32_t> level, std::size_t n_levels, std::span<const double> target,
                   std::span<const std::uint32_t> order, double prior, double prior_weight,
                   std::span<double> out) {
  struct Sums {
    double target, count;
  };
  std::vector<Sums> before(n_levels + 1, {prior * prior_weight, prior_weight});
  for (const std::uint32_t row : order) {
    Sums& sums = before[level[row]];
    out[row] = sums.target / sums.count;
    sums.target += target[row];
    sums.count += 1;
  }
}

CategoryStatistics CategoryStatistics::of(const data::Frame& x, std::span<const std::uint32_t> rows,
                                          const StatisticsTarget& target, const StatisticsParams& params,
                                          const Context& context) {
  CategoryStatistics out;
  std::vector<std::vector<std::uint32_t>> levels;  // per index: of each training row
  std::vector<std::int32_t> columns;
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (x.column(c).type() == data::ColumnType::kCategory) columns.push_back(static_cast<std::int32_t>(c));
  if (columns.empty()) return out;
  const Learning learning = make_learning(rows.size(), target, params, context);

  const auto add_indices = [&](const std::vector<std::vector<std::int32_t>>& of_columns) {
    const std::size_t first = out.indices.size();
    out.indices.resize(first + of_columns.size());
    levels.resize(out.indices.size());
    context.parallel_blocks(of_columns.size(), 1, [&](std::size_t i, std::size_t) {
      out.indices[first + i] = LevelIndex(x, rows, of_columns[i]);
      levels[first + i].resize(rows.size());
      out.indices[first + i].find(x, rows, levels[first + i]);
    });
  };
  std::vector<std::vector<std::int32_t>> wanted;
  for (const std::int32_t c : columns) wanted.push_back({c});
  add_indices(wanted);
  std::vector<std::size_t> several;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (out.indices[i].n_levels() > 1) several.push_back(i);
  if (params.max_pairs > 0 && several.size() > 1) {
    wanted.clear();
    for (const Pair& pair : choose_pairs(x, rows, out, levels, several, learning, context))
      wanted.push_back(
          {columns[static_cast<std::size_t>(pair.first)], columns[static_cast<std::size_t>(pair.second)]});
    add_indices(wanted);
  }

  std::vector<std::vector<Feature>> features(out.indices.size());
  context.parallel_blocks(features.size(), 1, [&](std::size_t i, std::size_t) {
    features[i] =
        features_of(i, out.indices[i].n_levels(), levels[i], out.indices[i].columns().size() > 1, learning);
  });
  for (auto& some : features)
    for (Feature& feature : some) out.features.push_back(std::move(feature));
  return out;
}

}  // namespace kolosal::model
