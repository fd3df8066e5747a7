#pragma once

#include <functional>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/automl/feature_store.hpp"
#include "kolosal/automl/paused_fits.hpp"
#include "kolosal/automl/portfolio.hpp"

namespace kolosal::automl {

/// What one fold of a trial gave.
struct FoldResult {
  std::vector<double> prediction;  ///< for the fold's validation rows, n x n_outputs
  std::size_t n_rounds = 0;
  double seconds = 0;      ///< of one thread
  double predict_s = 0;    ///< to predict the validation rows once more, through the packed form
  bool cut_short = false;  ///< by the deadline
  bool paused = false;     ///< its curve ended above the loss to reach
  std::string note;
  std::vector<double> round_losses;  ///< on the validation rows, of each round; empty for other learners
  artifact::Node pipeline;           ///< as Pipeline::save() writes it; empty once it is in the run store
  std::size_t size_bytes = 0;        ///< there
};

/// A trial that ended: everything the leaderboard, the ensemble and a resumed run need, but not the models.
struct TrialResult {
  std::size_t number = 0;
  std::size_t rung = 0;  ///< of successive halving: which share of the rows it saw
  Candidate candidate;
  std::vector<double> prediction;  ///< for the validated rows of the run, n_valid x n_outputs
  double loss = 0;                 ///< training_loss of prediction
  double score = 0;                ///< the run's metric of prediction
  double score_deviation = 0;      ///< over the folds; NaN with one
  std::vector<double> fold_scores;
  double seconds = 0;             ///< thread-seconds of all folds
  double predict_us_per_row = 0;  ///< of all its pipelines together
  std::size_t size_bytes = 0;
  double mean_rounds = 0;
  bool cut_short = false;
  bool paused = false;  ///< in some fold; a candidate that continues it goes on
  std::string note;
};

/// What a booster has to reach, and where it goes when it can not.
struct Rivalry {
  std::size_t trial = 0;
  double loss_to_reach = std::numeric_limits<double>::infinity();  ///< on the fold's validation rows
  std::function<double(std::span<const double> prediction)>
      loss;  ///< of these; used when there is one to reach
  PausedFits* paused = nullptr;
};

nlohmann::json to_json(const Candidate& candidate);
Candidate candidate_from_json(const nlohmann::json& json);

/// Fits one candidate on one fold. A booster whose curve can not come to the loss to reach is paused
/// (CurveWatch) and keeps the rounds it has; a candidate that continues one runs to its end, with the same
/// result as if it had never been paused. @throws Error, of the learner or the steps.
FoldResult run_fold(const Candidate& candidate, std::size_t fold, FeatureStore& store,
                    const data::TargetView& y, const Context& context, const Rivalry& rivalry = {});

/// Fits on all rows, without early stopping.
FoldResult run_refit(const Candidate& candidate, FeatureStore& store, const data::TargetView& y,
                     const Context& context);

}  // namespace kolosal::automl
