#include "kolosal/transform/row_plan.hpp"

#include <algorithm>
#include <numeric>

namespace kolosal::transform {
namespace {

/// Any step, by a frame of one row.
class FrameStep final : public RowStep {
 public:
  FrameStep(const Transformer& step, data::Frame inputs)
      : step_(step), inputs_(std::move(inputs)), n_kept_(step.keeps_inputs() ? inputs_.n_columns() : 0) {}

  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const override {
    const data::Frame& made = arena.keep(step_.transform(data::frame_of_cells(inputs_, in), Context()));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = data::cell_of(made.column(n_kept_ + i), 0, arena);
  }

 private:
  const Transformer& step_;
  data::Frame inputs_;
  std::size_t n_kept_;
};

}  // namespace

RowPlan::RowPlan(const data::Frame& frame) : n_slots_(frame.n_columns()) {
  inputs_.header = frame.slice(0, 0);
  inputs_.slots.resize(frame.n_columns());
  std::iota(inputs_.slots.begin(), inputs_.slots.end(), 0U);
}

RowColumns RowPlan::append(const Recipe& recipe, const RowColumns& from) {
  RowColumns out = from;
  for (std::size_t i = 0; i < recipe.steps().size(); ++i)
    if (const Transformer* step = recipe.fitted_step(i)) out = append_step(*step, out);
  return out;
}

RowColumns RowPlan::append_step(const Transformer& step, const RowColumns& from) {
  RowColumns out{step.transform(from.header, Context()), {}};
  const auto& names = step.input_columns();
  for (std::size_t c = 0; c < from.header.n_columns(); ++c)
    if (step.keeps_inputs() || std::ranges::find(names, from.header.name(c)) == names.end())
      out.slots.push_back(from.slots[c]);

  Step compiled;
  for (const std::string& name : names) {
    std::size_t c = 0;
    while (from.header.name(c) != name) ++c;
    compiled.inputs.push_back(from.slots[c]);
  }
  const auto kept = step.kept_columns();
  if (std::ranges::any_of(kept, [](std::uint8_t flag) { return flag != 0; })) {  // else: a column of zeros
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (kept[i]) out.slots.push_back(compiled.inputs[i]);
    return out;
  }
  data::Frame inputs = from.header.select(names);
  compiled.row_step = step.row_step(inputs);
  if (!compiled.row_step) {
    compiled.row_step = std::make_unique<FrameStep>(step, std::move(inputs));
    ++n_frame_steps_;
  }
  compiled.first_made = static_cast<std::uint32_t>(n_slots_);
  compiled.n_made = static_cast<std::uint32_t>(out.header.n_columns() - out.slots.size());
  for (std::uint32_t i = 0; i < compiled.n_made; ++i) out.slots.push_back(compiled.first_made + i);
  n_slots_ += compiled.n_made;
  most_inputs_ = std::max(most_inputs_, compiled.inputs.size());
  steps_.push_back(std::move(compiled));
  return out;
}

void RowPlan::run(std::span<RowCell> cells, RowArena& arena) const {
  const auto in = arena.take<RowCell>(most_inputs_);
  for (const Step& step : steps_) {
    for (std::size_t i = 0; i < step.inputs.size(); ++i) in[i] = cells[step.inputs[i]];
    const auto made = cells.subspan(step.first_made, step.n_made);
    std::ranges::fill(made, RowCell());  // "no_feature" is made by no step: it is zero
    step.row_step->apply(in.first(step.inputs.size()), made, arena);
  }
}

}  // namespace kolosal::transform
