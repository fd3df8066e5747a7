#include "kolosal/transform/level_values_internal.hpp"

namespace kolosal::transform {

std::vector<Transformer::Named> LevelValues::encode(const data::Frame& x, const Context& context,
                                                    const Edit& edit) const {
  const std::size_t width = n_outputs();
  std::vector<Named> out(x.n_columns() * width);
  context.parallel_blocks(x.n_columns(), 1, [&](std::size_t c, std::size_t) {
    const Table& table = tables_[c];
    const CodeView codes = table.levels.codes(x.column(c));
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

void LevelValues::do_save(artifact::Node& node) const {
  node.set_array("classes", classes_);
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    artifact::Node& child = node.add_child(fmt::format("column_{}", c));
    tables_[c].levels.save(child);
    child.set_array("value", tables_[c].value);
  }
}

void LevelValues::do_load(const artifact::Node& node) {
  classes_ = node.get_vector<std::int64_t>("classes");
  tables_.assign(input_columns().size(), {});
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    const artifact::Node& child = node.child(fmt::format("column_{}", c));
    tables_[c] = {Levels::load(child), child.get_vector<double>("value")};
    check_saved_size(step_, {tables_[c].value.size()}, tables_[c].levels.n_slots() * n_outputs());
  }
}

}  // namespace kolosal::transform
