#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kolosal/data/row_cell.hpp"
#include "kolosal/infer/forest/packed_forest.hpp"
#include "kolosal/pipeline/model.hpp"
#include "kolosal/transform/row_plan.hpp"

namespace kolosal::infer {

/// What a thread keeps from row to row.
struct RowScratch {
  data::RowArena arena;  ///< cleared by begin_row()
  std::vector<data::RowCell> cells;
  std::vector<data::RowCell> features;
  std::vector<double> numbers, parts;
  ForestScratch forest;
  bool is_backwards = false;  ///< the order of the learners in the last row
};

/// One learner of a model, for one row. Threads: const use is safe from many threads.
class RowLearner {
 public:
  virtual ~RowLearner() = default;
  /// features: cells of the learner's columns. out: as Estimator::predict() writes a row.
  virtual void predict(std::span<const data::RowCell> features, std::span<double> out,
                       RowScratch& scratch) const = 0;
};

/// A model compiled for one row at a time: no frames, and no allocation once a thread's scratch is warm.
/// Forests and learners with a row_evaluator() have a path of their own; the others, and steps without a
/// row_step(), get frames of one row. The result is that of Model::predict(), to the byte. Drift is not
/// counted.
///
/// The model and its evaluators must outlive it. Threads: const use is safe from many threads, each with its
/// own scratch.
class RowPredictor {
 public:
  RowPredictor(const pipeline::Model& model, const pipeline::Evaluators& evaluators);

  /// The fields of a row, in order: the features of the model's schema.
  const std::vector<data::Field>& fields() const { return fields_; }
  /// Steps and learners that get frames of one row.
  std::size_t n_frame_parts() const { return plan_->n_frame_steps() + n_frame_learners_; }

  /// Cells for a new row, to be written by field. What they point to must live until predict() returns.
  std::span<data::RowCell> begin_row(RowScratch& scratch) const;
  /// out: model.n_outputs() numbers.
  void predict(std::span<double> out, RowScratch& scratch) const;

 private:
  struct Voice {
    double weight;
    std::span<const double> class_factors;
    std::vector<std::uint32_t> slots;  // of the learner's columns
    std::unique_ptr<const RowLearner> learner;
  };
  Voice make_voice(const pipeline::Pipeline& pipeline, const transform::RowColumns& view,
                   const pipeline::Evaluators& evaluators);

  const pipeline::Model& model_;
  std::vector<data::Field> fields_;
  std::unique_ptr<transform::RowPlan> plan_;
  std::vector<Voice> voices_;
  std::size_t n_frame_learners_ = 0;
};

}  // namespace kolosal::infer
