#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/automl/assembly.hpp"
#include "kolosal/automl/stage.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/core/context.hpp"

namespace kolosal::automl {

/// Fits the members of a blend once more, on all rows: their rounds grow with the rows.
class Refit {
 public:
  /// n_rows: of the whole table. is_wished: also where few rows are gained, as when no member may be the mean
  /// of its folds. The stage must outlive this.
  Refit(const Stage& stage, std::size_t n_rows, std::size_t n_threads_per_fit, bool is_wished);

  /// Hold-outs of more than 8 % of the rows, and where it is wished.
  bool is_worth_it() const;
  /// Seconds that it will take for these members, on n_threads; 0 when it is not worth it.
  double expected_s(const std::vector<TrialResult>& members, std::size_t n_threads) const;

  /// By index into the results. What can not end in time, or fails, is left out; note() tells of failures.
  /// context: with the deadline of the refit and the seed of the run.
  std::map<std::size_t, artifact::Node> run(const Blend& blend, const std::vector<TrialResult>& results,
                                            const Context& context,
                                            const std::function<void(std::string)>& note) const;

 private:
  double growth() const;
  double n_folds() const { return static_cast<double>(stage_.splits.size()); }

  const Stage& stage_;
  std::size_t n_rows_;
  std::size_t n_threads_per_fit_;
  bool is_wished_;
};

}  // namespace kolosal::automl
