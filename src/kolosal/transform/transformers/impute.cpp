#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "kolosal/data/cell_buffer.hpp"
#include "kolosal/transform/column_statistics_internal.hpp"
#include "kolosal/transform/infinities_internal.hpp"
#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/level_row_internal.hpp"
#include "kolosal/transform/quantile_sketch.hpp"
#include "kolosal/transform/statistics_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct ImputeParams {
  std::string strategy = "median";
  double fill_value = 0;
  std::string category_strategy = "level";
  bool indicator = false;
  std::string infinities = "missing";
};

constexpr const char* kMissingLevel = "(missing)";

/// Fills missing cells: numbers by a statistic of the fitted rows, categories by a level.
///
/// Types:   bool, int and float become float64; float32 stays; category stays (with one level more for
///          "level").
/// Missing: NaN and missing codes; infinities as `infinities` says (the statistic is of finite cells in any
///          case). A level that fit() did not see is filled like a missing one.
/// Edge:    a column without a finite cell in the fitted rows is filled with fill_value; a category column
///          without any level, by "(missing)".
/// Streams: mean to rounding; median exact up to 32,768 present cells, then with a rank error of 0.13 %
/// (QuantileSketch); most_frequent exact, in memory by the number of different values.
/// Source:  agrees with scikit-learn's SimpleImputer and its indicator of columns that had missing cells in
/// fit.
class Impute final : public Transformer {
 public:
  explicit Impute(ImputeParams params) : params_(std::move(params)), infinities_(params_.infinities) {}
  bool can_stream() const override { return true; }
  std::string made_types() const override {
    const auto& types = input_types();
    const bool numbers_only = !types.empty() && std::ranges::count(types, ColumnType::kCategory) == 0;
    return numbers_only ? "float,float32" : "float,float32,category";
  }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 private:
  struct Fill {
    double number = 0;           // numeric columns
    std::int32_t code = 0;       // category columns: in levels
    bool has_indicator = false;  // the fitted rows had missing cells and the user asked
    Levels levels;               // category columns: what transform() gives, "(missing)" included
  };
  class Row;
  // Of one column of a stream; a step fills what its strategy needs.
  struct Gathered {
    std::size_t n_missing = 0, n_finite = 0;
    Moments moments;
    QuantileSketch sketch;
    std::unordered_map<double, std::size_t> counts;
    LevelCounts levels;
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    infinities_.fit(x, rows);
    do_fit_sources(sources_of(x), rows, context);
  }
  bool fits_sources() const override { return infinities_.are_missing(); }
  void do_fit_sources(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                      const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    return do_transform_rest(x, std::vector<bool>(x.n_columns()), context);
  }
  std::vector<Named> do_transform_rest(const data::Frame& x, const std::vector<bool>& mapped,
                                       const Context& context) const override;
  // A column with an indicator is not mapped: the indicator looks at its cells. A map fills infinities.
  std::optional<CellMap> cell_map(std::size_t c) const override {
    if (fills_[c].has_indicator || !infinities_.are_missing()) return {};
    return CellMap{.kind = CellMap::Kind::kFill, .fill = fills_[c].number};
  }
  void do_begin_stream() override {
    gathered_.assign(input_columns().size(), {});
    infinities_.begin_fit(input_columns().size());
  }
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  std::vector<double> find_numbers(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                                   std::vector<std::size_t>& n_finite, const Context& context) const;
  std::size_t count_missing(const Column& column, std::span<const std::uint32_t> rows) const;
  bool is_missing(double cell) const {
    return std::isnan(cell) || (infinities_.are_missing() && std::isinf(cell));
  }
  Column filled_number(const data::Frame& x, std::size_t c) const;
  Fill fill_of_levels(const Levels& given, const std::vector<std::int64_t>& counts) const;

  ImputeParams params_;
  Infinities infinities_;
  std::vector<Fill> fills_;
  std::vector<Gathered> gathered_;
};

// What the strategy gives for each number column, and its finite cells; fill_value where there are none.
std::vector<double> Impute::find_numbers(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                                         std::vector<std::size_t>& n_finite, const Context& context) const {
  std::vector<double> out(x.size(), params_.fill_value);
  n_finite.assign(x.size(), 0);
  if (params_.strategy == "median") {
    const double half[] = {0.5};
    const auto found = quantiles_of(x, rows, half, context);
    for (std::size_t i = 0; i < x.size(); ++i) {
      n_finite[i] = found[i].count;
      if (found[i].count > 0) out[i] = found[i].values[0];
    }
  } else if (params_.strategy == "most_frequent") {
    context.parallel_blocks(x.size(), 1, [&](std::size_t i, std::size_t) {
      auto cells = finite_cells(x[i], rows);
      n_finite[i] = cells.size();
      if (!cells.empty()) out[i] = most_frequent_of(cells);
    });
  } else {
    const auto found = moments_of(x, rows, context);
    for (std::size_t i = 0; i < x.size(); ++i) {
      n_finite[i] = found[i].count;
      if (found[i].count > 0 && params_.strategy == "mean") out[i] = static_cast<double>(found[i].mean);
    }
  }
  return out;
}

Impute::Fill Impute::fill_of_levels(const Levels& given, const std::vector<std::int64_t>& counts) const {
  Fill out;
  out.has_indicator = params_.indicator && counts[0] + counts[1] > 0;
  std::int32_t best = -1;
  for (const std::int32_t code : codes_in_level_order(given.dictionary()))
    if (counts[Levels::slot(code)] > (best < 0 ? 0 : counts[Levels::slot(best)])) best = code;
  if (params_.category_strategy == "most_frequent" && best >= 0) {
    out.levels = given;
    out.code = best;
    return out;
  }
  out.code = given.dictionary().find(kMissingLevel);
  if (out.code >= 0) {
    out.levels = given;
    return out;
  }
  auto levels = given.dictionary().levels();
  out.code = given.dictionary().size();
  levels.emplace_back(kMissingLevel);
  out.levels = Levels(std::make_shared<const data::Dictionary>(std::move(levels)));
  return out;
}

std::size_t Impute::count_missing(const Column& column, std::span<const std::uint32_t> rows) const {
  const Numbers cells(column);
  return static_cast<std::size_t>(
      std::ranges::count_if(rows, [&](std::uint32_t row) { return is_missing(cells[row]); }));
}

void Impute::do_fit_sources(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                            const Context& context) {
  std::vector<CellSource> numbers;
  std::vector<std::size_t> number_at, category_at;
  for (std::size_t c = 0; c < x.size(); ++c) {
    require_type("impute", input_columns()[c], x[c].column().type(), "numeric,category");
    if (x[c].column().type() == ColumnType::kCategory) {
      category_at.push_back(c);
    } else {
      number_at.push_back(c);
      numbers.push_back(x[c]);
    }
  }
  fills_.assign(x.size(), {});
  std::vector<std::size_t> n_finite;
  const auto found = find_numbers(numbers, rows, n_finite, context);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    fills_[number_at[i]].number = found[i];
    fills_[number_at[i]].has_indicator =
        params_.indicator && (infinities_.are_missing() ? n_finite[i] < rows.size()
                                                        : count_missing(numbers[i].column(), rows) > 0);
  }
  context.parallel_blocks(category_at.size(), 1, [&](std::size_t i, std::size_t) {
    const Column& column = x[category_at[i]].column();
    const Levels given(column.dictionary());
    fills_[category_at[i]] = fill_of_levels(given, count_slots(given.codes(column), rows, given.n_slots()));
  });
}

void Impute::do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) {
  require_types(x, "impute", "numeric,category");
  infinities_.add(x);
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    Gathered& gathered = gathered_[c];
    if (x.column(c).type() == ColumnType::kCategory) {
      gathered.levels.add(x.column(c));
      return;
    }
    const Column& column = x.column(c);
    if (params_.indicator) {
      const Numbers numbers(column);
      for (const double cell : numbers.values()) gathered.n_missing += is_missing(cell) ? 1 : 0;
    }
    for_each_finite_block(CellSource(column), [&](std::span<const double> cells) {
      gathered.n_finite += cells.size();
      if (params_.strategy == "median") gathered.sketch.add(cells);
      if (params_.strategy == "mean") gathered.moments.add_block(cells.data(), cells.size());
      if (params_.strategy == "most_frequent")
        for (const double cell : cells) ++gathered.counts[cell];
    });
  });
}

void Impute::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const Impute&>(other).gathered_;
  infinities_.merge(dynamic_cast<const Impute&>(other).infinities_);
  for (std::size_t c = 0; c < gathered_.size(); ++c) {
    gathered_[c].n_missing += theirs[c].n_missing;
    gathered_[c].n_finite += theirs[c].n_finite;
    gathered_[c].moments.add(theirs[c].moments);
    gathered_[c].sketch.merge(theirs[c].sketch);
    for (const auto& [cell, count] : theirs[c].counts) gathered_[c].counts[cell] += count;
    gathered_[c].levels.merge(theirs[c].levels);
  }
}

void Impute::do_finish_fit(const Context&) {
  fills_.assign(gathered_.size(), {});
  for (std::size_t c = 0; c < gathered_.size(); ++c) {
    const Gathered& gathered = gathered_[c];
    if (input_types()[c] == ColumnType::kCategory) {
      std::vector<std::int64_t> counts;
      const Levels given = gathered.levels.levels(counts);
      fills_[c] = fill_of_levels(given, counts);
      continue;
    }
    fills_[c].has_indicator = gathered.n_missing > 0;
    fills_[c].number = params_.fill_value;
    if (gathered.n_finite == 0 || params_.strategy == "constant") continue;
    const double half[] = {0.5};
    if (params_.strategy == "median") fills_[c].number = gathered.sketch.quantiles(half)[0];
    if (params_.strategy == "mean") fills_[c].number = static_cast<double>(gathered.moments.mean);
    std::size_t best = 0;
    for (const auto& [cell, count] : gathered.counts)
      if (count > best || (count == best && cell < fills_[c].number)) {
        best = count;
        fills_[c].number = cell;
      }
  }
  gathered_.clear();
}

// A fill that a float32 column can hold.
double float_fill(double fill) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  return std::clamp(fill, -kLargest, kLargest);
}

Column filled_floats(std::span<const float> cells, double fill) {
  const auto value = static_cast<float>(float_fill(fill));
  data::CellBuffer<float> out(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) out[i] = std::isfinite(cells[i]) ? cells[i] : value;
  return std::move(out).to_column(ColumnType::kFloat32);
}

Column filled_codes(const CodeView& codes, std::int32_t fill,
                    std::shared_ptr<const data::Dictionary> dictionary) {
  data::CellBuffer<std::int32_t> out(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) out[i] = codes[i] < 0 ? fill : codes[i];
  return std::move(out).to_column(ColumnType::kCategory, std::move(dictionary));
}

template <typename IsMissing>
Column indicator(std::size_t n, IsMissing is_missing) {
  data::CellBuffer<float> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = is_missing(i) ? 1.0F : 0.0F;
  return std::move(out).to_column(ColumnType::kFloat32);
}

// Where infinities are not filled.
Column Impute::filled_number(const data::Frame& x, std::size_t c) const {
  const bool is_float = x.column(c).type() == ColumnType::kFloat32;
  const double fill = is_float ? float_fill(fills_[c].number) : fills_[c].number;
  auto cells = infinities_.cells_of(x, c);
  for (double& cell : cells)
    if (std::isnan(cell)) cell = fill;
  const data::Frame one({x.name(c)}, {x.column(c)});
  return imputed_columns(one, {std::move(cells)}, infinities_.keeps())[0];
}

std::vector<Transformer::Named> Impute::do_transform_rest(const data::Frame& x,
                                                          const std::vector<bool>& mapped,
                                                          const Context& context) const {
  std::vector<Named> out(x.n_columns());
  std::vector<Named> indicators(x.n_columns());
  const bool fills_infinities = infinities_.are_missing();
  std::vector<CellSource> numbers;
  std::vector<std::size_t> number_at;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    out[c] = {x.name(c), x.column(c)};
    const auto type = x.column(c).type();
    if (mapped[c] || type == ColumnType::kCategory) continue;
    if (!fills_infinities) out[c].column = filled_number(x, c);
    if (!fills_infinities || type == ColumnType::kFloat32) continue;
    const CellMap fill{.kind = CellMap::Kind::kFill, .fill = fills_[c].number};
    numbers.emplace_back(x.column(c), std::vector<CellMap>{fill});
    number_at.push_back(c);
  }
  auto made = make_columns(numbers, context);
  for (std::size_t i = 0; i < made.size(); ++i) out[number_at[i]].column = std::move(made[i]);
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    if (mapped[c]) return;
    const Column& column = x.column(c);
    const Fill& fill = fills_[c];
    Column missing;
    if (column.type() == ColumnType::kCategory) {
      const CodeView codes = fill.levels.codes(column);
      if (fill.has_indicator) missing = indicator(codes.size(), [&](std::size_t i) { return codes[i] < 0; });
      out[c].column = filled_codes(codes, fill.code, fill.levels.shared_dictionary());
    } else {
      if (fill.has_indicator) {
        const Numbers cells(column);
        missing = indicator(cells.size(), [&](std::size_t i) { return is_missing(cells[i]); });
      }
      if (fills_infinities && column.type() == ColumnType::kFloat32)
        out[c].column = filled_floats(column.float32s(), fill.number);
    }
    if (fill.has_indicator) indicators[c] = {x.name(c) + "_missing", std::move(missing)};
  });
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (fills_[c].has_indicator) out.push_back(std::move(indicators[c]));
  return out;
}

class Impute::Row final : public RowStep {
 public:
  Row(const std::vector<Fill>& fills, const data::Frame& inputs) : columns_(fills.size()) {
    for (std::size_t c = 0; c < fills.size(); ++c) {
      OfColumn& column = columns_[c];
      column.has_indicator = fills[c].has_indicator;
      column.is_category = inputs.column(c).type() == ColumnType::kCategory;
      column.fill = inputs.column(c).type() == ColumnType::kFloat32
                        ? static_cast<double>(static_cast<float>(float_fill(fills[c].number)))
                        : fills[c].number;
      if (!column.is_category) continue;
      column.slots = slots_in(fills[c].levels, inputs.column(c));
      column.fill = fills[c].code;
    }
  }
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena&) const override {
    std::size_t indicator = in.size();
    for (std::size_t c = 0; c < in.size(); ++c) {
      const OfColumn& column = columns_[c];
      // Slots below 2 are of missing and unseen levels.
      const std::size_t slot = column.is_category ? column.slots[slot_of(in[c])] : 2;
      const bool is_missing = column.is_category ? slot < 2 : !std::isfinite(in[c].number);
      const double present = column.is_category ? static_cast<double>(slot) - 2 : in[c].number;
      out[c].number = is_missing ? column.fill : present;
      if (column.has_indicator) out[indicator++].number = is_missing ? 1 : 0;
    }
  }

 private:
  struct OfColumn {
    bool is_category = false, has_indicator = false;
    double fill = 0;
    std::vector<std::size_t> slots;  // of categories: by the input's slot
  };
  std::vector<OfColumn> columns_;
};

std::unique_ptr<RowStep> Impute::row_step(const data::Frame& inputs) const {
  if (!infinities_.are_missing()) return nullptr;
  return std::make_unique<Row>(fills_, inputs);
}

void Impute::do_save(artifact::Node& node) const {
  std::vector<double> numbers;
  std::vector<std::int32_t> codes;
  std::vector<std::uint8_t> indicators;
  for (const Fill& fill : fills_) {
    numbers.push_back(fill.number);
    codes.push_back(fill.code);
    indicators.push_back(fill.has_indicator ? 1 : 0);
  }
  node.set_array("numbers", numbers);
  node.set_array("codes", codes);
  node.set_array("indicators", indicators);
  infinities_.save(node);
  for (std::size_t c = 0; c < fills_.size(); ++c)
    if (fills_[c].levels.size() > 0) fills_[c].levels.save(node.add_child(fmt::format("column_{}", c)));
}

void Impute::do_load(const artifact::Node& node) {
  const auto numbers = node.array<double>("numbers");
  const auto codes = node.array<std::int32_t>("codes");
  const auto indicators = node.array<std::uint8_t>("indicators");
  check_saved_size("impute", {numbers.size(), codes.size(), indicators.size()}, input_columns().size());
  infinities_.load(node, numbers.size());
  fills_.assign(numbers.size(), {});
  for (std::size_t c = 0; c < fills_.size(); ++c) {
    fills_[c] = {numbers[c], codes[c], indicators[c] != 0, {}};
    const std::string child = fmt::format("column_{}", c);
    if (node.has(child)) fills_[c].levels = Levels::load(node.child(child));
  }
}

}  // namespace

TransformerInfo impute_info() {
  return describe<Impute>(
      "impute", "Fill missing cells: numbers by a statistic, categories by a level.", "numeric,category",
      ParamTable<ImputeParams>()
          .param("strategy", &ImputeParams::strategy, "What fills a missing number.",
                 choice({"mean", "median", "most_frequent", "constant"}))
          .param("fill_value", &ImputeParams::fill_value,
                 "The constant of strategy constant; also fills columns without any number.")
          .param("category_strategy", &ImputeParams::category_strategy,
                 "What fills a missing category: a level of its own, or the most frequent one.",
                 choice({"level", "most_frequent"}))
          .param("indicator", &ImputeParams::indicator,
                 "Add a 0/1 column <name>_missing for each column that had missing cells in training.")
          .param("infinities", &ImputeParams::infinities,
                 "Infinite numbers: missing (filled), keep, clip (to the fitted range) or error.",
                 Infinities::choices()));
}

}  // namespace kolosal::transform
