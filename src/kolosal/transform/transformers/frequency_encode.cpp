#include <algorithm>
#include <cmath>
#include <numeric>

#include "kolosal/data/cell_buffer.hpp"
#include "kolosal/transform/counted_levels_internal.hpp"
#include "kolosal/transform/level_row_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct FrequencyEncodeParams {
  std::string method = "rank";
  std::string handle_unknown = "value";
  std::string handle_missing = "unknown";
};

struct FrequencyTable {
  Levels levels;
  std::vector<float> value;  // by slot
};

/// A level becomes a number that tells how frequent it is among the fitted rows.
///
///   rank: 0 is the most frequent level (ties: in the order of levels), so different levels stay different;
///   count: the number of fitted rows;  share: count / fitted rows;  log_count: log(1 + count).
///
/// Types:   category becomes float32.
/// Streams: exactly, in memory by the number of levels.
/// Unknown: levels not in the fitted rows get -1 (rank) or 0 (others), unless handle_unknown says otherwise.
/// Missing: as an unknown level, or counted like a level (handle_missing "level").
/// Source:  count, with handle_missing "level", agrees with CountEncoder of category_encoders.
class FrequencyEncode final : public CountedLevels<FrequencyTable> {
 public:
  explicit FrequencyEncode(FrequencyEncodeParams params)
      : CountedLevels("frequency_encode", {params.handle_unknown, params.handle_missing}),
        params_(std::move(params)) {}
  std::string made_types() const override { return "float32"; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override {
    if (rules_.refuses()) return nullptr;
    std::vector<LevelNumbers> columns(inputs.n_columns());
    for (std::size_t c = 0; c < columns.size(); ++c)
      columns[c].add<float>(slots_in(tables_[c].levels, inputs.column(c)), tables_[c].value, 1);
    return std::make_unique<LevelRow>(std::move(columns));
  }

 private:
  FrequencyTable table_of(Levels levels, const std::vector<std::int64_t>& counts) const override {
    auto order = codes_in_level_order(levels.dictionary());
    if (rules_.missing_is_level()) order.push_back(data::kMissingCode);
    const auto n_rows = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    auto value = values_of(counts, std::move(order), static_cast<std::size_t>(n_rows));
    rules_.apply(counts, 1, value);
    return {std::move(levels), std::move(value)};
  }

  std::vector<float> values_of(const std::vector<std::int64_t>& counts, std::vector<std::int32_t> order,
                               std::size_t n_rows) const {
    const bool rank = params_.method == "rank";
    std::vector<float> value(counts.size(), rank ? -1.0F : 0.0F);
    if (rank) {
      std::ranges::stable_sort(order, std::ranges::greater{},
                               [&](std::int32_t code) { return counts[Levels::slot(code)]; });
      for (std::size_t i = 0; i < order.size() && counts[Levels::slot(order[i])] > 0; ++i)
        value[Levels::slot(order[i])] = static_cast<float>(i);
      return value;
    }
    for (const std::int32_t code : order) {
      const auto count = static_cast<double>(counts[Levels::slot(code)]);
      if (params_.method == "count")
        value[Levels::slot(code)] = static_cast<float>(count);
      else if (params_.method == "share")
        value[Levels::slot(code)] =
            n_rows == 0 ? 0.0F : static_cast<float>(count / static_cast<double>(n_rows));
      else
        value[Levels::slot(code)] = static_cast<float>(std::log1p(count));
    }
    return value;
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
      check_saved_size("frequency_encode", {tables_[c].value.size()}, tables_[c].levels.n_slots());
    }
  }

  FrequencyEncodeParams params_;
};

}  // namespace

TransformerInfo frequency_encode_info() {
  return describe<FrequencyEncode>(
      "frequency_encode", "Replace each level by its rank or count among the training rows.", "category",
      ParamTable<FrequencyEncodeParams>()
          .param("method", &FrequencyEncodeParams::method,
                 "rank (0 = most frequent), count, share or log_count.",
                 choice({"rank", "count", "share", "log_count"}))
          .param("handle_unknown", &FrequencyEncodeParams::handle_unknown,
                 "Levels that training did not have: -1 or 0 (value), as missing cells, nan, or an error.",
                 choice({"value", "missing", "nan", "error"}))
          .param("handle_missing", &FrequencyEncodeParams::handle_missing,
                 "Missing cells: as an unknown level, counted as a level, nan, or an error.",
                 choice({"unknown", "level", "nan", "error"})));
}

}  // namespace kolosal::transform
