#include <cmath>
#include <limits>

#include "kolosal/transform/columns_internal.hpp"
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
/// Source:  agrees with scikit-learn's OrdinalEncoder(handle_unknown="use_encoded_value").
class OrdinalEncode final : public Transformer {
 public:
  explicit OrdinalEncode(OrdinalEncodeParams params) : params_(params) {}

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
      Table& table = tables_[c];
      table.levels = Levels(x.column(c).dictionary());
      const auto counts = count_slots(table.levels.codes(x.column(c)), rows, table.levels.n_slots());
      table.value.assign(counts.size(), static_cast<float>(params_.missing_value));
      float next = 0;
      for (const std::int32_t code : codes_in_level_order(table.levels.dictionary()))
        if (counts[Levels::slot(code)] > 0) table.value[Levels::slot(code)] = next++;
    });
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<Named> out(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const CodeView codes = tables_[c].levels.codes(x.column(c));
      std::vector<float> cells(codes.size());
      for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = tables_[c].value[Levels::slot(codes[i])];
      out[c] = {x.name(c), Column::from_float32(std::move(cells))};
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
