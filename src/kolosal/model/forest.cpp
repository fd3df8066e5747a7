#include "kolosal/model/forest.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>

#include "kolosal/core/error.hpp"
#include "kolosal/model/focal_loss.hpp"
#include "kolosal/model/leaf_sums.hpp"
#include "kolosal/model/linear_leaves.hpp"

namespace kolosal::model {
namespace {

/// An array of a file. The pages of a large one are asked for at once: a fault for each took a fifth of the
/// time.
template <typename T>
std::vector<T> read_array(const artifact::Node& node, std::string_view name) {
  const auto view = node.array<T>(name);
  std::vector<T> out;
  out.reserve(view.size());
#if defined(__linux__) && defined(MADV_POPULATE_WRITE)
  constexpr std::size_t kLarge = std::size_t{1} << 20, kPage = 4096;
  const auto first = (reinterpret_cast<std::uintptr_t>(out.data()) + kPage - 1) / kPage * kPage;
  const auto last = (reinterpret_cast<std::uintptr_t>(out.data()) + view.size_bytes()) / kPage * kPage;
  if (view.size_bytes() >= kLarge)
    ::madvise(reinterpret_cast<void*>(first), last - first, MADV_POPULATE_WRITE);
#endif
  out.assign(view.begin(), view.end());
  return out;
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// LightGBM compares with this float constant (kZeroThreshold).
constexpr double kZeroLimit = static_cast<double>(1e-35F);
constexpr std::size_t kInterleaved = 8;  // rows in flight per tree: hides the latency of dependent loads
constexpr std::size_t kBufferBytes = std::size_t{48}
                                     << 10;  // a block of rows, to stay in the first two cache levels
constexpr std::size_t kPackFrom = 64;        // rows from which packing the nodes first pays for itself

/// A node as the block kernel reads it: one load of 24 bytes.
struct PackedNode {
  double threshold;  // categorical: the bits of {first word, number of words}
  std::int32_t left;
  std::int32_t right;
  std::int32_t slot;  // position of the feature in the row buffer
  std::uint32_t flags;
};
static_assert(sizeof(PackedNode) == 24);

struct WordRange {
  std::int32_t offset;
  std::int32_t words;
};

bool in_set(std::span<const std::uint32_t> bits, WordRange range, double value) {
  if (!(value < 32.0 * range.words)) return false;
  const auto code = static_cast<std::uint32_t>(value);
  return (bits[static_cast<std::size_t>(range.offset) + code / 32] >> (code % 32)) & 1U;
}

bool category_goes_left(std::span<const std::uint32_t> bits, WordRange range, std::uint32_t flags,
                        double value) {
  // NaN and codes below 0 are missing. (-1, 0) truncates to code 0, as in LightGBM.
  if (!(value > -1.0)) return (flags & kDefaultLeft) != 0;
  return in_set(bits, range, std::max(value, 0.0));
}

/// The comparison of a numeric node, after `strict_less` and kNanIsZero were folded into threshold and flags.
bool number_goes_left(double threshold, std::uint32_t flags, double value) {
  bool missing = std::isnan(value);
  if (flags & kZeroIsMissing) missing |= std::abs(value) <= kZeroLimit;
  return missing ? (flags & kDefaultLeft) != 0 : value <= threshold;
}

/// The largest number for which `number <= result` says the same as `number < threshold`.
double below(double threshold, bool as_float) {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  if (threshold == kLowest) return kNaN;  // nothing is below it; a comparison with NaN is false
  if (as_float)
    return static_cast<double>(std::nextafter(static_cast<float>(threshold), static_cast<float>(kLowest)));
  return std::nextafter(threshold, kLowest);
}

/// The flags of a node without kNanIsZero.
std::uint32_t fold_flags(std::uint32_t flags, double threshold) {
  if ((flags & kNanIsZero) && !(flags & (kCategorical | kZeroIsMissing))) {
    flags &= ~static_cast<std::uint32_t>(kNanIsZero | kDefaultLeft);
    if (0.0 <= threshold) flags |= kDefaultLeft;
  }
  return flags;
}

/// value: rounded already where the forest rounds.
bool goes_left(const Forest& forest, std::size_t node, double value) {
  if (forest.flags[node] & kCategorical) {
    const WordRange range{forest.category_offset[node], forest.category_words[node]};
    return category_goes_left(forest.category_bits, range, forest.flags[node], value);
  }
  const double threshold = forest.folded_threshold(node);
  return number_goes_left(threshold, fold_flags(forest.flags[node], threshold), value);
}

/// A forest prepared for one call of predict().
class Kernel {
 public:
  Kernel(const Forest& forest, bool packed)
      : forest_(forest), slot_of_feature_(count(forest.n_features), -1) {
    for (const std::int32_t f : forest.feature) {
      std::int32_t& slot = slot_of_feature_[count(f)];
      if (slot >= 0) continue;
      slot = static_cast<std::int32_t>(features_.size());
      features_.push_back(count(f));
    }
    if (packed) pack();
  }

  /// The features that some node reads; a row buffer holds them in this order.
  const std::vector<std::size_t>& features() const { return features_; }
  std::size_t width() const { return features_.size(); }

  /// rows: n x width(). sums: n x n_outputs, to which the leaves are added (leaf_sums.hpp).
  void add(const double* rows, std::size_t n, double* sums) const {
    std::vector<double> block(n * count(forest_.n_outputs));
    for (std::size_t tree = 0; tree < forest_.n_trees(); ++tree) {
      add_tree(tree, rows, n, block.data());
      if ((tree + 1) % kSumTrees != 0 && tree + 1 != forest_.n_trees()) continue;
      for (std::size_t i = 0; i < block.size(); ++i) sums[i] += block[i];
      std::ranges::fill(block, 0.0);
    }
  }

 private:
  static std::size_t count(std::int32_t value) { return static_cast<std::size_t>(value); }

  void add_tree(std::size_t tree, const double* rows, std::size_t n, double* sums) const {
    const bool simple = !nodes_.empty() && simple_[tree];
    for (std::size_t r = 0; r < n; r += kInterleaved) {
      std::int32_t at[kInterleaved];
      const std::size_t m = std::min(kInterleaved, n - r);
      if (simple && m == kInterleaved) {
        walk_numbers(forest_.tree_root[tree], rows + r * width(), at);
      } else if (!nodes_.empty()) {
        for (std::size_t k = 0; k < m; ++k)
          at[k] = walk_packed(forest_.tree_root[tree], rows + (r + k) * width());
      } else {
        for (std::size_t k = 0; k < m; ++k) at[k] = walk(forest_.tree_root[tree], rows + (r + k) * width());
      }
      for (std::size_t k = 0; k < m; ++k) add_leaf(tree, at[k], sums + (r + k) * count(forest_.n_outputs));
    }
  }

  void pack() {
    nodes_.resize(forest_.feature.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      double threshold = forest_.folded_threshold(i);
      const std::uint32_t flags = fold_flags(forest_.flags[i], threshold);
      if (flags & kCategorical)
        threshold = std::bit_cast<double>(WordRange{forest_.category_offset[i], forest_.category_words[i]});
      nodes_[i] = {threshold, forest_.left[i], forest_.right[i], slot_of_feature_[count(forest_.feature[i])],
                   flags};
    }
    for (const std::int32_t root : forest_.tree_root) simple_.push_back(is_simple(root));
  }

  bool is_simple(std::int32_t root) const {
    std::vector<std::int32_t> open{root};
    while (!open.empty()) {
      const std::int32_t i = open.back();
      open.pop_back();
      if (i < 0) continue;
      if (nodes_[count(i)].flags & (kCategorical | kZeroIsMissing)) return false;
      open.push_back(nodes_[count(i)].left);
      open.push_back(nodes_[count(i)].right);
    }
    return true;
  }

  /// kInterleaved rows at once without a branch per node: rows that reached their leaf stay there. Unrolled,
  /// so that the positions are in registers: against one row after the other this took 34 instead of 60 ns
  /// per row and tree where branches can not be foreseen (normal noise, 31 leaves), and no longer where they
  /// can. Category nodes are not done this way: computing both kinds of node cost three times what the
  /// foreseen branches cost.
  void walk_numbers(std::int32_t root, const double* rows, std::int32_t* leaves) const {
    const PackedNode* nodes = nodes_.data();
    std::int32_t at[kInterleaved];
    std::fill_n(at, kInterleaved, root);
    while (true) {
      std::int32_t open = -1;  // its sign bit stays set while every row is at a leaf
#pragma GCC unroll 8
      for (std::size_t k = 0; k < kInterleaved; ++k) {
        const std::int32_t i = at[k];
        const PackedNode& node = nodes[std::max(i, 0)];
        const double value = rows[k * width() + count(node.slot)];
        const bool default_left = (node.flags & kDefaultLeft) != 0;
        const bool goes_left = (value <= node.threshold) | (default_left & (value != value));
        const std::int32_t next = goes_left ? node.left : node.right;
        at[k] = i < 0 ? i : next;
        open &= at[k];
      }
      if (open < 0) break;
    }
    std::copy_n(at, kInterleaved, leaves);
  }

  std::int32_t walk_packed(std::int32_t at, const double* row) const {
    while (at >= 0) {
      const PackedNode& node = nodes_[count(at)];
      const double value = row[node.slot];
      const bool goes_left =
          node.flags & kCategorical
              ? category_goes_left(forest_.category_bits, std::bit_cast<WordRange>(node.threshold),
                                   node.flags, value)
              : number_goes_left(node.threshold, node.flags, value);
      at = goes_left ? node.left : node.right;
    }
    return at;
  }

  std::int32_t walk(std::int32_t at, const double* row) const {
    while (at >= 0) {
      const std::size_t i = count(at);
      const double value = row[slot_of_feature_[count(forest_.feature[i])]];
      at = goes_left(forest_, i, value) ? forest_.left[i] : forest_.right[i];
    }
    return at;
  }

  void add_leaf(std::size_t tree, std::int32_t at, double* sums) const {
    const std::size_t leaf = count(~at);
    if (forest_.leaf_width == 1) {
      sums[forest_.tree_output[tree]] += forest_.leaf_value[leaf];
      return;
    }
    const std::size_t width = count(forest_.leaf_width);
    for (std::size_t j = 0; j < width; ++j) sums[j] += forest_.leaf_value[leaf * width + j];
  }

  const Forest& forest_;
  std::vector<std::int32_t> slot_of_feature_;  // -1: no node reads it
  std::vector<std::size_t> features_;
  std::vector<PackedNode> nodes_;     // empty: walk() reads the forest as it is
  std::vector<std::uint8_t> simple_;  // per tree: numbers only
};

/// Writes rows [begin, end) of a column to out[0], out[stride], ...; missing cells are NaN.
void gather(const data::Column& column, std::size_t begin, std::size_t end, std::size_t stride, double* out) {
  const auto copy = [&](auto values, auto convert) {
    for (std::size_t r = begin; r < end; ++r) out[(r - begin) * stride] = convert(values[r]);
  };
  const auto plain = [](auto v) { return static_cast<double>(v); };
  switch (column.type()) {
    case data::ColumnType::kFloat64:
      copy(column.float64s(), plain);
      return;
    case data::ColumnType::kFloat32:
      copy(column.float32s(), plain);
      return;
    case data::ColumnType::kCategory:
      copy(column.codes(), [](std::int32_t code) { return code < 0 ? kNaN : static_cast<double>(code); });
      return;
    case data::ColumnType::kBool:
      copy(column.bools(), plain);
      break;
    case data::ColumnType::kInt64:
    case data::ColumnType::kDate:
    case data::ColumnType::kTimestamp:
      copy(column.int64s(), plain);
      break;
    case data::ColumnType::kText:
    case data::ColumnType::kSparse:
      KOLOSAL_ASSERT(false, "checked by predict()");
  }
  if (!column.valid_bits()) return;
  for (std::size_t r = begin; r < end; ++r)
    if (!data::test_bit(column.valid_bits(), column.valid_bit_offset() + r)) out[(r - begin) * stride] = kNaN;
}

void apply_link(Link link, double parameter, std::span<double> row) {
  switch (link) {
    case Link::kIdentity:
      return;
    case Link::kSigmoid:
      for (double& v : row) v = 1.0 / (1.0 + std::exp(-v));
      return;
    case Link::kExp:
      for (double& v : row) v = std::exp(v);
      return;
    case Link::kFocal:
      for (double& v : row) v = 1.0 / (1.0 + std::exp(-focal_log_odds(v, parameter)));
      return;
    case Link::kSoftmax: {
      const double top = *std::max_element(row.begin(), row.end());
      double sum = 0;
      for (double& v : row) sum += v = std::exp(v - top);
      for (double& v : row) v /= sum;
      return;
    }
  }
}

}  // namespace

std::size_t leaf_of(const Forest& forest, std::size_t tree, const double* row) {
  std::int32_t at = forest.tree_root[tree];
  while (at >= 0) {
    const auto i = static_cast<std::size_t>(at);
    double value = row[forest.feature[i]];
    if (forest.round_to_float) value = static_cast<double>(static_cast<float>(value));
    at = goes_left(forest, i, value) ? forest.left[i] : forest.right[i];
  }
  return static_cast<std::size_t>(~at);
}

double Forest::folded_threshold(std::size_t node) const {
  return strict_less ? below(threshold[node], round_to_float) : threshold[node];
}

std::vector<double> Forest::divisors() const {
  std::vector<double> out(static_cast<std::size_t>(n_outputs), 1.0);
  if (!average) return out;
  std::fill(out.begin(), out.end(), 0.0);
  if (leaf_width > 1)
    std::fill(out.begin(), out.end(), static_cast<double>(n_trees()));
  else
    for (const std::int32_t output : tree_output) out[static_cast<std::size_t>(output)] += 1;
  for (double& d : out) d = std::max(d, 1.0);
  return out;
}

void Forest::finish(std::span<double> sums, std::span<const double> divisor) const {
  const auto n_out = static_cast<std::size_t>(n_outputs);
  for (std::size_t at = 0; at < sums.size(); at += n_out) {
    const std::span<double> row = sums.subspan(at, n_out);
    for (std::size_t j = 0; j < n_out; ++j) row[j] = base_score[j] + row[j] / divisor[j];
    apply_link(link, link_parameter, row);
  }
}

void Forest::check_columns(const data::Frame& x) const {
  if (x.n_columns() != static_cast<std::size_t>(n_features))
    throw Error(ErrorCode::kData, "number of columns differs from fit: {} instead of {}", x.n_columns(),
                n_features);
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (x.column(c).type() == data::ColumnType::kText || x.column(c).type() == data::ColumnType::kSparse)
      throw Error(ErrorCode::kData,
                  "a forest can not read column \"{}\" of type {}; encode it as numbers first", x.name(c),
                  data::type_name(x.column(c).type()));
}

void Forest::predict(const data::Frame& x, std::span<double> out, const Context& context) const {
  KOLOSAL_ASSERT(out.size() == x.n_rows() * static_cast<std::size_t>(n_outputs),
                 "out has a number per output");
  check_columns(x);
  const std::size_t n_rows = x.n_rows();
  if (n_rows == 0) return;
  const Kernel kernel(*this, n_rows >= kPackFrom);
  const std::size_t width = std::max<std::size_t>(kernel.width(), 1);
  const auto n_out = static_cast<std::size_t>(n_outputs);
  const std::vector<double> divisor = divisors();

  const std::size_t rows_that_fit = kBufferBytes / (width * sizeof(double));
  const std::size_t grain = std::clamp<std::size_t>(rows_that_fit / kInterleaved * kInterleaved, 16, 512);
  context.parallel_blocks(n_rows, grain, [&](std::size_t begin, std::size_t end) {
    std::vector<double> rows((end - begin) * width);
    for (std::size_t slot = 0; slot < kernel.width(); ++slot)
      gather(x.column(kernel.features()[slot]), begin, end, width, rows.data() + slot);
    if (round_to_float)
      for (double& v : rows) v = static_cast<double>(static_cast<float>(v));

    const std::span<double> sums = out.subspan(begin * n_out, (end - begin) * n_out);
    std::fill(sums.begin(), sums.end(), 0.0);
    kernel.add(rows.data(), end - begin, sums.data());
    finish(sums, divisor);
  });
}

void Forest::save(artifact::Node& node) const {
  node.set("n_features", static_cast<std::int64_t>(n_features));
  node.set("n_outputs", static_cast<std::int64_t>(n_outputs));
  node.set("leaf_width", static_cast<std::int64_t>(leaf_width));
  node.set("strict_less", strict_less);
  node.set("round_to_float", round_to_float);
  node.set("average", average);
  node.set("link", static_cast<std::int64_t>(link));
  if (link == Link::kFocal) node.set("link_parameter", link_parameter);
  node.set_array("base_score", base_score);
  node.set_array("tree_root", tree_root);
  node.set_array("tree_output", tree_output);
  node.set_array("feature", feature);
  node.set_array("threshold", threshold);
  node.set_array("left", left);
  node.set_array("right", right);
  node.set_array("flags", flags);
  node.set_array("category_offset", category_offset);
  node.set_array("category_words", category_words);
  node.set_array("category_bits", category_bits);
  node.set_array("leaf_value", leaf_value);
}

namespace {

[[noreturn]] void damaged(std::string_view what) {
  throw Error(ErrorCode::kModel, "the model's trees are damaged: {}", what);
}

std::int32_t read_int(const artifact::Node& node, std::string_view name, std::int64_t low,
                      std::int64_t high) {
  const std::int64_t value = node.get_int(name);
  if (value < low || value > high) damaged(fmt::format("{} is {}", name, value));
  return static_cast<std::int32_t>(value);
}

void check_sizes(const Forest& f) {
  const std::size_t n_nodes = f.feature.size();
  const auto same = [&](std::size_t size, std::size_t wanted, std::string_view name) {
    if (size != wanted) damaged(fmt::format("{} has {} values instead of {}", name, size, wanted));
  };
  same(f.base_score.size(), static_cast<std::size_t>(f.n_outputs), "base_score");
  same(f.tree_output.size(), f.n_trees(), "tree_output");
  same(f.threshold.size(), n_nodes, "threshold");
  same(f.left.size(), n_nodes, "left");
  same(f.right.size(), n_nodes, "right");
  same(f.flags.size(), n_nodes, "flags");
  same(f.category_offset.size(), n_nodes, "category_offset");
  same(f.category_words.size(), n_nodes, "category_words");
  if (f.leaf_width != 1 && f.leaf_width != f.n_outputs)
    damaged(fmt::format("leaf_width is {}", f.leaf_width));
  if (f.leaf_value.size() % static_cast<std::size_t>(f.leaf_width) != 0)
    damaged(fmt::format("leaf_value has {} values", f.leaf_value.size()));
}

/// Whether every target is a leaf, or a node behind the one that points to it. Without a branch per node:
/// which of the two it is can not be foreseen, and guessing took most of the time of loading a large forest.
bool are_targets(std::span<const std::int32_t> targets, std::int64_t n_nodes, std::int64_t n_leaves) {
  bool bad = false;
  const auto n = static_cast<std::int64_t>(targets.size());
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t target = targets.data()[i];
    const std::int64_t leaf = target >> 63;  // all bits of a leaf, none of a node
    const std::int64_t index = target ^ leaf, last = i | leaf;
    const std::int64_t end = n_nodes + (leaf & (n_leaves - n_nodes));
    bad |= (index <= last) | (index >= end);
  }
  return !bad;
}

bool are_features(std::span<const std::int32_t> features, std::int32_t n_features) {
  bool bad = false;
  for (const std::int32_t feature : features) bad |= (feature < 0) | (feature >= n_features);
  return !bad;
}

bool are_numbers(std::span<const std::uint8_t> flags) {
  std::uint8_t all = 0;
  for (const std::uint8_t f : flags) all |= f;
  return (all & kCategorical) == 0;
}

/// Children come after their parent, so no walk can loop.
void check_indices(const Forest& f) {
  const auto n_nodes = static_cast<std::int64_t>(f.feature.size());
  const auto n_leaves = static_cast<std::int64_t>(f.leaf_value.size()) / f.leaf_width;
  const auto n_words = static_cast<std::int64_t>(f.category_bits.size());
  const auto check_target = [&](std::int32_t target, std::int64_t after) {
    const bool good = target >= 0 ? target > after && target < n_nodes : ~target < n_leaves;
    if (!good) damaged(fmt::format("node {} points to {}", after, target));
  };
  for (std::size_t t = 0; t < f.n_trees(); ++t) {
    check_target(f.tree_root[t], -1);
    const std::int32_t last = f.leaf_width > 1 ? 0 : f.n_outputs - 1;
    if (f.tree_output[t] < 0 || f.tree_output[t] > last)
      damaged(fmt::format("tree {} adds to output {}", t, f.tree_output[t]));
  }
  if (are_targets(f.left, n_nodes, n_leaves) && are_targets(f.right, n_nodes, n_leaves) &&
      are_features(f.feature, f.n_features) && are_numbers(f.flags))
    return;
  // Node by node: to name the one that is wrong, and for the sets of categories.
  for (std::int64_t node = 0; node < n_nodes; ++node) {
    const auto i = static_cast<std::size_t>(node);
    check_target(f.left[i], node);
    check_target(f.right[i], node);
    if (f.feature[i] < 0 || f.feature[i] >= f.n_features)
      damaged(fmt::format("node {} reads feature {}", i, f.feature[i]));
    if (!(f.flags[i] & kCategorical)) continue;
    const std::int64_t first = f.category_offset[i], words = f.category_words[i];
    if (first < 0 || words < 0 || first + words > n_words) damaged(fmt::format("category set of node {}", i));
  }
}

}  // namespace

Forest Forest::load(const artifact::Node& node) {
  constexpr std::int64_t kMany = std::int64_t{1} << 30;
  Forest f;
  f.n_features = read_int(node, "n_features", 0, kMany);
  f.n_outputs = read_int(node, "n_outputs", 1, kMany);
  f.leaf_width = read_int(node, "leaf_width", 1, kMany);
  f.strict_less = node.get_bool("strict_less");
  f.round_to_float = node.get_bool("round_to_float");
  f.average = node.get_bool("average");
  f.link = static_cast<Link>(read_int(node, "link", 0, static_cast<std::int64_t>(Link::kFocal)));
  if (f.link == Link::kFocal) f.link_parameter = node.get_double("link_parameter");
  f.base_score = read_array<double>(node, "base_score");
  f.tree_root = read_array<std::int32_t>(node, "tree_root");
  f.tree_output = read_array<std::int32_t>(node, "tree_output");
  f.feature = read_array<std::int32_t>(node, "feature");
  f.threshold = read_array<double>(node, "threshold");
  f.left = read_array<std::int32_t>(node, "left");
  f.right = read_array<std::int32_t>(node, "right");
  f.flags = read_array<std::uint8_t>(node, "flags");
  f.category_offset = read_array<std::int32_t>(node, "category_offset");
  f.category_words = read_array<std::int32_t>(node, "category_words");
  f.category_bits = read_array<std::uint32_t>(node, "category_bits");
  f.leaf_value = read_array<double>(node, "leaf_value");
  check_sizes(f);
  check_indices(f);
  return f;
}

}  // namespace kolosal::model
