#include <algorithm>
#include <bit>
#include <cmath>

#include "kolosal/transform/counted_levels_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct BinaryEncodeParams {
  std::string handle_unknown = "value";
  std::string handle_missing = "level";
};

struct BinaryTable {
  Levels levels;
  std::vector<double> number;  // by slot; NaN where a rule says so
  int n_digits() const {
    std::uint32_t most = 0;
    for (const double n : number)
      if (!std::isnan(n)) most = std::max(most, static_cast<std::uint32_t>(n));
    return std::max(1, static_cast<int>(std::bit_width(most)));
  }
};

/// A level becomes the binary digits of its number, one 0/1 column <name>_0, <name>_1, ... per digit,
/// the most significant first: 5,000 levels take 13 columns.
///
/// Numbers: 1, 2, ... for the levels of the fitted rows in level order (by number when all are numbers,
///          else by bytes); a missing cell is the last one when it is a level and the fitted rows have
///          one.
/// Types:   category becomes float32.
/// Unknown: all digits are 0 for a level that the fitted rows do not have, unless handle_unknown says
///          otherwise.
/// Missing: a level of its own, unless handle_missing says otherwise; all digits 0 when the fitted rows have
///          none.
/// Streams: exactly, in memory by the number of levels.
/// Source:  the digits of BinaryEncoder of category_encoders, which numbers levels by their first row.
class BinaryEncode final : public CountedLevels<BinaryTable> {
 public:
  explicit BinaryEncode(const BinaryEncodeParams& params)
      : CountedLevels("binary_encode", {params.handle_unknown, params.handle_missing}) {}
  std::string made_types() const override { return "float32"; }

 private:
  static constexpr double kMostLevels = 2147483647;
  BinaryTable table_of(Levels levels, const std::vector<std::int64_t>& counts) const override {
    BinaryTable out{std::move(levels), std::vector<double>(counts.size())};
    double last = 0;
    for (const std::int32_t code : codes_in_level_order(out.levels.dictionary()))
      if (counts[Levels::slot(code)] > 0) out.number[Levels::slot(code)] = ++last;
    const std::size_t missing = Levels::slot(data::kMissingCode);
    if (rules_.missing_is_level() && counts[missing] > 0) out.number[missing] = ++last;
    rules_.apply(counts, 1, out.number);
    return out;
  }

  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override {
    std::vector<std::vector<Named>> parts(x.n_columns());
    context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
      const BinaryTable& table = tables_[c];
      const CodeView codes = table.levels.codes(x.column(c));
      rules_.check(c, x.name(c), codes, x.column(c));
      const int n_digits = table.n_digits();
      for (int digit = 0; digit < n_digits; ++digit) {
        const int shift = n_digits - 1 - digit;
        std::vector<float> of_slot;
        for (const double n : table.number)
          of_slot.push_back(std::isnan(n)
                                ? static_cast<float>(n)
                                : static_cast<float>((static_cast<std::uint32_t>(n) >> shift) & 1U));
        std::vector<float> cells(codes.size());
        for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = of_slot[Levels::slot(codes[i])];
        parts[c].push_back({fmt::format("{}_{}", x.name(c), digit), Column::from_float32(std::move(cells))});
      }
    });
    std::vector<Named> out;
    for (auto& part : parts) std::ranges::move(part, std::back_inserter(out));
    return out;
  }

  void do_save(artifact::Node& node) const override {
    rules_.save(node);
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      artifact::Node& child = node.add_child(fmt::format("column_{}", c));
      tables_[c].levels.save(child);
      child.set_array("number", tables_[c].number);
    }
  }

  void do_load(const artifact::Node& node) override {
    tables_.assign(input_columns().size(), {});
    rules_.load(node, tables_.size());
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      const artifact::Node& child = node.child(fmt::format("column_{}", c));
      tables_[c] = {Levels::load(child), child.get_vector<double>("number")};
      check_saved_size("binary_encode", {tables_[c].number.size()}, tables_[c].levels.n_slots());
      if (std::ranges::any_of(tables_[c].number, [](double n) { return n < 0 || n > kMostLevels; }))
        throw Error(ErrorCode::kModel, "the saved state of step binary_encode is damaged: a level's number");
    }
  }
};

}  // namespace

TransformerInfo binary_encode_info() {
  return describe<BinaryEncode>(
      "binary_encode", "Replace each category by the binary digits of its level's number.", "category",
      ParamTable<BinaryEncodeParams>()
          .param(
              "handle_unknown", &BinaryEncodeParams::handle_unknown,
              "Levels that training did not have: all digits 0 (value), as missing cells, nan, or an error.",
              choice({"value", "missing", "nan", "error"}))
          .param("handle_missing", &BinaryEncodeParams::handle_missing,
                 "Missing cells: a level of their own, as an unknown level, nan, or an error.",
                 choice({"level", "unknown", "nan", "error"})));
}

}  // namespace kolosal::transform
