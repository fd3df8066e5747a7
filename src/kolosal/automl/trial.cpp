#include "kolosal/automl/trial.hpp"

#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"
#include "kolosal/model/quantile_learner.hpp"
#include "kolosal/pipeline/pipeline.hpp"

namespace kolosal::automl {
namespace {

/// Processor time of the calling thread, so that a busy machine does not make a learner look dear.
double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// By rounds where the learner has some: how each of them did is known then. To the end at once or in pieces
/// is the same fit.
model::FitReport fit_by_rounds(model::Estimator& estimator, const model::TrainingData& data,
                               const model::Prepared* prepared, const model::RowSplit& rows,
                               const Context& context, std::vector<double>& round_losses) {
  const auto fit = estimator.begin(data, prepared, rows, context);
  if (!fit) return estimator.fit(data, prepared, rows, context);
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  while (fit->advance(kAll, context) && !fit->report().stopped_by_deadline) {
  }
  round_losses = fit->valid_losses();
  return fit->finish();
}

FoldResult fit_on(const Candidate& candidate, std::size_t fold, FeatureStore& store,
                  const data::TargetView& y, const Context& context) {
  const auto features = store.features(candidate.view, fold, context);
  if (context.should_stop()) throw Error(ErrorCode::kBudget, "no time was left to fit");
  const auto estimator =
      model::make_estimator(candidate.estimator, candidate.params, {y.quantiles.begin(), y.quantiles.end()});
  // Chosen columns and resampled rows are this trial's own.
  const auto prepared =
      candidate.choices.change_table() ? nullptr : store.prepared(*estimator, candidate.view, fold, context);
  if (context.should_stop()) throw Error(ErrorCode::kBudget, "no time was left to fit");

  const double start = Clock::system().now_s();
  const double thread_start = thread_seconds();
  const model::RowSplit rows{store.train_rows(fold), store.valid_rows(fold)};
  pipeline::FitChoices choices = candidate.choices;
  choices.keeps_class_shares = true;  // blends are chosen by log loss
  std::vector<double> class_factors;
  FoldResult out;
  auto report = !choices.are_none() ? pipeline::fit_with_choices(*estimator, choices, features->frame, y,
                                                                 rows, context, class_factors, prepared.get())
                                    : fit_by_rounds(*estimator, {&features->frame, y}, prepared.get(), rows,
                                                    context, out.round_losses);
  out.seconds = context.n_threads > 1
                    ? (Clock::system().now_s() - start) * static_cast<double>(context.n_threads)
                    : thread_seconds() - thread_start;
  out.prediction = std::move(report.valid_prediction);
  out.n_rounds = report.n_rounds;
  out.cut_short = report.stopped_by_deadline;
  out.note = std::move(report.note);

  // What one row costs to predict, measured on a few hundred rows that are at hand.
  const auto sample = features->frame.slice(0, std::min<std::size_t>(features->frame.n_rows(), 500));
  std::vector<double> scratch(sample.n_rows() * y.n_outputs());
  const double predict_start = thread_seconds();
  estimator->predict(sample, scratch, context.single_threaded());
  out.predict_s = (thread_seconds() - predict_start) / static_cast<double>(sample.n_rows());

  pipeline::Pipeline::save_parts(out.pipeline, candidate.estimator, candidate.params, *features->per_fold,
                                 *estimator, choices, class_factors);
  return out;
}

}  // namespace

nlohmann::json to_json(const Candidate& candidate) {
  nlohmann::json out = {{"label", candidate.label},
                        {"estimator", candidate.estimator},
                        {"params", kolosal::to_json(candidate.params)},
                        {"view", candidate.view},
                        {"cost", candidate.cost}};
  for (const auto& [key, spec] :
       {std::pair{"selector", candidate.choices.selector}, {"resampler", candidate.choices.resampler}})
    if (spec) out[key] = {{"name", spec->name}, {"params", kolosal::to_json(spec->params)}};
  if (!candidate.choices.class_weight.empty()) out["class_weight"] = candidate.choices.class_weight;
  return out;
}

Candidate candidate_from_json(const nlohmann::json& json) {
  Candidate out{json.at("label").get<std::string>(), json.at("estimator").get<std::string>(),
                params_from_json(json.at("params")), json.at("view").get<std::string>(),
                json.at("cost").get<double>()};
  const auto spec_of = [&](const char* key) -> std::optional<pipeline::NamedSpec> {
    if (!json.contains(key)) return {};
    return pipeline::NamedSpec{json.at(key).at("name").get<std::string>(),
                               params_from_json(json.at(key).at("params"))};
  };
  out.choices = {spec_of("selector"), spec_of("resampler"), json.value("class_weight", "")};
  return out;
}

FoldResult run_fold(const Candidate& candidate, std::size_t fold, FeatureStore& store,
                    const data::TargetView& y, const Context& context) {
  return fit_on(candidate, fold, store, y, context);
}

FoldResult run_refit(const Candidate& candidate, FeatureStore& store, const data::TargetView& y,
                     const Context& context) {
  return fit_on(candidate, FeatureStore::kAllRows, store, y, context);
}

}  // namespace kolosal::automl
