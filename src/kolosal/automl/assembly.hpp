#pragma once

#include <deque>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <vector>

#include "kolosal/automl/events.hpp"
#include "kolosal/automl/options.hpp"
#include "kolosal/automl/problem.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/automl/search.hpp"
#include "kolosal/automl/stage.hpp"
#include "kolosal/automl/trial.hpp"
#include "kolosal/ensemble/greedy_selection.hpp"
#include "kolosal/metric/bootstrap.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::automl {

/// How much care a blend gets.
enum class BlendCare {
  kCheckpoint,  ///< Replaced soon: greedy selection; of the calibrations only a temperature, judged on the
                ///< rows it was fitted on.
  kFinal,       ///< Convex stacking is tried as well, and ensemble::choose_calibration().
};

/// Which trials make the model, and how it does on the validated rows.
struct Blend {
  std::vector<std::size_t> trials;  ///< indices into the results, by falling weight
  std::vector<double> weights;
  std::vector<double> prediction;  ///< of the validated rows, calibrated
  model::Calibrator calibrator;
  double threshold = 0.5;
  std::vector<double> decision_weights;  ///< more than two classes: ensemble::DecisionWeights; empty: none
  std::vector<double> decisions;  ///< what the metric sees in place of prediction; empty: prediction itself
  double loss = 0;
  double score = 0;
  BlendCare care = BlendCare::kCheckpoint;  ///< that it got
  pipeline::Conformal conformal;
  std::optional<metric::ScoreInterval> interval;                      ///< of score
  std::vector<std::optional<metric::ScoreInterval>> trial_intervals;  ///< of all results; empty: none
  std::optional<Distillation> distillation;                           ///< Of a distilled forest, with the
  std::optional<LeaderboardRow> teacher;  ///< blend that it learned from, if that had several members.
};

/// What a blend may have and cost. Members are expected to take a row the time, and a file the bytes, that
/// one of the fits of their trial took.
struct BlendLimits {
  std::size_t max_members = 5;
  double max_latency_us = std::numeric_limits<double>::infinity();
  double max_bytes = std::numeric_limits<double>::infinity();
  std::size_t n_folds = 1;  ///< fits of a trial
  BlendCare care = BlendCare::kCheckpoint;
};

/// What the members may have and cost: of a preset and the constraints. share: of the limits that they may be
/// expected to use; the rest is for what all models do.
BlendLimits limits_of_blend(const RunOptions& options, std::size_t n_folds, double share);

/// Chooses and weighs trials by greedy selection within the limits, or by convex stacking where that is
/// better on rows that its weights were not chosen on; then calibrates (classification), chooses the
/// threshold or the decision weights (classes, for a metric of labels) and gathers the conformal scores.
Blend choose_blend(const std::vector<TrialResult>& results, const ValidRows& valid,
                   const metric::Metric& metric, const BlendLimits& limits, const Context& context);

/// The blend of these trials with these weights, calibrated, decided and scored as choose_blend() does it.
Blend blend_of(const ensemble::WeightedMembers& members, const std::vector<TrialResult>& results,
               const ValidRows& valid, const metric::Metric& metric, BlendCare care, const Context& context);

/// The best that moves from the last blend and an earlier one (empty: none) come to in the metric, where the
/// loss does not tell of it (ensemble::metric_ascent): not for metrics of labels, whose thresholds are chosen
/// afterwards.
Blend raised(Blend last, const ensemble::WeightedMembers& earlier, const std::vector<TrialResult>& results,
             const ValidRows& valid, const metric::Metric& metric, std::size_t max_members,
             const Context& context);

/// Loss of a greedy selection that looks at no more than 2,000 of the rows: what the search gains for the
/// blend, told quickly.
double quick_blend_loss(std::span<const TrialResult> results, const ValidRows& valid, std::size_t max_members,
                        const Context& context);

/// What the metric sees of the blend.
std::span<const double> judged(const Blend& blend);

/// The 95 % interval of the score of a prediction; nothing after the context's deadline, or without a score.
std::optional<metric::ScoreInterval> score_interval(std::span<const double> prediction, double score,
                                                    const ValidRows& valid, const metric::Metric& metric,
                                                    const Context& context);

/// Adds 95 % intervals to the scores: of the blend, its members, and the other trials by falling score, until
/// the context's deadline.
void add_score_intervals(Blend& blend, const std::vector<TrialResult>& results, const ValidRows& valid,
                         const metric::Metric& metric, const Context& context);

/// The parts of a model that do not depend on which trials were chosen.
struct ModelFrame {
  const Problem* problem = nullptr;
  const transform::Recipe* base = nullptr;
  const std::vector<std::unique_ptr<Stage>>* stages = nullptr;  ///< by rung
};

/// Pipelines fitted after the search, by index into the results.
struct LateFits {
  std::map<std::size_t, artifact::Node> instead;               ///< on all rows, in place of the folds'
  std::map<std::size_t, std::vector<artifact::Node>> besides;  ///< on further folds
};

/// What a model calls a view: its shared steps were fitted on the rows of a rung.
std::string stage_view_name(const std::string& view, std::size_t rung);

/// A model about to be written. Its members stay where they are: in files of the run store, mapped, or among
/// what was refitted.
struct AssembledModel {
  pipeline::Model model;  ///< without members
  std::vector<pipeline::SavedMember> members;
  std::deque<artifact::Node> nodes;  ///< of the members that were not refitted

  void save(artifact::ContainerWriter& writer) const { model.save_with(members, writer); }
};

/// The chosen trials with the steps that they share. late: must outlive what is returned. one_fit: of trials
/// that were not refitted, the first fold's only.
AssembledModel assemble(const Blend& blend, const std::vector<TrialResult>& results, const ModelFrame& frame,
                        const RunStore& run_store, const LateFits& late, bool one_fit,
                        const Context& context);

/// A blend of more than one member as a line of the leaderboard that is not in the model.
LeaderboardRow teacher_row(const std::vector<TrialResult>& results, const Blend& blend,
                           const metric::Metric& metric);

/// Sorted by score, best first; the blend among them when it has more than one member, or when a forest was
/// distilled from it.
std::vector<LeaderboardRow> make_leaderboard(const std::vector<TrialResult>& results, const Blend& blend,
                                             const metric::Metric& metric);

}  // namespace kolosal::automl
