#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kolosal/transform/recipe.hpp"
#include "kolosal/transform/row_step.hpp"

namespace kolosal::transform {

/// The columns of a frame as slots of a row.
struct RowColumns {
  data::Frame header;                ///< names, types and dictionaries; no rows
  std::vector<std::uint32_t> slots;  ///< by column
};

/// Fitted recipes, compiled for one row at a time: no frame is made, and a column that a step does not touch
/// stays in its slot. Steps without a row_step() get a frame of one row.
///
/// The recipes must outlive the plan. Drift is not counted.
/// Threads: run() is const and safe from many threads, each with cells and an arena of its own.
class RowPlan {
 public:
  /// A plan that begins with the columns of a frame.
  explicit RowPlan(const data::Frame& frame);
  const RowColumns& inputs() const { return inputs_; }

  /// Adds the steps of a recipe behind the columns that it reads: those of inputs(), or of an earlier
  /// append(). Returns what it makes.
  RowColumns append(const Recipe& recipe, const RowColumns& from);

  std::size_t n_slots() const { return n_slots_; }
  /// Steps that get a frame of one row.
  std::size_t n_frame_steps() const { return n_frame_steps_; }
  /// cells: by slot, n_slots() of them; those of inputs() are given, the others are computed.
  void run(std::span<RowCell> cells, RowArena& arena) const;

 private:
  struct Step {
    std::unique_ptr<const RowStep> row_step;
    std::vector<std::uint32_t> inputs;  // slots
    std::uint32_t first_made = 0;       // slots first_made ... first_made + n_made - 1
    std::uint32_t n_made = 0;
  };
  RowColumns append_step(const Transformer& step, const RowColumns& from);

  RowColumns inputs_;
  std::vector<Step> steps_;
  std::size_t n_slots_ = 0;
  std::size_t most_inputs_ = 0;
  std::size_t n_frame_steps_ = 0;
};

}  // namespace kolosal::transform
