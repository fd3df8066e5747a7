#include <algorithm>
#include <cmath>
#include <limits>

#include "kolosal/transform/columns_internal.hpp"
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
};

constexpr const char* kMissingLevel = "(missing)";

/// Fills missing cells: numbers by a statistic of the fitted rows, categories by a level.
///
/// Types:   bool, int and float become float64; float32 stays; category stays (with one level more for
/// "level"). Missing: NaN, infinities and missing codes. A level that fit() did not see is filled like a
/// missing one. Edge:    a column without a finite cell in the fitted rows is filled with fill_value; a
/// category column without any
///          level, by "(missing)".
/// Source:  agrees with scikit-learn's SimpleImputer and its indicator of columns that had missing cells in
/// fit.
class Impute final : public Transformer {
 public:
  explicit Impute(ImputeParams params) : params_(std::move(params)) {}

 private:
  struct Fill {
    double number = 0;           // numeric columns
    std::int32_t code = 0;       // category columns: in levels
    bool has_indicator = false;  // the fitted rows had missing cells and the user asked
    Levels levels;               // category columns: what transform() gives, "(missing)" included
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override;
  void do_load(const artifact::Node& node) override;

  Fill fit_number(const Column& column, std::span<const std::uint32_t> rows) const;
  Fill fit_category(const Column& column, std::span<const std::uint32_t> rows) const;

  ImputeParams params_;
  std::vector<Fill> fills_;
};

Impute::Fill Impute::fit_number(const Column& column, std::span<const std::uint32_t> rows) const {
  auto cells = finite_cells(Numbers(column), rows);
  Fill out;
  out.has_indicator = params_.indicator && cells.size() < rows.size();
  if (cells.empty() || params_.strategy == "constant")
    out.number = params_.fill_value;
  else if (params_.strategy == "mean")
    out.number = mean_of(cells);
  else if (params_.strategy == "median")
    out.number = quantile_of(cells, 0.5);
  else
    out.number = most_frequent_of(cells);
  return out;
}

Impute::Fill Impute::fit_category(const Column& column, std::span<const std::uint32_t> rows) const {
  const Levels given(column.dictionary());
  const auto counts = count_slots(given.codes(column), rows, given.n_slots());
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

void Impute::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                    const Context& context) {
  require_types(x, "impute", "numeric,category");
  fills_.assign(x.n_columns(), {});
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Column& column = x.column(c);
    fills_[c] =
        column.type() == ColumnType::kCategory ? fit_category(column, rows) : fit_number(column, rows);
  });
}

template <typename T>
std::vector<T> fill_numbers(std::span<const T> cells, double fill) {
  std::vector<T> out(cells.size());
  const T value = static_cast<T>(std::clamp(fill, static_cast<double>(std::numeric_limits<T>::lowest()),
                                            static_cast<double>(std::numeric_limits<T>::max())));
  for (std::size_t i = 0; i < cells.size(); ++i) out[i] = std::isfinite(cells[i]) ? cells[i] : value;
  return out;
}

std::vector<Transformer::Named> Impute::do_transform(const data::Frame& x, const Context& context) const {
  std::vector<Named> out(x.n_columns());
  std::vector<Named> indicators(x.n_columns());
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Column& column = x.column(c);
    const Fill& fill = fills_[c];
    std::vector<float> missing(fill.has_indicator ? column.size() : 0);
    out[c].name = x.name(c);
    if (column.type() == ColumnType::kCategory) {
      const CodeView codes = fill.levels.codes(column);
      std::vector<std::int32_t> filled(codes.size());
      for (std::size_t i = 0; i < codes.size(); ++i) filled[i] = codes[i] < 0 ? fill.code : codes[i];
      for (std::size_t i = 0; i < missing.size(); ++i) missing[i] = codes[i] < 0 ? 1.0F : 0.0F;
      out[c].column = Column::from_category(std::move(filled), fill.levels.shared_dictionary());
    } else if (column.type() == ColumnType::kFloat32) {
      const auto cells = column.float32s();
      for (std::size_t i = 0; i < missing.size(); ++i) missing[i] = std::isfinite(cells[i]) ? 0.0F : 1.0F;
      out[c].column = Column::from_float32(fill_numbers(cells, fill.number));
    } else {
      const Numbers cells(column);
      for (std::size_t i = 0; i < missing.size(); ++i) missing[i] = std::isfinite(cells[i]) ? 0.0F : 1.0F;
      out[c].column = Column::from_float64(fill_numbers(cells.values(), fill.number));
    }
    if (fill.has_indicator)
      indicators[c] = {x.name(c) + "_missing", Column::from_float32(std::move(missing))};
  });
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    if (fills_[c].has_indicator) out.push_back(std::move(indicators[c]));
  return out;
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
  for (std::size_t c = 0; c < fills_.size(); ++c)
    if (fills_[c].levels.size() > 0) fills_[c].levels.save(node.add_child(fmt::format("column_{}", c)));
}

void Impute::do_load(const artifact::Node& node) {
  const auto numbers = node.array<double>("numbers");
  const auto codes = node.array<std::int32_t>("codes");
  const auto indicators = node.array<std::uint8_t>("indicators");
  check_saved_size("impute", {numbers.size(), codes.size(), indicators.size()}, input_columns().size());
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
                 "Add a 0/1 column <name>_missing for each column that had missing cells in training."));
}

}  // namespace kolosal::transform
