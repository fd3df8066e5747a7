#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/core/random.hpp"
#include "kolosal/data/cell_buffer.hpp"
#include "kolosal/transform/level_row_internal.hpp"
#include "kolosal/transform/target_sums_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Task;

struct TargetEncodeParams {
  std::string method = "m_estimate";
  double smoothing = 10;
  std::string training = "out_of_fold";
  std::int64_t n_folds = 5;
  std::int64_t min_levels = 0;
  std::int64_t max_classes = 30;
  bool counts = false;
  bool keep = false;
  std::string handle_unknown = "value";
  std::string handle_missing = "level";
};

// Weighted sums of one group of rows.
struct Sums {
  double weight = 0;
  double value = 0;
  double square = 0;
  Sums operator-(const Sums& other) const {
    return {weight - other.weight, value - other.value, square - other.square};
  }
};

/// A level becomes the smoothed mean of the target among its rows; one column per class for more than
/// two classes.
///
///   m_estimate:      (sum + m * prior) / (n + m), with m = smoothing and prior = the mean of all
///                    fitted rows; empirical_bayes: lambda * mean + (1 - lambda) * prior, lambda = n *
///                    v / (n * v + w), v the variance of the target and w that within the level: more
///                    smoothing where a level tells less;
///   james_stein:     prior + (1 - B) * (mean - prior), B = (k - 3) * v / (n / k) / sum of (mean -
///                    prior)^2 over the k levels, within 0 and 1: the same for all levels; all prior
///                    when no level is on two rows.
///
/// Fitted rows: fit_transform() encodes no row by its own target. out_of_fold: each from the other
///              inner folds, which are stratified by class, or keep the groups of the target whole;
///              ordered: each from the rows before it in a random order, by the m_estimate, groups or not.
///              Both depend on context.seed alone.
/// Types:       category becomes float64; a column with fewer than min_levels levels passes untouched.
/// Unknown:     levels that no fitted row has get the prior, unless handle_unknown says otherwise.
/// Missing:     is a level of its own, unless handle_missing says otherwise.
/// Weights:     row weights of the target count.
/// Streams:     to rounding, in memory by levels times classes. Afterwards all rows are encoded by the
///              full fit, the fitted ones too.
/// Source:      agrees with scikit-learn's TargetEncoder (transform of a full fit), smooth=m and
///              smooth="auto", and with JamesSteinEncoder of category_encoders, model="pooled" (Efron
///              and Hastie 2016, eq. 7.19 and 7.20); ordered: Prokhorenkova et al. (2018), CatBoost.
class TargetEncode final : public Transformer {
 public:
  explicit TargetEncode(TargetEncodeParams params)
      : params_(std::move(params)), rules_(params_.handle_unknown, params_.handle_missing) {}
  bool uses_target() const override { return true; }
  bool can_stream() const override { return true; }
  std::string made_types() const override {
    return params_.keep || params_.min_levels > 0 ? "float,float32,category" : "float,float32";
  }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 private:
  struct Table {
    bool encoded = false;
    Levels levels;
    std::vector<double> value;      // slot x output
    std::vector<double> log_count;  // by slot; empty without counts
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override {
    fit_tables(x, rows, y, context, nullptr);
  }
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const data::TargetView& y, const Context& context) override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  void do_begin_stream() override { gathered_.begin(input_columns().size()); }
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override {
    require_types(x, "target_encode", "category");
    gathered_.add(x, y, context);
  }
  void do_merge(const Transformer& other) override {
    gathered_.merge(dynamic_cast<const TargetEncode&>(other).gathered_);
  }
  void do_finish_fit(const Context& context) override;

  // oof: null, or per column the encodings of the fitted rows (output x row of `rows`), made from the other
  // folds.
  void fit_tables(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                  const Context& context, std::vector<std::vector<double>>* oof);
  void fit_values(const CodeView& codes, std::span<const std::uint32_t> rows, const data::TargetView& y,
                  std::span<const std::uint8_t> fold_of, Table& table, std::vector<double>* oof) const;
  void order_values(const CodeView& codes, std::span<const std::uint32_t> rows, const data::TargetView& y,
                    std::uint64_t seed, const Table& table, std::vector<double>& out) const;
  void finish_table(const std::vector<std::int64_t>& counts, Table& table) const;
  void blank_values(const CodeView& codes, std::span<const std::uint32_t> rows, const Table& table,
                    std::vector<double>& out) const;
  // shrinkage: B of james_stein; no matter to the others.
  double encode(const Sums& level, const Sums& all, double shrinkage) const;
  double shrinkage_of(std::span<const Sums> levels, const Sums& all) const;
  static double m_estimate(const Sums& level, double prior, double smoothing) {
    return level.weight + smoothing > 0 ? (level.value + smoothing * prior) / (level.weight + smoothing)
                                        : prior;
  }
  std::string output_name(const std::string& column, std::size_t k) const {
    return classes_.empty() ? column + "_target" : fmt::format("{}_target_{}", column, classes_[k]);
  }

  TargetEncodeParams params_;
  LevelRules rules_;
  std::vector<Table> tables_;
  std::vector<std::int64_t> classes_;  // multiclass: class of each output; else empty
  std::size_t n_outputs_ = 1;
  TargetOutputs outputs_;  // used within fit
  TargetSums gathered_;    // within a fit over a stream
  void finish_column(std::size_t c);
};

double TargetEncode::shrinkage_of(std::span<const Sums> levels, const Sums& all) const {
  if (params_.method != "james_stein" || !(all.weight > 1)) return 1;
  const double prior = all.value / all.weight;
  double n_levels = 0, error = 0;
  for (std::size_t slot = 1; slot < levels.size(); ++slot) {  // unseen levels are no level
    if (!(levels[slot].weight > 0)) continue;
    n_levels += 1;
    const double gap = levels[slot].value / levels[slot].weight - prior;
    error += gap * gap;
  }
  if (n_levels >= all.weight) return 1;
  if (!(error > 0)) return 0;
  const double variance = std::max(0.0, all.square - all.weight * prior * prior) / (all.weight - 1);
  return std::clamp((n_levels - 3) * variance / (all.weight / n_levels) / error, 0.0, 1.0);
}

std::vector<double> log_counts(const std::vector<std::int64_t>& counts) {
  std::vector<double> out;
  for (const std::int64_t count : counts) out.push_back(std::log1p(static_cast<double>(count)));
  out[Levels::slot(data::kUnseenCode)] = 0;
  return out;
}

double TargetEncode::encode(const Sums& level, const Sums& all, double shrinkage) const {
  if (!(all.weight > 0)) return 0;
  const double prior = all.value / all.weight;
  if (!(level.weight > 0)) return prior;
  if (params_.method == "m_estimate") return m_estimate(level, prior, params_.smoothing);
  const double mean = level.value / level.weight;
  if (params_.method == "james_stein") return prior + (1 - shrinkage) * (mean - prior);
  const double variance = std::max(0.0, all.square / all.weight - prior * prior);
  const double within = std::max(0.0, level.square / level.weight - mean * mean);
  const double signal = level.weight * variance;
  if (!(signal + within > 0)) return prior;
  const double lambda = signal / (signal + within);
  return lambda * mean + (1 - lambda) * prior;
}

void TargetEncode::fit_values(const CodeView& codes, std::span<const std::uint32_t> rows,
                              const data::TargetView& y, std::span<const std::uint8_t> fold_of, Table& table,
                              std::vector<double>* oof) const {
  const std::size_t n_outputs = outputs_.size();
  const std::size_t n_slots = table.levels.n_slots();
  const std::size_t n_folds = oof ? static_cast<std::size_t>(params_.n_folds) : 1;
  table.value.assign(n_slots * n_outputs, 0.0);
  if (oof) oof->assign(n_outputs * rows.size(), 0.0);
  // Outputs are taken in groups whose tables stay below 100 MB with any number of levels and classes.
  const std::size_t group =
      std::clamp<std::size_t>((std::size_t{1} << 22) / (n_slots * n_folds), 1, n_outputs);
  for (std::size_t first = 0; first < n_outputs; first += group) {
    const std::size_t width = std::min(group, n_outputs - first);
    std::vector<Sums> parts(n_folds * n_slots *
                            width);  // fold x slot x output; by class: weight is that of slot's first
    std::vector<double> weights(n_folds * n_slots);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t row = rows[i];
      const std::size_t cell = (oof ? fold_of[i] : 0) * n_slots + Levels::slot(codes[row]);
      const double weight = y.weight(row);
      weights[cell] += weight;
      std::size_t k = 0;
      double value = 1;
      if (outputs_.by_class()) {
        const std::int32_t output = outputs_.output_of(y.values[row]);
        if (output < static_cast<std::int32_t>(first) || output >= static_cast<std::int32_t>(first + width))
          continue;
        k = static_cast<std::size_t>(output) - first;
      } else {
        value = y.values[row] - outputs_.shift();
      }
      Sums& sums = parts[cell * width + k];
      sums.value += weight * value;
      sums.square += weight * value * value;
    }
    for (std::size_t k = 0; k < width; ++k) {
      std::vector<Sums> level(n_slots);
      std::vector<Sums> fold_total(n_folds);
      Sums all;
      for (std::size_t f = 0; f < n_folds; ++f)
        for (std::size_t s = 0; s < n_slots; ++s) {
          Sums& part = parts[(f * n_slots + s) * width + k];
          part.weight = weights[f * n_slots + s];
          for (Sums* total : {&level[s], &fold_total[f], &all}) {
            total->weight += part.weight;
            total->value += part.value;
            total->square += part.square;
          }
        }
      const double shrinkage = shrinkage_of(level, all);
      for (std::size_t s = 0; s < n_slots; ++s) {
        const bool unseen = s == Levels::slot(data::kUnseenCode);
        table.value[s * n_outputs + first + k] =
            encode(unseen ? Sums{} : level[s], all, shrinkage) + outputs_.shift();
      }
      if (!oof) continue;
      std::vector<double> encoded(n_folds * n_slots);
      std::vector<Sums> others(n_slots);
      for (std::size_t f = 0; f < n_folds; ++f) {
        for (std::size_t s = 0; s < n_slots; ++s) {
          // A level that is only in this fold is unseen outside it; rounding must not leave a rest of its own
          // targets.
          const bool only_here = weights[f * n_slots + s] >= level[s].weight;
          others[s] = only_here ? Sums{} : level[s] - parts[(f * n_slots + s) * width + k];
        }
        const Sums rest = all - fold_total[f];
        const double shrinkage_without = shrinkage_of(others, rest);
        for (std::size_t s = 0; s < n_slots; ++s)
          encoded[f * n_slots + s] = encode(others[s], rest, shrinkage_without) + outputs_.shift();
      }
      double* out = oof->data() + (first + k) * rows.size();
      for (std::size_t i = 0; i < rows.size(); ++i)
        out[i] = encoded[fold_of[i] * n_slots + Levels::slot(codes[rows[i]])];
    }
  }
}

// The encoding of each fitted row by the rows before it in a random order; table holds the full fit.
void TargetEncode::order_values(const CodeView& codes, std::span<const std::uint32_t> rows,
                                const data::TargetView& y, std::uint64_t seed, const Table& table,
                                std::vector<double>& out) const {
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  Rng rng(derive_seed(seed, {"target_encode", "order"}));
  rng.shuffle(order);
  out.assign(outputs_.size() * rows.size(), 0.0);
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    const std::size_t unseen = Levels::slot(data::kUnseenCode);
    const double prior = table.value[unseen * outputs_.size() + k] - outputs_.shift();
    std::vector<Sums> before(table.levels.n_slots());
    for (const std::uint32_t i : order) {
      const std::size_t row = rows[i], slot = Levels::slot(codes[row]);
      Sums& sums = before[slot];
      out[k * rows.size() + i] =
          (slot == unseen ? prior : m_estimate(sums, prior, params_.smoothing)) + outputs_.shift();
      const double value = !outputs_.by_class() ? y.values[row] - outputs_.shift()
                           : outputs_.output_of(y.values[row]) == static_cast<std::int32_t>(k) ? 1.0
                                                                                               : 0.0;
      sums.weight += y.weight(row);
      sums.value += y.weight(row) * value;
    }
  }
}

void TargetEncode::fit_tables(const data::Frame& x, std::span<const std::uint32_t> rows,
                              const data::TargetView& y, const Context& context,
                              std::vector<std::vector<double>>* oof) {
  require_types(x, "target_encode", "category");
  outputs_ = TargetOutputs(y, rows, static_cast<std::size_t>(params_.max_classes));
  classes_ = outputs_.classes();
  n_outputs_ = outputs_.size();
  std::vector<std::uint8_t> fold_of;
  const bool ordered = oof && params_.training == "ordered";
  if (oof && !ordered)
    fold_of = inner_folds(y, rows, static_cast<std::size_t>(params_.n_folds), context.seed);
  tables_.assign(x.n_columns(), {});
  rules_.begin_fit(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    Table& table = tables_[c];
    table.levels = Levels(x.column(c).dictionary());
    auto counts = count_slots(table.levels.codes(x.column(c)), rows, table.levels.n_slots());
    const auto n_levels =
        std::count_if(counts.begin() + 2, counts.end(), [](std::int64_t n) { return n > 0; });
    table.encoded = n_levels >= params_.min_levels;
    if (!table.encoded) return;
    rules_.fit_counts(c, x.name(c), counts);
    const CodeView codes = rules_.fit_codes(table.levels, x.column(c));
    fit_values(codes, rows, y, fold_of, table, oof && !ordered ? &(*oof)[c] : nullptr);
    if (ordered) order_values(codes, rows, y, context.seed, table, (*oof)[c]);
    finish_table(counts, table);
    if (oof) blank_values(codes, rows, table, (*oof)[c]);
  });
}

// What the rules decide.
void TargetEncode::finish_table(const std::vector<std::int64_t>& counts, Table& table) const {
  rules_.apply(counts, n_outputs_, table.value);
  if (!params_.counts) return;
  table.log_count = log_counts(counts);
  rules_.apply(counts, 1, table.log_count);
}

// Fitted rows whose cells are missing by a rule.
void TargetEncode::blank_values(const CodeView& codes, std::span<const std::uint32_t> rows,
                                const Table& table, std::vector<double>& out) const {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (codes[rows[i]] < 0 && std::isnan(table.value[Levels::slot(codes[rows[i]]) * n_outputs_]))
      for (std::size_t k = 0; k < n_outputs_; ++k) out[k * rows.size() + i] = kNaN;
}

// The sums of level slots and outputs become encodings, as fit_values() makes them of rows.
void TargetEncode::finish_column(std::size_t c) {
  TargetSums::OfColumn gathered = gathered_.of_column(c, outputs_);
  Table& table = tables_[c];
  table.levels = std::move(gathered.levels);
  table.encoded = static_cast<std::int64_t>(table.levels.size()) >= params_.min_levels;
  if (!table.encoded) return;
  gathered.fit_rules(c, input_columns()[c], rules_);
  const std::size_t n_slots = table.levels.n_slots(), n_outputs = outputs_.size();
  table.value.assign(n_slots * n_outputs, 0.0);
  for (std::size_t k = 0; k < n_outputs; ++k) {
    Sums all;
    std::vector<Sums> level(n_slots);
    for (std::size_t slot = 0; slot < n_slots; ++slot) {
      const auto& [value, square] = gathered.sums[slot * n_outputs + k];
      level[slot] = {gathered.weight[slot], value, square};
      all = all - Sums{-gathered.weight[slot], -value, -square};
    }
    const double shrinkage = shrinkage_of(level, all);
    for (std::size_t slot = 0; slot < n_slots; ++slot) {
      const bool unseen = slot == Levels::slot(data::kUnseenCode);
      table.value[slot * n_outputs + k] =
          encode(unseen ? Sums{} : level[slot], all, shrinkage) + outputs_.shift();
    }
  }
  finish_table(gathered.n_rows, table);
}

void TargetEncode::do_finish_fit(const Context& context) {
  outputs_ = gathered_.outputs(static_cast<std::size_t>(params_.max_classes));
  classes_ = outputs_.classes();
  n_outputs_ = outputs_.size();
  tables_.assign(input_columns().size(), {});
  rules_.begin_fit(tables_.size());
  context.parallel_blocks(tables_.size(), 1, [&](std::size_t c, std::size_t) { finish_column(c); });
  gathered_ = {};
}

std::vector<Transformer::Named> TargetEncode::do_transform(const data::Frame& x,
                                                           const Context& context) const {
  std::vector<std::vector<Named>> parts(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Table& table = tables_[c];
    if (!table.encoded || params_.keep) parts[c].push_back({x.name(c), x.column(c)});
    if (!table.encoded) return;
    const CodeView codes = table.levels.codes(x.column(c));
    rules_.check(c, x.name(c), codes, x.column(c));
    for (std::size_t k = 0; k < n_outputs_; ++k) {
      data::CellBuffer<double> cells(codes.size());
      for (std::size_t i = 0; i < cells.size(); ++i)
        cells[i] = table.value[Levels::slot(codes[i]) * n_outputs_ + k];
      parts[c].push_back({output_name(x.name(c), k), std::move(cells).to_column(data::ColumnType::kFloat64)});
    }
    if (!params_.counts) return;
    std::vector<float> cells(codes.size());
    for (std::size_t i = 0; i < cells.size(); ++i)
      cells[i] = static_cast<float>(table.log_count[Levels::slot(codes[i])]);
    parts[c].push_back({x.name(c) + "_log_count", Column::from_float32(std::move(cells))});
  });
  std::vector<Named> out;
  for (auto& part : parts) std::ranges::move(part, std::back_inserter(out));
  return out;
}

std::vector<Transformer::Named> TargetEncode::do_fit_transform(const data::Frame& x,
                                                               std::span<const std::uint32_t> rows,
                                                               const data::TargetView& y,
                                                               const Context& context) {
  std::vector<std::vector<double>> oof(x.n_columns());
  fit_tables(x, rows, y, context, &oof);
  auto out = do_transform(x, context);
  std::size_t at = 0;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    if (!tables_[c].encoded || params_.keep) ++at;
    if (!tables_[c].encoded) continue;
    for (std::size_t k = 0; k < n_outputs_; ++k, ++at) {
      const auto full = out[at].column.float64s();
      std::vector<double> cells(full.begin(), full.end());
      for (std::size_t i = 0; i < rows.size(); ++i) cells[rows[i]] = oof[c][k * rows.size() + i];
      out[at].column = Column::from_float64(std::move(cells));
    }
    if (params_.counts) ++at;
  }
  return out;
}

std::unique_ptr<RowStep> TargetEncode::row_step(const data::Frame& inputs) const {
  if (rules_.refuses()) return nullptr;
  std::vector<LevelNumbers> columns(inputs.n_columns());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Table& table = tables_[c];
    columns[c].passes = !table.encoded || params_.keep;
    if (!table.encoded) continue;
    const auto slots = slots_in(table.levels, inputs.column(c));
    columns[c].add<double>(slots, table.value, n_outputs_);
    if (!params_.counts) continue;
    const std::vector<float> log_count(table.log_count.begin(), table.log_count.end());
    columns[c].add<float>(slots, log_count, 1);
  }
  return std::make_unique<LevelRow>(std::move(columns));
}

void TargetEncode::do_save(artifact::Node& node) const {
  node.set("n_outputs", n_outputs_);
  node.set_array("classes", classes_);
  rules_.save(node);
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    artifact::Node& child = node.add_child(fmt::format("column_{}", c));
    child.set("encoded", tables_[c].encoded);
    if (!tables_[c].encoded) continue;
    tables_[c].levels.save(child);
    child.set_array("value", tables_[c].value);
    child.set_array("log_count", tables_[c].log_count);
  }
}

void TargetEncode::do_load(const artifact::Node& node) {
  n_outputs_ = static_cast<std::size_t>(node.get_int("n_outputs"));
  classes_ = node.get_vector<std::int64_t>("classes");
  if (!classes_.empty()) check_saved_size("target_encode", {classes_.size()}, n_outputs_);
  tables_.assign(input_columns().size(), {});
  rules_.load(node, tables_.size());
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    const artifact::Node& child = node.child(fmt::format("column_{}", c));
    Table& table = tables_[c];
    table.encoded = child.get_bool("encoded");
    if (!table.encoded) continue;
    table.levels = Levels::load(child);
    table.value = child.get_vector<double>("value");
    table.log_count = child.get_vector<double>("log_count");
    check_saved_size("target_encode", {table.value.size()}, table.levels.n_slots() * n_outputs_);
    if (params_.counts) check_saved_size("target_encode", {table.log_count.size()}, table.levels.n_slots());
  }
}

}  // namespace

TransformerInfo target_encode_info() {
  return describe<TargetEncode>(
      "target_encode", "Replace each level by the smoothed mean of the target, out of fold in training.",
      "category",
      ParamTable<TargetEncodeParams>()
          .param("method", &TargetEncodeParams::method,
                 "How the mean of a level is drawn to that of all rows.",
                 choice({"m_estimate", "empirical_bayes", "james_stein"}))
          .param("smoothing", &TargetEncodeParams::smoothing,
                 "m_estimate: rows that the overall mean counts for.", log_range(1, 100))
          .limits(0, 1e9)
          .param("training", &TargetEncodeParams::training,
                 "Training rows: from the other inner folds, or from the rows before them in a random order.",
                 choice({"out_of_fold", "ordered"}))
          .param("n_folds", &TargetEncodeParams::n_folds, "Inner folds for the encoding of training rows.")
          .limits(2, 100)
          .param("min_levels", &TargetEncodeParams::min_levels,
                 "Columns with fewer levels in training pass untouched.")
          .limits(0, 1e9)
          .param("max_classes", &TargetEncodeParams::max_classes,
                 "With more classes than this, only the most frequent get a column.")
          .limits(1, 1000)
          .param(
              "handle_unknown", &TargetEncodeParams::handle_unknown,
              "Levels that training did not have: the mean of all rows (value), as missing cells, nan, or an "
              "error.",
              choice({"value", "missing", "nan", "error"}))
          .param("handle_missing", &TargetEncodeParams::handle_missing,
                 "Missing cells: a level of their own, as an unknown level, nan, or an error.",
                 choice({"level", "unknown", "nan", "error"}))
          .param("counts", &TargetEncodeParams::counts,
                 "Add <name>_log_count, log(1 + training rows of the level).")
          .param("keep", &TargetEncodeParams::keep, "The category column stays beside its encoding."));
}

}  // namespace kolosal::transform
