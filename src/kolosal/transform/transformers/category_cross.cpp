#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "kolosal/transform/cross_gain_internal.hpp"
#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/level_row_internal.hpp"
#include "kolosal/transform/level_rules_internal.hpp"
#include "kolosal/transform/sample_target_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct CategoryCrossParams {
  std::string choose = "all";
  std::int64_t n_crosses = 20;
  std::int64_t min_rows = 2;
  std::int64_t max_levels = 10'000;
  std::int64_t sample_rows = 20'000;
  bool encode = false;
  std::string handle_unknown = "keep";
  std::string handle_missing = "keep";
};

// The inverse of Levels::slot().
std::int32_t code_of(std::uint32_t slot) { return static_cast<std::int32_t>(slot) - 2; }

// The level of one column and that of another as one number.
std::uint64_t key_of(std::uint32_t a, std::uint32_t b) { return static_cast<std::uint64_t>(a) << 32 | b; }
std::uint64_t key_of(std::int32_t a, std::int32_t b) {
  return key_of(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b));
}
std::uint32_t first_of(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 32); }
std::uint32_t second_of(std::uint64_t key) { return static_cast<std::uint32_t>(key & 0xffffffffU); }

// Share of the target's variance that groups of rows explain, corrected for their number (a group of one row
// explains nothing); 0 when it is not better than chance.
double explained_share(const std::vector<std::uint64_t>& groups, const SampleTarget& target) {
  if (!(target.sum_sq > 0)) return 0;
  std::unordered_map<std::uint64_t, std::size_t> number;
  std::vector<std::size_t> of_row;
  for (const std::uint64_t group : groups)
    of_row.push_back(number.emplace(group, number.size()).first->second);
  std::vector<double> count(number.size());
  for (const std::size_t group : of_row) count[group] += 1;
  double between = 0;
  for (const auto& values : target.values) {
    std::vector<double> sum(number.size());
    for (std::size_t i = 0; i < of_row.size(); ++i) sum[of_row[i]] += values[i];
    for (std::size_t g = 0; g < sum.size(); ++g) between += sum[g] * sum[g] / count[g];
  }
  const auto n = static_cast<double>(groups.size()), rest = n - static_cast<double>(number.size());
  return rest > 0 ? std::max(0.0, 1 - (1 - between / target.sum_sq) * (n - 1) / rest) : 0;
}

/// The crosses of one row.
class CrossRow final : public RowStep {
 public:
  /// The code of a cross for each pair of slots of two columns.
  struct Cross {
    std::size_t a = 0, b = 0;  // columns
    std::size_t n_slots_b = 0;
    std::vector<std::int32_t> codes;  // slot of a x slot of b
  };
  /// encoder: of the crosses; may be null.
  CrossRow(std::vector<Cross> crosses, std::unique_ptr<RowStep> encoder)
      : crosses_(std::move(crosses)), encoder_(std::move(encoder)) {}

  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const override {
    std::ranges::copy(in, out.begin());
    const auto made = out.subspan(in.size());
    const auto cells = encoder_ ? arena.take<RowCell>(crosses_.size()) : made;
    for (std::size_t i = 0; i < crosses_.size(); ++i) {
      const Cross& cross = crosses_[i];
      cells[i].number = cross.codes[slot_of(in[cross.a]) * cross.n_slots_b + slot_of(in[cross.b])];
    }
    if (encoder_) encoder_->apply(cells, made, arena);
  }

 private:
  std::vector<Cross> crosses_;
  std::unique_ptr<RowStep> encoder_;
};

/// Adds crosses of category columns: <a>*<b> has a level for each pair of their levels.
///
/// Choice:  all: every pair of columns, in their order (an error beyond n_crosses); gain: the n_crosses
///          pairs that explain most of the target's variance beyond the better one of their two
///          columns, corrected for the number of their levels, on at most sample_rows fitted rows;
///          held_out: those that lower the squared error most beyond the sum of what both columns tell,
///          learned on one half of these rows and measured on the other; only those whose gain is at least
///          a thousandth of the variance and so many standard errors that chance gives it to no pair, so
///          there may be none. Of more than 60 columns it looks at the 60 with the fewest levels.
/// Encoded: with encode a cross becomes the mean of the target, <a>*<b>_target, as target_encode has it.
/// Levels:  pairs on at least min_rows fitted rows, the max_levels most frequent; named
///          "<level>*<level>", in the order of their names.
/// Types:   the columns stay; a cross is a category.
/// Missing: a cross is missing where one of both is; handle_missing "level": missing cells are crossed like a
///          level "(missing)", "unknown": the cross is an unknown level.
/// Unknown: pairs that are no level are unknown to later steps, or missing (handle_unknown "missing").
///          "error" refuses levels of one column that no fitted row has; a new pair of known levels is none.
/// Streams: all: exactly, in memory by the number of different pairs. The others can not: they look at every
///          pair of columns in the same few rows, spread over the whole table.
class CategoryCross final : public Transformer {
 public:
  explicit CategoryCross(CategoryCrossParams params)
      : params_(std::move(params)), rules_(params_.handle_unknown, params_.handle_missing) {}
  bool uses_target() const override { return params_.choose != "all" || params_.encode; }
  bool can_stream() const override { return !uses_target(); }
  std::string made_types() const override { return params_.encode ? "category,float" : "category"; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 private:
  struct Cross {
    std::size_t a = 0, b = 0;                              // columns
    std::unordered_map<std::uint64_t, std::int32_t> code;  // by key_of the two levels
    std::shared_ptr<const data::Dictionary> levels;
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const data::TargetView& y, const Context& context) override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;
  void do_begin_stream() override;
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;

  // Rows by key_of the two levels of a cross.
  using PairCounts = std::unordered_map<std::uint64_t, std::int64_t>;
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;  // of columns
  Pairs all_pairs() const;
  Pairs choose_pairs(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                     const Context& context) const;
  Pairs best_pairs(const Pairs& pairs, const std::vector<double>& gain) const;
  Pairs pairs_of_gain(const data::Frame& x, std::span<const std::uint32_t> sample, const SampleTarget& target,
                      const Context& context) const;
  Pairs pairs_held_out(const data::Frame& x, std::span<const std::uint32_t> sample,
                       const SampleTarget& target, const Context& context) const;
  void fit_crosses(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                   const Context& context);
  data::Frame crosses_of(const data::Frame& x, const Context& context) const;
  std::int32_t code_of_pair(const Cross& cross, std::int32_t a, std::int32_t b) const;
  std::vector<Named> beside(const data::Frame& x, const data::Frame& made) const;
  void choose_levels(const PairCounts& counts, Cross& cross) const;

  // Whether a cell can be part of a level of a cross.
  bool is_level(std::int32_t code) const {
    return code >= 0 || (code == data::kMissingCode && rules_.missing_is_level());
  }

  CategoryCrossParams params_;
  LevelRules rules_;
  std::vector<Levels> levels_;  // by column
  std::vector<Cross> crosses_;
  std::unique_ptr<Transformer> encoder_;  // of the crosses; null without
  // A stream: keys are of the slots that two columns have in gathered_.
  std::vector<LevelCounts> gathered_;  // by column
  std::vector<PairCounts> counted_;    // by cross
};

CategoryCross::Pairs CategoryCross::all_pairs() const {
  const std::size_t n = input_columns().size();
  Pairs pairs;
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = a + 1; b < n; ++b) pairs.emplace_back(a, b);
  if (params_.choose == "all" && pairs.size() > static_cast<std::size_t>(params_.n_crosses))
    throw Error(ErrorCode::kInvalidParameter,
                "category_cross of {} columns would make {} crosses, more than n_crosses = {}; name the "
                "columns, or set choose to \"gain\"",
                n, pairs.size(), params_.n_crosses);
  return pairs;
}

// The n_crosses pairs of largest gain, if it is above 0.
CategoryCross::Pairs CategoryCross::best_pairs(const Pairs& pairs, const std::vector<double>& gain) const {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    if (gain[i] > 0) order.push_back(i);
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return gain[i]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(params_.n_crosses)));
  Pairs out;
  for (const std::size_t i : order) out.push_back(pairs[i]);
  return out;
}

CategoryCross::Pairs CategoryCross::pairs_of_gain(const data::Frame& x, std::span<const std::uint32_t> sample,
                                                  const SampleTarget& target, const Context& context) const {
  const auto groups_of = [&](std::size_t a, std::size_t b) {
    const auto left = x.column(a).codes(), right = x.column(b).codes();
    std::vector<std::uint64_t> out;
    for (const std::uint32_t row : sample) out.push_back(key_of(left[row], right[row]));
    return out;
  };
  const Pairs pairs = all_pairs();
  std::vector<double> alone(x.n_columns()), gain(pairs.size());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    alone[c] = explained_share(groups_of(c, c), target);
  });
  context.parallel_blocks(pairs.size(), 1, [&](std::size_t i, std::size_t) {
    const auto [a, b] = pairs[i];
    gain[i] = explained_share(groups_of(a, b), target) - std::max(alone[a], alone[b]);
  });
  return best_pairs(pairs, gain);
}

CategoryCross::Pairs CategoryCross::pairs_held_out(const data::Frame& x,
                                                   std::span<const std::uint32_t> sample,
                                                   const SampleTarget& target, const Context& context) const {
  constexpr std::size_t kMostColumns = 60;
  constexpr double kLeastShare = 0.001;
  std::vector<SampledLevels> levels;
  for (std::size_t c = 0; c < x.n_columns(); ++c) levels.emplace_back(x.column(c).codes(), sample);
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < levels.size(); ++c)
    if (levels[c].n_levels > 1) columns.push_back(c);
  if (columns.size() > kMostColumns) {
    std::ranges::stable_sort(columns, {}, [&](std::size_t c) { return levels[c].n_levels; });
    columns.resize(kMostColumns);
    std::ranges::sort(columns);
  }
  Pairs pairs;  // without those that have more pairs of levels than rows could tell of
  for (std::size_t i = 0; i < columns.size(); ++i)
    for (std::size_t j = i + 1; j < columns.size(); ++j)
      if (levels[columns[i]].n_levels * levels[columns[j]].n_levels <= 4 * sample.size())
        pairs.emplace_back(columns[i], columns[j]);
  // One more than the largest of so many normal numbers is expected to be.
  const auto n_pairs = static_cast<double>(std::max<std::size_t>(1, pairs.size()));
  const double least_z = std::max(3.0, 1 + std::sqrt(2 * std::log(n_pairs)));
  const auto half = random_halves(sample.size(), context.seed);
  std::vector<double> gain(pairs.size());
  context.parallel_blocks(pairs.size(), 1, [&](std::size_t i, std::size_t) {
    const CrossGain found = held_out_gain(levels[pairs[i].first], levels[pairs[i].second], target, half);
    if (found.share >= kLeastShare && found.z >= least_z) gain[i] = found.share;
  });
  return best_pairs(pairs, gain);
}

CategoryCross::Pairs CategoryCross::choose_pairs(const data::Frame& x, std::span<const std::uint32_t> rows,
                                                 const data::TargetView& y, const Context& context) const {
  if (params_.choose == "all") return all_pairs();
  const auto sample = sample_rows(rows, static_cast<std::size_t>(params_.sample_rows));
  if (sample.size() < 2) return {};
  const SampleTarget target = sample_target(y, sample);
  return params_.choose == "gain" ? pairs_of_gain(x, sample, target, context)
                                  : pairs_held_out(x, sample, target, context);
}

void CategoryCross::choose_levels(const PairCounts& counts, Cross& cross) const {
  const Levels &left = levels_[cross.a], &right = levels_[cross.b];
  struct Pair {
    std::string name;
    std::uint64_t key;
    std::int64_t count;
  };
  const auto text_of = [](const Levels& levels, std::uint32_t code) {
    const auto signed_code = static_cast<std::int32_t>(code);
    return signed_code < 0 ? "(missing)" : levels.dictionary().level(signed_code);
  };
  std::vector<Pair> pairs;
  for (const auto& [key, count] : counts)
    if (count >= params_.min_rows)
      pairs.push_back({text_of(left, first_of(key)) + "*" + text_of(right, second_of(key)), key, count});
  // By name, and pairs of one name ("a*b" and "c", "a" and "b*c") by the first level: the same whatever the
  // codes.
  std::ranges::sort(pairs, [&](const Pair& p, const Pair& q) {
    if (p.name != q.name) return p.name < q.name;
    const std::string first = text_of(left, first_of(p.key)), second = text_of(left, first_of(q.key));
    return first != second ? first < second : p.key < q.key;
  });
  if (pairs.size() > static_cast<std::size_t>(params_.max_levels)) {
    std::vector<std::size_t> order(pairs.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return pairs[i].count; });
    order.resize(static_cast<std::size_t>(params_.max_levels));
    std::ranges::sort(order);
    std::vector<Pair> kept;
    for (const std::size_t i : order) kept.push_back(std::move(pairs[i]));
    pairs = std::move(kept);
  }
  std::vector<std::string> names;
  std::unordered_set<std::string> used;
  for (auto& [name, key, count] : pairs) {
    while (!used.insert(name).second) name += '_';
    cross.code.emplace(key, static_cast<std::int32_t>(names.size()));
    names.push_back(std::move(name));
  }
  cross.levels = std::make_shared<const data::Dictionary>(std::move(names));
}

void CategoryCross::fit_crosses(const data::Frame& x, std::span<const std::uint32_t> rows,
                                const data::TargetView& y, const Context& context) {
  require_types(x, "category_cross", "category");
  levels_.clear();
  rules_.begin_fit(x.n_columns());
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    levels_.emplace_back(x.column(c).dictionary());
    auto counts = count_slots(levels_[c].codes(x.column(c)), rows, levels_[c].n_slots());
    rules_.fit_counts(c, x.name(c), counts);
  }
  crosses_.clear();
  for (const auto& [a, b] : choose_pairs(x, rows, y, context)) crosses_.push_back({a, b, {}, {}});
  context.parallel_blocks(crosses_.size(), 1, [&](std::size_t i, std::size_t) {
    const auto a = x.column(crosses_[i].a).codes(), b = x.column(crosses_[i].b).codes();
    PairCounts counts;
    for (const std::uint32_t row : rows)
      if (is_level(a[row]) && is_level(b[row])) ++counts[key_of(a[row], b[row])];
    choose_levels(counts, crosses_[i]);
  });
}

void CategoryCross::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                           const data::TargetView& y, const Context& context) {
  encoder_.reset();
  fit_crosses(x, rows, y, context);
  if (!params_.encode || crosses_.empty()) return;
  encoder_ = make_transformer("target_encode");
  const data::Frame made = crosses_of(x, context);
  encoder_->fit(made, rows, y, made.names(), context);
}

std::vector<Transformer::Named> CategoryCross::do_fit_transform(const data::Frame& x,
                                                                std::span<const std::uint32_t> rows,
                                                                const data::TargetView& y,
                                                                const Context& context) {
  encoder_.reset();
  fit_crosses(x, rows, y, context);
  data::Frame made = crosses_of(x, context);
  if (params_.encode && !crosses_.empty()) {
    encoder_ = make_transformer("target_encode");
    made = encoder_->fit_transform(made, rows, y, made.names(), context);
  }
  return beside(x, made);
}

void CategoryCross::do_begin_stream() {
  encoder_.reset();
  crosses_.clear();
  for (const auto& [a, b] : all_pairs()) crosses_.push_back({a, b, {}, {}});
  gathered_.assign(input_columns().size(), {});
  counted_.assign(crosses_.size(), {});
}

void CategoryCross::do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) {
  require_types(x, "category_cross", "category");
  std::vector<std::vector<std::uint32_t>> slots(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1,
                          [&](std::size_t c, std::size_t) { slots[c] = gathered_[c].add(x.column(c)); });
  context.parallel_blocks(crosses_.size(), 1, [&](std::size_t i, std::size_t) {
    const auto &a = slots[crosses_[i].a], &b = slots[crosses_[i].b];
    for (std::size_t row = 0; row < a.size(); ++row)
      if (is_level(code_of(a[row])) && is_level(code_of(b[row]))) ++counted_[i][key_of(a[row], b[row])];
  });
}

void CategoryCross::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const CategoryCross&>(other);
  std::vector<std::vector<std::uint32_t>> slots;
  for (std::size_t c = 0; c < gathered_.size(); ++c) slots.push_back(gathered_[c].merge(theirs.gathered_[c]));
  for (std::size_t i = 0; i < crosses_.size(); ++i)
    for (const auto& [key, count] : theirs.counted_[i])
      counted_[i][key_of(slots[crosses_[i].a][first_of(key)], slots[crosses_[i].b][second_of(key)])] += count;
}

void CategoryCross::do_finish_fit(const Context& context) {
  levels_.clear();
  rules_.begin_fit(gathered_.size());
  std::vector<std::vector<std::uint32_t>> new_slot(gathered_.size());
  for (std::size_t c = 0; c < gathered_.size(); ++c) {
    std::vector<std::int64_t> counts;
    levels_.push_back(gathered_[c].levels(counts, new_slot[c]));
    rules_.fit_counts(c, input_columns()[c], counts);
  }
  context.parallel_blocks(crosses_.size(), 1, [&](std::size_t i, std::size_t) {
    const auto code = [&](std::size_t column, std::uint32_t slot) { return code_of(new_slot[column][slot]); };
    PairCounts counts;
    for (const auto& [key, count] : counted_[i])
      counts[key_of(code(crosses_[i].a, first_of(key)), code(crosses_[i].b, second_of(key)))] = count;
    choose_levels(counts, crosses_[i]);
  });
  gathered_.clear();
  counted_.clear();
}

std::int32_t CategoryCross::code_of_pair(const Cross& cross, std::int32_t a, std::int32_t b) const {
  const bool any_missing = a == data::kMissingCode || b == data::kMissingCode;
  if (any_missing && (rules_.missing() == "keep" || rules_.missing() == "error")) return data::kMissingCode;
  if (is_level(a) && is_level(b)) {
    const auto found = cross.code.find(key_of(a, b));
    if (found != cross.code.end()) return found->second;
  }
  return rules_.unknown() == "missing" ? data::kMissingCode : data::kUnseenCode;
}

data::Frame CategoryCross::crosses_of(const data::Frame& x, const Context& context) const {
  std::vector<Column> made(crosses_.size());
  for (std::size_t c = 0; c < x.n_columns(); ++c) rules_.check(c, x.name(c), levels_[c], x.column(c));
  context.parallel_blocks(crosses_.size(), 1, [&](std::size_t i, std::size_t) {
    const Cross& cross = crosses_[i];
    const CodeView a = levels_[cross.a].codes(x.column(cross.a)),
                   b = levels_[cross.b].codes(x.column(cross.b));
    std::vector<std::int32_t> codes(x.n_rows());
    for (std::size_t row = 0; row < codes.size(); ++row) codes[row] = code_of_pair(cross, a[row], b[row]);
    made[i] = Column::from_category(std::move(codes), cross.levels);
  });
  std::vector<std::string> names;
  for (const Cross& cross : crosses_) names.push_back(x.name(cross.a) + "*" + x.name(cross.b));
  return {std::move(names), std::move(made)};
}

std::vector<Transformer::Named> CategoryCross::beside(const data::Frame& x, const data::Frame& made) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), x.column(c)});
  for (std::size_t c = 0; c < made.n_columns(); ++c) out.push_back({made.name(c), made.column(c)});
  return out;
}

std::vector<Transformer::Named> CategoryCross::do_transform(const data::Frame& x,
                                                            const Context& context) const {
  data::Frame made = crosses_of(x, context);
  if (encoder_) made = encoder_->transform(made, context);
  return beside(x, made);
}

std::unique_ptr<RowStep> CategoryCross::row_step(const data::Frame& inputs) const {
  constexpr std::size_t kMostPairs = std::size_t{1} << 20;  // 4 MiB of codes
  if (rules_.refuses()) return nullptr;
  std::vector<std::vector<std::size_t>> slots;
  for (std::size_t c = 0; c < inputs.n_columns(); ++c)
    slots.push_back(slots_in(levels_[c], inputs.column(c)));
  std::vector<CrossRow::Cross> crosses;
  std::size_t n_pairs = 0;
  data::Frame made;
  for (const Cross& cross : crosses_) {
    const auto &a = slots[cross.a], &b = slots[cross.b];
    n_pairs += a.size() * b.size();
    if (n_pairs > kMostPairs) return nullptr;
    CrossRow::Cross& row = crosses.emplace_back(cross.a, cross.b, b.size());
    for (const std::size_t slot_a : a)
      for (const std::size_t slot_b : b)
        row.codes.push_back(code_of_pair(cross, code_of(static_cast<std::uint32_t>(slot_a)),
                                         code_of(static_cast<std::uint32_t>(slot_b))));
    made.add(fmt::format("{}", crosses.size()), Column::from_category({}, cross.levels));
  }
  if (!encoder_) return std::make_unique<CrossRow>(std::move(crosses), nullptr);
  auto encoder = encoder_->row_step(made);
  return encoder ? std::make_unique<CrossRow>(std::move(crosses), std::move(encoder)) : nullptr;
}

void CategoryCross::do_save(artifact::Node& node) const {
  rules_.save(node);
  for (std::size_t c = 0; c < levels_.size(); ++c)
    levels_[c].save(node.add_child(fmt::format("column_{}", c)));
  node.set("n_crosses", crosses_.size());
  for (std::size_t i = 0; i < crosses_.size(); ++i) {
    artifact::Node& child = node.add_child(fmt::format("cross_{}", i));
    child.set("a", crosses_[i].a);
    child.set("b", crosses_[i].b);
    child.set("levels", crosses_[i].levels->levels());
    std::vector<std::uint64_t> keys(crosses_[i].code.size());
    for (const auto& [key, code] : crosses_[i].code) keys[static_cast<std::size_t>(code)] = key;
    child.set_array("keys", keys);
  }
  if (encoder_) encoder_->save(node.add_child("encoder"));
}

void CategoryCross::do_load(const artifact::Node& node) {
  levels_.clear();
  for (std::size_t c = 0; c < input_columns().size(); ++c)
    levels_.push_back(Levels::load(node.child(fmt::format("column_{}", c))));
  rules_.load(node, levels_.size());
  crosses_.clear();
  for (std::int64_t i = 0; i < node.get_int("n_crosses"); ++i) {
    const artifact::Node& child = node.child(fmt::format("cross_{}", i));
    Cross cross;
    cross.a = static_cast<std::size_t>(child.get_int("a"));
    cross.b = static_cast<std::size_t>(child.get_int("b"));
    if (cross.a >= levels_.size() || cross.b >= levels_.size())
      throw Error(ErrorCode::kModel,
                  "the saved state of step category_cross is damaged: columns {} and {} of {}", cross.a,
                  cross.b, levels_.size());
    cross.levels = std::make_shared<const data::Dictionary>(child.get_strings("levels"));
    const auto keys = child.array<std::uint64_t>("keys");
    for (std::size_t code = 0; code < keys.size(); ++code)
      cross.code.emplace(keys[code], static_cast<std::int32_t>(code));
    check_saved_size("category_cross", {cross.code.size()}, static_cast<std::size_t>(cross.levels->size()));
    crosses_.push_back(std::move(cross));
  }
  encoder_.reset();
  if (!node.has("encoder")) return;
  encoder_ = make_transformer("target_encode");
  encoder_->load(node.child("encoder"));
  if (encoder_->input_columns().size() != crosses_.size())
    throw Error(ErrorCode::kModel,
                "the saved state of step category_cross is damaged: {} crosses, of which {} are encoded",
                crosses_.size(), encoder_->input_columns().size());
}

}  // namespace

TransformerInfo category_cross_info() {
  return describe<CategoryCross>(
      "category_cross", "Add crosses of category columns: one level for each pair of their levels.",
      "category",
      ParamTable<CategoryCrossParams>()
          .param("choose", &CategoryCrossParams::choose,
                 "All pairs of columns, those that explain more of the target than one of the two, or those "
                 "that tell more than both on held-out rows.",
                 choice({"all", "gain", "held_out"}))
          .param("n_crosses", &CategoryCrossParams::n_crosses, "Most crosses to add.")
          .limits(1, 10'000)
          .param("min_rows", &CategoryCrossParams::min_rows,
                 "Fewest training rows of a pair that is a level.")
          .limits(1, 1e9)
          .param("max_levels", &CategoryCrossParams::max_levels,
                 "Most levels of a cross, the most frequent ones.")
          .limits(1, 1e8)
          .param("sample_rows", &CategoryCrossParams::sample_rows,
                 "Most training rows looked at for the choice (gain, held_out).")
          .limits(10, 1e9)
          .param("encode", &CategoryCrossParams::encode,
                 "The mean of the target, out of fold, in the place of each cross.")
          .param(
              "handle_unknown", &CategoryCrossParams::handle_unknown,
              "Pairs that are no level: unknown to later steps, or missing; error: levels that training did "
              "not have.",
              choice({"keep", "missing", "error"}))
          .param("handle_missing", &CategoryCrossParams::handle_missing,
                 "A missing cell: no cross, a level of its own, as an unknown level, or an error.",
                 choice({"keep", "level", "unknown", "error"})));
}

}  // namespace kolosal::transform
