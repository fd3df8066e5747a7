#include <cmath>

#include "kolosal/data/cell_buffer.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::ColumnType;

struct MissingIndicatorParams {
  std::string features = "missing";
  bool infinities = true;
};

/// Adds <name>_missing, 1 where the cell is missing and else 0: before imputers that have no indicator of
/// their own (impute has one), or for learners that take holes.
///
///   features: missing makes one for each column that had missing cells in the fitted rows, all for each
///   column.
///
/// Types:   all but sparse columns, which have no holes and pass; indicators are float32. The columns stay.
/// Missing: NaN, missing cells and levels that are not known; infinities too, unless turned off.
/// Streams: exact.
/// Source:  agrees with scikit-learn's MissingIndicator(features="missing-only", error_on_new=False) or
/// "all".
class MissingIndicator final : public Transformer {
 public:
  explicit MissingIndicator(MissingIndicatorParams params) : params_(std::move(params)) {}
  bool can_stream() const override { return true; }

 private:
  bool is_missing(const Column& column, std::size_t row) const {
    if (column.is_missing(row)) return true;
    const bool is_float = column.type() == ColumnType::kFloat64 || column.type() == ColumnType::kFloat32;
    return is_float && params_.infinities && std::isinf(column.number(row));
  }
  bool is_wanted(const Column& column) const {
    return params_.features == "all" && column.type() != ColumnType::kSparse;
  }

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    do_begin_stream();
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Column& column = x.column(c);
      made_[c] = is_wanted(column) ? 1 : 0;
      if (column.type() == ColumnType::kSparse) return;
      for (std::size_t i = 0; i < rows.size() && made_[c] == 0; ++i)
        made_[c] = is_missing(column, rows[i]) ? 1 : 0;
    });
  }

  void do_begin_stream() override { made_.assign(input_columns().size(), 0); }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Column& column = x.column(c);
      if (is_wanted(column)) made_[c] = 1;
      if (column.type() == ColumnType::kSparse) return;
      for (std::size_t row = 0; row < column.size() && made_[c] == 0; ++row)
        made_[c] = is_missing(column, row) ? 1 : 0;
    });
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const MissingIndicator&>(other).made_;
    for (std::size_t c = 0; c < made_.size(); ++c) made_[c] |= theirs[c];
  }
  void do_finish_fit(const Context&) override {}

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out, made(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      if (made_[c] == 0) return;
      data::CellBuffer<float> cells(x.n_rows());
      for (std::size_t row = 0; row < cells.size(); ++row)
        cells[row] = is_missing(x.column(c), row) ? 1.0F : 0.0F;
      made[c] = {x.name(c) + "_missing", std::move(cells).to_column(ColumnType::kFloat32)};
    });
    for (std::size_t c = 0; c < x.n_columns(); ++c) out.push_back({x.name(c), x.column(c)});
    for (std::size_t c = 0; c < x.n_columns(); ++c)
      if (made_[c] != 0) out.push_back(std::move(made[c]));
    return out;
  }

  void do_save(artifact::Node& node) const override { node.set_array("made", made_); }
  void do_load(const artifact::Node& node) override {
    made_ = node.get_vector<std::uint8_t>("made");
    check_saved_size("missing_indicator", {made_.size()}, input_columns().size());
  }

  MissingIndicatorParams params_;
  std::vector<std::uint8_t> made_;  // by column: it gets an indicator
};

}  // namespace

TransformerInfo missing_indicator_info() {
  return describe<MissingIndicator>(
      "missing_indicator", "Add a 0/1 column for each column with missing cells, which tells where they are.",
      "all",
      ParamTable<MissingIndicatorParams>()
          .param("features", &MissingIndicatorParams::features,
                 "missing: of the columns that had missing cells in training; all: of all columns.",
                 choice({"missing", "all"}))
          .param("infinities", &MissingIndicatorParams::infinities, "Infinite numbers count as missing."));
}

}  // namespace kolosal::transform
