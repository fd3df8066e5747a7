#include "kolosal/transform/level_values_internal.hpp"

#include "kolosal/transform/level_row_internal.hpp"

namespace kolosal::transform {

CodeView LevelValues::begin_column(const data::Frame& x, std::size_t c, std::span<const std::uint32_t> rows,
                                   std::vector<std::int64_t>& counts) {
  const Levels& levels = tables_[c].levels = Levels(x.column(c).dictionary());
  counts = count_slots(levels.codes(x.column(c)), rows, levels.n_slots());
  rules_.fit_counts(c, x.name(c), counts);
  return rules_.fit_codes(levels, x.column(c));
}

std::vector<Transformer::Named> LevelValues::encode(const data::Frame& x, const Context& context,
                                                    const Edit& edit) const {
  const std::size_t width = n_outputs();
  std::vector<Named> out(x.n_columns() * width);
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Table& table = tables_[c];
    const CodeView codes = table.levels.codes(x.column(c));
    rules_.check(c, x.name(c), codes, x.column(c));
    for (std::size_t k = 0; k < width; ++k) {
      std::vector<double> cells(codes.size());
      for (std::size_t i = 0; i < cells.size(); ++i)
        cells[i] = table.value[Levels::slot(codes[i]) * width + k];
      if (edit) edit(c, k, cells);
      out[c * width + k] = {output_name(x.name(c), suffix_, classes_, k),
                            data::Column::from_float64(std::move(cells))};
    }
  });
  return out;
}

std::unique_ptr<RowStep> LevelValues::row_step(const data::Frame& inputs) const {
  if (rules_.refuses()) return nullptr;
  std::vector<LevelNumbers> columns(inputs.n_columns());
  for (std::size_t c = 0; c < columns.size(); ++c)
    columns[c].add<double>(slots_in(tables_[c].levels, inputs.column(c)), tables_[c].value, n_outputs());
  return std::make_unique<LevelRow>(std::move(columns));
}

void LevelValues::do_finish_fit(const Context& context) {
  const TargetOutputs outputs = gathered_.outputs(max_classes_);
  classes_ = outputs.classes();
  tables_.assign(input_columns().size(), {});
  rules_.begin_fit(tables_.size());
  context.parallel_blocks(tables_.size(), 1, [&](std::size_t c, std::size_t) {
    TargetSums::OfColumn gathered = gathered_.of_column(c, outputs);
    gathered.fit_rules(c, input_columns()[c], rules_);
    tables_[c].value = values_of(gathered, outputs);
    rules_.apply(gathered.n_rows, outputs.size(), tables_[c].value);
    tables_[c].levels = std::move(gathered.levels);
  });
  gathered_ = {};
}

void LevelValues::do_save(artifact::Node& node) const {
  node.set_array("classes", classes_);
  rules_.save(node);
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    artifact::Node& child = node.add_child(fmt::format("column_{}", c));
    tables_[c].levels.save(child);
    child.set_array("value", tables_[c].value);
  }
}

void LevelValues::do_load(const artifact::Node& node) {
  classes_ = node.get_vector<std::int64_t>("classes");
  tables_.assign(input_columns().size(), {});
  rules_.load(node, tables_.size());
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    const artifact::Node& child = node.child(fmt::format("column_{}", c));
    tables_[c] = {Levels::load(child), child.get_vector<double>("value")};
    check_saved_size(step_, {tables_[c].value.size()}, tables_[c].levels.n_slots() * n_outputs());
  }
}

}  // namespace kolosal::transform
