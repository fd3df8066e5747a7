#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/automl/assembly.hpp"
#include "kolosal/automl/options.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/automl/stage.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::automl {

/// A blend that is to be learned from. It is asked fold by fold, so that what it says for the student of a
/// fold comes from models that did not see the rows which that student is judged on.
class Teacher {
 public:
  /// Loads the members' pipelines from the run store. The stages must outlive this.
  Teacher(Blend blend, const std::vector<TrialResult>& results,
          const std::vector<std::unique_ptr<Stage>>& stages, const RunStore& run_store,
          const Context& context);

  const Blend& blend() const { return blend_; }
  /// What the pipelines that were fitted without the fold's validation rows say of any rows of the base,
  /// n_rows x n_outputs, before calibration.
  std::vector<double> predict(const data::Frame& base_rows, std::size_t fold, const Context& context) const;
  /// Of one thread and one fold, about, as the search has measured its learners.
  double seconds_per_row() const { return seconds_per_row_; }

 private:
  struct Voice {
    double weight;
    std::shared_ptr<const transform::Recipe> view;  ///< its shared steps
    std::vector<pipeline::Pipeline> pipelines;      ///< by fold
  };

  Blend blend_;
  std::size_t n_outputs_;
  double seconds_per_row_ = 0;
  std::vector<Voice> voices_;
};

/// One boosted forest that has learned what a blend predicts.
struct DistilledForest {
  TrialResult student;    ///< Its predictions of validation rows are of forests that saw nothing of them.
  Blend blend;            ///< Of the student alone, calibrated; blend.trials is {0}.
  artifact::Node forest;  ///< The pipeline fitted on all rows, as Pipeline::save() writes it.
};

struct DistillationLimits {
  std::size_t n_threads_per_fit = 1;
  std::size_t memory_bytes = std::numeric_limits<std::size_t>::max();  ///< for all fits that run side by side
};

/// @throws Error kInvalidParameter for what can not be distilled: several quantiles, a single model.
void check_distillation(const RunOptions& options);

/// The rung that distill() is to work on: the highest on which a booster was fitted; the last without one.
const Stage& distillation_stage(const std::vector<std::unique_ptr<Stage>>& stages,
                                const std::vector<TrialResult>& results);

/// Fits the best booster of the rung, and one with larger trees if the time allows, on what the blend
/// predicts; the one of smaller loss is kept and fitted once more on all rows of the rung, with as many
/// rounds.
///
/// The student of a fold sees the fold's training rows, and rows made of them, with what the members'
/// pipelines of the same fold say of them; it stops by what those say of the validation rows. So neither
/// targets nor models of the rows on which it is judged have a part in it, and its score is one on new rows.
/// The last student learns from all folds' pipelines together. A hold-out is one fold; folds that are dealt
/// again are folds of their own.
///
/// Rows for which a third of the time is not enough keep their true target. Classes are learned as
/// probabilities: a row stands there once for each likely class, weighed by it.
///
/// Same seed and blend, same bytes, for any number of threads; the clock counts only through the deadline.
/// Empty: the rung has no booster, memory is short, or the deadline came; why() tells.
std::optional<DistilledForest> distill(const Stage& stage, const Teacher& teacher,
                                       const std::vector<TrialResult>& results, const metric::Metric& metric,
                                       const DistillationLimits& limits, const Context& context,
                                       const std::function<void(std::string)>& why);

/// What the forest costs, in one sentence.
std::string describe(const Distillation& distillation, const std::string& metric);

}  // namespace kolosal::automl
