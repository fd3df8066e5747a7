#include <cmath>
#include <limits>

#include "kolosal/data/cell_buffer.hpp"
#include "kolosal/transform/counted_levels_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct OrdinalEncodeParams {
  double missing_value = std::numeric_limits<double>::quiet_NaN();
  double unknown_value = std::numeric_limits<double>::quiet_NaN();
  std::string handle_unknown = "missing";
  std::string handle_missing = "value";
};

struct OrdinalTable {
  Levels levels;
  std::vector<float> value;  // by slot
};

/// A level becomes its position among the levels of the fitted rows: in the order of numbers when all levels
/// are numbers ("2" before "10"), else by bytes.
///
/// Types:   category becomes float32 (exact up to 2^24 levels).
/// Missing: missing_value (NaN unless changed), or the position after all levels (handle_missing "level").
/// Unknown: levels that no fitted row has are as missing cells, or get unknown_value (handle_unknown
///          "value").
/// Streams: exactly, in memory by the number of levels.
/// Inverse: a number becomes the level at its position; any other one, missing.
/// Source:  agrees with scikit-learn's OrdinalEncoder(handle_unknown="use_encoded_value"), whose missing
///          level is handle_missing "level".
class OrdinalEncode final : public CountedLevels<OrdinalTable> {
 public:
  explicit OrdinalEncode(OrdinalEncodeParams params)
      : CountedLevels("ordinal_encode", {params.handle_unknown, params.handle_missing}),
        params_(std::move(params)) {}
  bool has_inverse() const override { return true; }
  std::string made_types() const override { return "float32"; }

 private:
  OrdinalTable table_of(Levels levels, const std::vector<std::int64_t>& counts) const override {
    OrdinalTable out{std::move(levels),
                     std::vector<float>(counts.size(), static_cast<float>(params_.unknown_value))};
    float next = 0;
    for (const std::int32_t code : codes_in_level_order(out.levels.dictionary()))
      if (counts[Levels::slot(code)] > 0) out.value[Levels::slot(code)] = next++;
    const std::size_t missing = Levels::slot(data::kMissingCode);
    const bool is_level = rules_.missing_is_level() && counts[missing] > 0;
    out.value[missing] = is_level ? next : static_cast<float>(params_.missing_value);
    rules_.apply(counts, 1, out.value);
    return out;
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const CodeView codes = tables_[c].levels.codes(x.column(c));
      rules_.check(c, x.name(c), codes, x.column(c));
      data::CellBuffer<float> cells(codes.size());
      for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = tables_[c].value[Levels::slot(codes[i])];
      out[c] = {x.name(c), std::move(cells).to_column(data::ColumnType::kFloat32)};
    });
    return out;
  }

  std::vector<Named> do_inverse(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const OrdinalTable& table = tables_[c];
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
    rules_.save(node);
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      artifact::Node& child = node.add_child(fmt::format("column_{}", c));
      tables_[c].levels.save(child);
      child.set_array("value", tables_[c].value);
    }
  }

  void do_load(const artifact::Node& node) override {
    tables_.assign(input_columns().size(), {});
    rules_.load(node, tables_.size());
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      const artifact::Node& child = node.child(fmt::format("column_{}", c));
      tables_[c] = {Levels::load(child), child.get_vector<float>("value")};
      check_saved_size("ordinal_encode", {tables_[c].value.size()}, tables_[c].levels.n_slots());
    }
  }

  OrdinalEncodeParams params_;
};

}  // namespace

TransformerInfo ordinal_encode_info() {
  return describe<OrdinalEncode>(
      "ordinal_encode", "Replace each level by its position in the order of levels.", "category",
      ParamTable<OrdinalEncodeParams>()
          .param("missing_value", &OrdinalEncodeParams::missing_value, "handle_missing value: the number.")
          .param("unknown_value", &OrdinalEncodeParams::unknown_value, "handle_unknown value: the number.")
          .param("handle_unknown", &OrdinalEncodeParams::handle_unknown,
                 "Levels that training did not have: as missing cells, the unknown_value, nan, or an error.",
                 choice({"missing", "value", "nan", "error"}))
          .param("handle_missing", &OrdinalEncodeParams::handle_missing,
                 "Missing cells: the missing_value, the last level, as an unknown level, nan, or an error.",
                 choice({"value", "level", "unknown", "nan", "error"})));
}

}  // namespace kolosal::transform
