#include <cmath>
#include <limits>

#include "kolosal/data/cell_buffer.hpp"
#include "kolosal/transform/level_counts_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct OrdinalEncodeParams {
  double missing_value = std::numeric_limits<double>::quiet_NaN();
};

/// A level becomes its position among the levels of the fitted rows: in the order of numbers when all levels
/// are numbers
/// ("2" before "10"), else by bytes.
///
/// Types:   category becomes float32 (exact up to 2^24 levels).
/// Missing: missing cells and levels not in the fitted rows get missing_value (NaN unless changed).
/// Streams: exactly, in memory by the number of levels.
/// Inverse: a number becomes the level at its position; any other one, missing.
/// Source:  agrees with scikit-learn's OrdinalEncoder(handle_unknown="use_encoded_value").
class OrdinalEncode final : public Transformer {
 public:
  explicit OrdinalEncode(OrdinalEncodeParams params) : params_(params) {}
  bool can_stream() const override { return true; }
  bool has_inverse() const override { return true; }
  std::string made_types() const override { return "float32"; }

 private:
  struct Table {
    Levels levels;
    std::vector<float> value;  // by slot
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "ordinal_encode", "category");
    tables_.assign(x.n_columns(), {});
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Levels levels(x.column(c).dictionary());
      tables_[c] = table_of(levels, count_slots(levels.codes(x.column(c)), rows, levels.n_slots()));
    });
  }

  Table table_of(const Levels& levels, const std::vector<std::int64_t>& counts) const {
    Table out{levels, std::vector<float>(counts.size(), static_cast<float>(params_.missing_value))};
    float next = 0;
    for (const std::int32_t code : codes_in_level_order(levels.dictionary()))
      if (counts[Levels::slot(code)] > 0) out.value[Levels::slot(code)] = next++;
    return out;
  }

  void do_begin_stream() override { gathered_.assign(input_columns().size(), {}); }
  void do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) override {
    require_types(x, "ordinal_encode", "category");
    context.parallel_blocks(x.n_columns(), 1,
                            [&](std::size_t c, std::size_t) { gathered_[c].add(x.column(c)); });
  }
  void do_merge(const Transformer& other) override {
    const auto& theirs = dynamic_cast<const OrdinalEncode&>(other).gathered_;
    for (std::size_t c = 0; c < gathered_.size(); ++c) gathered_[c].merge(theirs[c]);
  }
  void do_finish_fit(const Context&) override {
    tables_.assign(gathered_.size(), {});
    for (std::size_t c = 0; c < gathered_.size(); ++c) {
      std::vector<std::int64_t> counts;
      const Levels levels = gathered_[c].levels(counts);
      tables_[c] = table_of(levels, counts);
    }
    gathered_.clear();
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const CodeView codes = tables_[c].levels.codes(x.column(c));
      data::CellBuffer<float> cells(codes.size());
      for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = tables_[c].value[Levels::slot(codes[i])];
      out[c] = {x.name(c), std::move(cells).to_column(data::ColumnType::kFloat32)};
    });
    return out;
  }

  std::vector<Named> do_inverse(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Table& table = tables_[c];
      std::vector<std::int32_t> code_at;  // by position
      for (const std::int32_t code : codes_in_level_order(table.levels.dictionary()))
        if (const float value = table.value[Levels::slot(code)]; value == static_cast<float>(code_at.size()))
          code_at.push_back(code);
      const Numbers cells(x.column(c));
      std::vector<std::int32_t> codes(cells.size(), data::kMissingCode);
      for (std::size_t i = 0; i < codes.size(); ++i) {
        const bool is_position = cells[i] >= 0 && cells[i] < static_cast<double>(code_at.size()) &&
                                 cells[i] == std::floor(cells[i]);
        if (is_position) codes[i] = code_at[static_cast<std::size_t>(cells[i])];
      }
      out[c] = {x.name(c), Column::from_category(std::move(codes), table.levels.shared_dictionary())};
    });
    return out;
  }

  void do_save(artifact::Node& node) const override {
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      artifact::Node& child = node.add_child(fmt::format("column_{}", c));
      tables_[c].levels.save(child);
      child.set_array("value", tables_[c].value);
    }
  }

  void do_load(const artifact::Node& node) override {
    tables_.assign(input_columns().size(), {});
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      const artifact::Node& child = node.child(fmt::format("column_{}", c));
      tables_[c] = {Levels::load(child), child.get_vector<float>("value")};
      check_saved_size("ordinal_encode", {tables_[c].value.size()}, tables_[c].levels.n_slots());
    }
  }

  OrdinalEncodeParams params_;
  std::vector<Table> tables_;
  std::vector<LevelCounts> gathered_;
};

}  // namespace

TransformerInfo ordinal_encode_info() {
  return describe<OrdinalEncode>("ordinal_encode",
                                 "Replace each level by its position in the order of levels.", "category",
                                 ParamTable<OrdinalEncodeParams>().param(
                                     "missing_value", &OrdinalEncodeParams::missing_value,
                                     "The number for missing cells and levels not seen in training."));
}

}  // namespace kolosal::transform
