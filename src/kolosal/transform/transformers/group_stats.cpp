#include <algorithm>
#include <cmath>

#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/target_outputs_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct GroupStatsParams {
  std::string stats = "mean,std,min,max,count";
  bool target = false;
  std::int64_t n_folds = 5;
  std::int64_t max_classes = 30;
};

enum Stat : std::size_t { kMean, kStd, kMin, kMax, kCount };
const std::vector<std::string> kStats = {"mean", "std", "min", "max", "count"};

// Moments of the numbers of a group, by Welford; long double, so that neither 1e308 nor its square overflows.
struct Group {
  long double n = 0, mean = 0, sum_sq = 0;
  double low = kNaN, high = kNaN;

  void add(double x) {
    n += 1;
    const long double delta = static_cast<long double>(x) - mean;
    mean += delta / n;
    sum_sq += delta * (static_cast<long double>(x) - mean);
    if (!(low <= x)) low = x;
    if (!(high >= x)) high = x;
  }
  // Chan, Golub and LeVeque (1983).
  void merge(const Group& other) {
    if (other.n == 0) return;
    const long double total = n + other.n, delta = other.mean - mean;
    mean += delta * other.n / total;
    sum_sq += other.sum_sq + delta * delta * n * other.n / total;
    n = total;
    if (!(low <= other.low)) low = other.low;
    if (!(high >= other.high)) high = other.high;
  }
};

double number_or_nan(long double value) {
  const auto out = static_cast<double>(value);
  return std::isfinite(out) ? out : kNaN;
}

// A group without numbers has those of all rows, but a count of 0.
double stat_of(Stat stat, const Group& group, const Group& all) {
  if (stat == kCount) return static_cast<double>(group.n);
  const Group& known = group.n > 0 ? group : all;
  if (known.n == 0) return kNaN;
  if (stat == kMean) return number_or_nan(known.mean);
  if (stat == kMin) return known.low;
  if (stat == kMax) return known.high;
  return known.n > 1 ? number_or_nan(std::sqrt(known.sum_sq / (known.n - 1))) : kNaN;
}

/// What is usual within a category: mean, standard deviation, smallest, largest and count of each
/// number column, by each category column. Adds <number>_<stat>_by_<category>.
///
/// Target:  with `target`, also of the target itself (target_mean_by_<category>); fit_transform() then
///          takes them for each fitted row from the other inner folds, so that no row sees its own
///          target. Of classes there is the mean (the share; for more than two classes
///          target_mean_<class>_by_<category>) and the count.
/// Types:   the columns stay; what is made is float64.
/// Missing: missing and infinite numbers are not counted; a missing category is a group of its own. A
///          group without numbers, and a level that no fitted row has, get the figures of all fitted
///          rows (the count is 0). The standard deviation (divided by n - 1) of one number is NaN. Row
///          weights are not looked at.
/// Streams: to rounding, in memory by levels times number columns (and classes). Afterwards all rows get the
///          target's figures of their level, the fitted ones too.
/// Source:  agrees with pandas' groupby().agg().
class GroupStats final : public Transformer {
 public:
  explicit GroupStats(GroupStatsParams params) : params_(std::move(params)) {
    for (const auto& name : split_list(params_.stats)) {
      const auto at = std::ranges::find(kStats, name);
      if (at == kStats.end())
        throw Error(ErrorCode::kInvalidParameter, "group_stats: \"{}\" is no figure of a group; there are {}",
                    name, fmt::join(kStats, ", "));
      stats_.push_back(static_cast<Stat>(at - kStats.begin()));
    }
  }
  bool uses_target() const override { return params_.target; }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "category,numeric"; }

 private:
  // The figures of one column by one category: stat x slot.
  struct Table {
    std::size_t category = 0;
    std::string prefix, suffix;  // of the names of the columns: prefix + stat + suffix
    std::vector<Stat> stats;
    std::vector<double> value;
  };
  // Figures of the target without each fold: fold x stat x slot; empty for other tables.
  using ByFold = std::vector<std::vector<double>>;

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override {
    ByFold by_fold;
    fit_tables(x, rows, y, {}, by_fold, context);
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    return make(x, {}, {}, {}, context);
  }
  std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const data::TargetView& y, const Context& context) override {
    std::vector<std::uint8_t> fold_of;
    if (params_.target)
      fold_of = inner_folds(y, rows, static_cast<std::size_t>(params_.n_folds), context.seed);
    ByFold by_fold;
    fit_tables(x, rows, y, fold_of, by_fold, context);
    return make(x, rows, fold_of, by_fold, context);
  }
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;
  void do_begin_stream() override;
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;

  // Which figures there are: tables_ without values, and where the numbers of each come from.
  void list_tables(bool classes, const std::vector<std::int64_t>& outputs);
  void fit_tables(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                  std::span<const std::uint8_t> fold_of, ByFold& by_fold, const Context& context);
  std::vector<Named> make(const data::Frame& x, std::span<const std::uint32_t> rows,
                          std::span<const std::uint8_t> fold_of, const ByFold& by_fold,
                          const Context& context) const;
  std::vector<Stat> stats_for(bool classes) const {
    std::vector<Stat> out = stats_;
    if (classes) std::erase_if(out, [](Stat stat) { return stat != kMean && stat != kCount; });
    return out;
  }
  // The figures of all slots, stat by stat.
  static std::vector<double> figures_of(const std::vector<Stat>& stats, const std::vector<Group>& groups) {
    Group all;
    for (const Group& group : groups) all.merge(group);
    std::vector<double> out;
    for (const Stat stat : stats)
      for (std::size_t slot = 0; slot < groups.size(); ++slot)
        out.push_back(stat_of(stat, slot == Levels::slot(data::kUnseenCode) ? Group{} : groups[slot], all));
    return out;
  }

  GroupStatsParams params_;
  std::vector<Stat> stats_;
  std::vector<Levels> levels_;  // by input column; empty for numbers
  std::vector<Table> tables_;
  // By table, within a fit: an input column, or -1 - the output of the target.
  std::vector<std::ptrdiff_t> sources_;

  // A stream: the groups of each table by slot of its category. All classes of a target are outputs.
  struct Gathered {
    bool started = false;
    data::Task task = data::Task::kRegression;
    std::size_t n_classes = 0;
    std::vector<std::int64_t> class_rows;
    std::vector<LevelIndex> index;           // by input column; of categories
    std::vector<std::vector<Group>> groups;  // by table
  };
  void start_stream(data::Task task, std::size_t n_classes);
  Gathered gathered_;
};

void GroupStats::list_tables(bool classes, const std::vector<std::int64_t>& outputs) {
  tables_.clear();
  sources_.clear();
  const auto is_category = [&](std::size_t c) { return input_types()[c] == ColumnType::kCategory; };
  for (std::size_t c = 0; c < input_columns().size(); ++c) {
    if (!is_category(c)) continue;
    const std::string by = "_by_" + input_columns()[c];
    for (std::size_t v = 0; v < input_columns().size(); ++v) {
      if (is_category(v)) continue;
      tables_.push_back({c, input_columns()[v] + "_", by, stats_, {}});
      sources_.push_back(static_cast<std::ptrdiff_t>(v));
    }
    for (std::size_t k = 0; params_.target && k < std::max<std::size_t>(1, outputs.size()); ++k) {
      const std::string of = outputs.empty() ? by : fmt::format("_{}{}", outputs[k], by);
      tables_.push_back({c, "target_", of, stats_for(classes), {}});
      sources_.push_back(-1 - static_cast<std::ptrdiff_t>(k));
    }
  }
}

void GroupStats::fit_tables(const data::Frame& x, std::span<const std::uint32_t> rows,
                            const data::TargetView& y, std::span<const std::uint8_t> fold_of, ByFold& by_fold,
                            const Context& context) {
  require_types(x, "group_stats", "category,numeric");
  levels_.assign(x.n_columns(), {});
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (x.column(c).type() == ColumnType::kCategory) levels_[c] = Levels(x.column(c).dictionary());
  const TargetOutputs outputs = params_.target
                                    ? TargetOutputs(y, rows, static_cast<std::size_t>(params_.max_classes))
                                    : TargetOutputs();
  list_tables(y.task != data::Task::kRegression, outputs.classes());
  std::size_t n_made = x.n_columns();
  for (const Table& table : tables_) n_made += table.stats.size();
  check_width(n_made);

  const std::size_t n_folds = fold_of.empty() ? 1 : static_cast<std::size_t>(params_.n_folds);
  by_fold.assign(tables_.size(), {});
  context.parallel_blocks(tables_.size(), 1, [&](std::size_t t, std::size_t) {
    Table& table = tables_[t];
    const Levels& levels = levels_[table.category];
    const CodeView codes = levels.codes(x.column(table.category));
    if (sources_[t] >= 0) {
      std::vector<Group> groups(levels.n_slots());
      const Numbers cells(x.column(static_cast<std::size_t>(sources_[t])));
      for (const std::uint32_t row : rows)
        if (std::isfinite(cells[row])) groups[Levels::slot(codes[row])].add(cells[row]);
      table.value = figures_of(table.stats, groups);
      return;
    }
    const auto k = static_cast<std::size_t>(-1 - sources_[t]);
    std::vector<std::vector<Group>> parts(n_folds, std::vector<Group>(levels.n_slots()));
    for (std::size_t i = 0; i < rows.size(); ++i)
      parts[fold_of.empty() ? 0 : fold_of[i]][Levels::slot(codes[rows[i]])].add(
          outputs.value(y.values[rows[i]], k) + outputs.shift());
    const auto without = [&](std::size_t fold) {
      std::vector<Group> groups(levels.n_slots());
      for (std::size_t f = 0; f < n_folds; ++f)
        for (std::size_t slot = 0; f != fold && slot < groups.size(); ++slot)
          groups[slot].merge(parts[f][slot]);
      return figures_of(table.stats, groups);
    };
    table.value = without(n_folds);
    for (std::size_t f = 0; f < n_folds && !fold_of.empty(); ++f) {
      const auto figures = without(f);
      by_fold[t].insert(by_fold[t].end(), figures.begin(), figures.end());
    }
  });
}

void GroupStats::do_begin_stream() {
  gathered_ = {};
  gathered_.index.resize(input_columns().size());
}

void GroupStats::start_stream(data::Task task, std::size_t n_classes) {
  if (gathered_.started && params_.target && (task != gathered_.task || n_classes != gathered_.n_classes))
    throw Error(ErrorCode::kInvalidParameter,
                "the target of a batch is {} with {} classes, but was {} with {}", data::task_name(task),
                n_classes, data::task_name(gathered_.task), gathered_.n_classes);
  if (gathered_.started) return;
  gathered_.started = true;
  gathered_.task = task;
  gathered_.n_classes = n_classes;
  gathered_.class_rows.resize(n_classes);
  std::vector<std::int64_t> outputs;
  for (std::size_t k = 0; task == data::Task::kMulticlass && k < n_classes; ++k)
    outputs.push_back(static_cast<std::int64_t>(k));
  list_tables(task != data::Task::kRegression, outputs);
  gathered_.groups.resize(tables_.size());
}

void GroupStats::do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) {
  require_types(x, "group_stats", "category,numeric");
  if (x.n_rows() == 0) return;
  start_stream(y.task, y.n_classes);
  const bool by_class = params_.target && y.task == data::Task::kMulticlass;
  for (std::size_t row = 0; by_class && row < x.n_rows(); ++row)
    ++gathered_.class_rows[static_cast<std::size_t>(y.values[row])];
  std::vector<std::vector<std::uint32_t>> slots(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    if (x.column(c).type() == ColumnType::kCategory) slots[c] = gathered_.index[c].slots_of(x.column(c));
  });
  context.parallel_blocks(tables_.size(), 1, [&](std::size_t t, std::size_t) {
    const std::size_t c = tables_[t].category;
    std::vector<Group>& groups = gathered_.groups[t];
    groups.resize(gathered_.index[c].n_slots());
    if (sources_[t] >= 0) {
      const Numbers cells(x.column(static_cast<std::size_t>(sources_[t])));
      for (std::size_t row = 0; row < cells.size(); ++row)
        if (std::isfinite(cells[row])) groups[slots[c][row]].add(cells[row]);
      return;
    }
    const auto output = static_cast<double>(-1 - sources_[t]);
    for (std::size_t row = 0; row < x.n_rows(); ++row)
      groups[slots[c][row]].add(!by_class ? y.values[row] : y.values[row] == output ? 1.0 : 0.0);
  });
}

void GroupStats::do_merge(const Transformer& other) {
  const Gathered& theirs = dynamic_cast<const GroupStats&>(other).gathered_;
  if (!theirs.started) return;
  start_stream(theirs.task, theirs.n_classes);
  for (std::size_t k = 0; k < gathered_.class_rows.size(); ++k)
    gathered_.class_rows[k] += theirs.class_rows[k];
  std::vector<std::vector<std::uint32_t>> slots;
  for (std::size_t c = 0; c < theirs.index.size(); ++c)
    slots.push_back(gathered_.index[c].merge(theirs.index[c]));
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    const std::size_t c = tables_[t].category;
    gathered_.groups[t].resize(gathered_.index[c].n_slots());
    for (std::size_t i = 0; i < theirs.groups[t].size(); ++i)
      gathered_.groups[t][slots[c][i]].merge(theirs.groups[t][i]);
  }
}

void GroupStats::do_finish_fit(const Context& context) {
  start_stream(gathered_.task, gathered_.n_classes);  // no row came: all figures are missing
  const bool by_class = params_.target && gathered_.task == data::Task::kMulticlass;
  const TargetOutputs outputs =
      by_class ? TargetOutputs(gathered_.class_rows, static_cast<std::size_t>(params_.max_classes))
               : TargetOutputs();
  // Of the tables of all classes those stay whose class is an output.
  std::vector<std::vector<Group>> groups;
  for (std::size_t t = 0; t < tables_.size(); ++t)
    if (sources_[t] >= 0 || !by_class || outputs.output_of(static_cast<double>(-1 - sources_[t])) >= 0)
      groups.push_back(std::move(gathered_.groups[t]));
  list_tables(gathered_.task != data::Task::kRegression, outputs.classes());
  levels_.assign(input_columns().size(), {});
  std::vector<std::vector<std::uint32_t>> new_slot(levels_.size());
  for (std::size_t c = 0; c < levels_.size(); ++c)
    if (input_types()[c] == ColumnType::kCategory) levels_[c] = gathered_.index[c].sorted(new_slot[c]);
  context.parallel_blocks(tables_.size(), 1, [&](std::size_t t, std::size_t) {
    const std::size_t c = tables_[t].category;
    std::vector<Group> in_order(levels_[c].n_slots());
    for (std::size_t slot = 0; slot < groups[t].size(); ++slot) in_order[new_slot[c][slot]] = groups[t][slot];
    tables_[t].value = figures_of(tables_[t].stats, in_order);
  });
  gathered_ = {};
}

std::vector<Transformer::Named> GroupStats::make(const data::Frame& x, std::span<const std::uint32_t> rows,
                                                 std::span<const std::uint8_t> fold_of, const ByFold& by_fold,
                                                 const Context& context) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), x.column(c)});
  std::vector<std::vector<Named>> made(tables_.size());
  context.parallel_blocks(tables_.size(), 1, [&](std::size_t t, std::size_t) {
    const Table& table = tables_[t];
    const CodeView codes = levels_[table.category].codes(x.column(table.category));
    const std::size_t n_slots = levels_[table.category].n_slots();
    for (std::size_t s = 0; s < table.stats.size(); ++s) {
      std::vector<double> cells(codes.size());
      for (std::size_t row = 0; row < cells.size(); ++row)
        cells[row] = table.value[s * n_slots + Levels::slot(codes[row])];
      for (std::size_t i = 0; i < rows.size() && !by_fold.empty() && !by_fold[t].empty(); ++i)
        cells[rows[i]] =
            by_fold[t][(fold_of[i] * table.stats.size() + s) * n_slots + Levels::slot(codes[rows[i]])];
      made[t].push_back(
          {table.prefix + kStats[table.stats[s]] + table.suffix, Column::from_float64(std::move(cells))});
    }
  });
  for (auto& part : made) std::ranges::move(part, std::back_inserter(out));
  return out;
}

void GroupStats::do_save(artifact::Node& node) const {
  for (std::size_t c = 0; c < levels_.size(); ++c)
    if (levels_[c].shared_dictionary()) levels_[c].save(node.add_child(fmt::format("levels_{}", c)));
  node.set("n_tables", tables_.size());
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    artifact::Node& child = node.add_child(fmt::format("table_{}", t));
    child.set("category", tables_[t].category);
    child.set("prefix", tables_[t].prefix);
    child.set("suffix", tables_[t].suffix);
    std::vector<std::string> stats;
    for (const Stat stat : tables_[t].stats) stats.push_back(kStats[stat]);
    child.set("stats", stats);
    child.set_array("value", tables_[t].value);
  }
}

void GroupStats::do_load(const artifact::Node& node) {
  levels_.assign(input_columns().size(), {});
  for (std::size_t c = 0; c < levels_.size(); ++c)
    if (input_types()[c] == ColumnType::kCategory)
      levels_[c] = Levels::load(node.child(fmt::format("levels_{}", c)));
  tables_.assign(static_cast<std::size_t>(std::max<std::int64_t>(0, node.get_int("n_tables"))), {});
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    const artifact::Node& child = node.child(fmt::format("table_{}", t));
    Table& table = tables_[t];
    table.category = static_cast<std::size_t>(child.get_int("category"));
    table.prefix = child.get_string("prefix");
    table.suffix = child.get_string("suffix");
    for (const auto& name : child.get_strings("stats")) {
      const auto at = std::ranges::find(kStats, name);
      if (at == kStats.end())
        throw Error(ErrorCode::kModel, "the saved state of step group_stats is damaged: figure \"{}\"", name);
      table.stats.push_back(static_cast<Stat>(at - kStats.begin()));
    }
    table.value = child.get_vector<double>("value");
    if (table.category >= levels_.size() || !levels_[table.category].shared_dictionary())
      throw Error(ErrorCode::kModel, "the saved state of step group_stats is damaged: category column {}",
                  table.category);
    check_saved_size("group_stats", {table.value.size()},
                     table.stats.size() * levels_[table.category].n_slots());
  }
}

}  // namespace

TransformerInfo group_stats_info() {
  return describe<GroupStats>(
      "group_stats",
      "Add mean, deviation, extremes and count of the numbers (or the target) within each category.",
      "category,numeric",
      ParamTable<GroupStatsParams>()
          .param("stats", &GroupStatsParams::stats, "Which: a list of mean, std, min, max, count.")
          .param("target", &GroupStatsParams::target,
                 "Add figures of the target too, out of fold for training rows.")
          .param("n_folds", &GroupStatsParams::n_folds,
                 "Inner folds for the target's figures of training rows.")
          .limits(2, 100)
          .param("max_classes", &GroupStatsParams::max_classes,
                 "With more classes than this, only the most frequent get a column.")
          .limits(1, 1000));
}

}  // namespace kolosal::transform
