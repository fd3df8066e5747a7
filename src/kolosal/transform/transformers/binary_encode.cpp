#include <algorithm>
#include <bit>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct BinaryEncodeParams {
  bool missing_level = true;
};

/// A level becomes the binary digits of its number, one 0/1 column <name>_0, <name>_1, ... per digit,
/// the most significant first: 5,000 levels take 13 columns.
///
/// Numbers: 1, 2, ... for the levels of the fitted rows in level order (by number when all are numbers,
///          else by bytes); a missing cell is the last one when missing_level is on and the fitted rows
///          have one.
/// Types:   category becomes float32.
/// Missing: all digits 0 where they are no level, and so are levels that the fitted rows do not have.
/// Source:  the digits of BinaryEncoder of category_encoders, which numbers levels by their first row.
class BinaryEncode final : public Transformer {
 public:
  explicit BinaryEncode(BinaryEncodeParams params) : params_(params) {}

 private:
  struct Table {
    Levels levels;
    std::vector<std::int32_t> number;  // by slot
    int n_digits() const {
      const auto most = number.empty() ? 0 : *std::ranges::max_element(number);
      return std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint32_t>(most))));
    }
  };

  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
              const Context& context) override {
    require_types(x, "binary_encode", "category");
    tables_.assign(x.n_columns(), {});
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      Table& table = tables_[c];
      table.levels = Levels(x.column(c).dictionary());
      const auto counts = count_slots(table.levels.codes(x.column(c)), rows, table.levels.n_slots());
      table.number.assign(counts.size(), 0);
      std::int32_t last = 0;
      for (const std::int32_t code : codes_in_level_order(table.levels.dictionary()))
        if (counts[Levels::slot(code)] > 0) table.number[Levels::slot(code)] = ++last;
      const std::size_t missing = Levels::slot(data::kMissingCode);
      if (params_.missing_level && counts[missing] > 0) table.number[missing] = ++last;
    });
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<std::vector<Named>> parts(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const Table& table = tables_[c];
      const CodeView codes = table.levels.codes(x.column(c));
      const int n_digits = table.n_digits();
      for (int digit = 0; digit < n_digits; ++digit) {
        const int shift = n_digits - 1 - digit;
        std::vector<float> cells(codes.size());
        for (std::size_t i = 0; i < cells.size(); ++i)
          cells[i] = static_cast<float>((table.number[Levels::slot(codes[i])] >> shift) & 1);
        parts[c].push_back({fmt::format("{}_{}", x.name(c), digit), Column::from_float32(std::move(cells))});
      }
    });
    std::vector<Named> out;
    for (auto& part : parts) std::ranges::move(part, std::back_inserter(out));
    return out;
  }

  void do_save(artifact::Node& node) const override {
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      artifact::Node& child = node.add_child(fmt::format("column_{}", c));
      tables_[c].levels.save(child);
      child.set_array("number", tables_[c].number);
    }
  }

  void do_load(const artifact::Node& node) override {
    tables_.assign(input_columns().size(), {});
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      const artifact::Node& child = node.child(fmt::format("column_{}", c));
      tables_[c] = {Levels::load(child), child.get_vector<std::int32_t>("number")};
      check_saved_size("binary_encode", {tables_[c].number.size()}, tables_[c].levels.n_slots());
      if (std::ranges::any_of(tables_[c].number, [](std::int32_t n) { return n < 0; }))
        throw Error(ErrorCode::kModel, "the saved state of step binary_encode is damaged: a negative number");
    }
  }

  BinaryEncodeParams params_;
  std::vector<Table> tables_;
};

}  // namespace

TransformerInfo binary_encode_info() {
  return describe<BinaryEncode>(
      "binary_encode", "Replace each category by the binary digits of its level's number.", "category",
      ParamTable<BinaryEncodeParams>().param("missing_level", &BinaryEncodeParams::missing_level,
                                             "A missing cell is a level of its own; off: all digits are 0."));
}

}  // namespace kolosal::transform
