#include "kolosal/automl/trial.hpp"

#include <ctime>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"
#include "kolosal/pipeline/pipeline.hpp"

namespace kolosal::automl {
namespace {

/// Processor time of the calling thread, so that a busy machine does not make a learner look dear.
double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void save_pipeline(artifact::Node& node, const Candidate& candidate, const transform::Recipe& recipe,
                   const model::Estimator& estimator) {
  pipeline::Pipeline::save_parts(node, candidate.estimator, candidate.params, recipe, estimator);
}

FoldResult fit_on(const Candidate& candidate, std::size_t fold, FeatureStore& store,
                  const data::TargetView& y, const Context& context) {
  const auto features = store.features(candidate.view, fold, context);
  if (context.should_stop()) throw Error(ErrorCode::kBudget, "no time was left to fit");
  const auto estimator = model::make_estimator(candidate.estimator, candidate.params);
  const auto prepared = store.prepared(*estimator, candidate.view, fold, context);
  if (context.should_stop()) throw Error(ErrorCode::kBudget, "no time was left to fit");

  const double start = Clock::system().now_s();
  const double thread_start = thread_seconds();
  const model::TrainingData training{&features->frame, y};
  auto report =
      estimator->fit(training, prepared.get(), {store.train_rows(fold), store.valid_rows(fold)}, context);
  FoldResult out;
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

  save_pipeline(out.pipeline, candidate, *features->per_fold, *estimator);
  return out;
}

}  // namespace

nlohmann::json to_json(const Candidate& candidate) {
  return {{"label", candidate.label},
          {"estimator", candidate.estimator},
          {"params", kolosal::to_json(candidate.params)},
          {"view", candidate.view},
          {"cost", candidate.cost}};
}

Candidate candidate_from_json(const nlohmann::json& json) {
  return {json.at("label").get<std::string>(), json.at("estimator").get<std::string>(),
          params_from_json(json.at("params")), json.at("view").get<std::string>(),
          json.at("cost").get<double>()};
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
