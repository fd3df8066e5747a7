#include "kolosal/automl/trial.hpp"

#include <cmath>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/automl/curve_watch.hpp"
#include "kolosal/automl/memory_need.hpp"
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

/// Thread-seconds since it was made: of this thread, or of all threads for a fit that uses several.
class Stopwatch {
 public:
  explicit Stopwatch(const Context& context) : n_threads_(context.n_threads), start_(now()) {}
  double seconds() const { return (now() - start_) * static_cast<double>(n_threads_); }

 private:
  double now() const { return n_threads_ > 1 ? Clock::system().now_s() : thread_seconds(); }

  std::size_t n_threads_;
  double start_;
};

double learning_rate_of(const Candidate& candidate) {
  const auto found = candidate.params.find("learning_rate");
  return found == candidate.params.end() ? 0.1 : std::get<double>(found->second);
}

OpenFit begin_fit(const Candidate& candidate, std::size_t fold, FeatureStore& store,
                  const data::TargetView& y, const model::RowSplit& rows, const Context& context) {
  OpenFit out;
  out.features = store.features(candidate.view, fold, context);
  if (context.should_stop()) throw Error(ErrorCode::kBudget, "no time was left to fit");
  out.estimator =
      model::make_estimator(candidate.estimator, candidate.params, {y.quantiles.begin(), y.quantiles.end()});
  if (candidate.choices.change_table()) return out;  // chosen columns and resampled rows are this trial's own
  out.prepared = store.prepared(*out.estimator, candidate.view, fold, context);
  if (context.should_stop()) throw Error(ErrorCode::kBudget, "no time was left to fit");
  if (!candidate.choices.are_none()) return out;  // weighed classes
  const Stopwatch watch(context);
  out.rounds = out.estimator->begin({&out.features->frame, y}, out.prepared.get(), rows, context);
  out.seconds = watch.seconds();
  return out;
}

/// To the end, or until the curve can not come to the loss to reach: then true. To the end at once or in
/// pieces is the same fit.
bool advance(model::RoundwiseFit& fit, const Rivalry& rivalry, double learning_rate, const Context& context) {
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  const bool is_watched = std::isfinite(rivalry.loss_to_reach);
  CurveWatch watch(rivalry.loss_to_reach, learning_rate);
  while (fit.advance(is_watched ? CurveWatch::kRounds : kAll, context) && !fit.report().stopped_by_deadline)
    if (is_watched && watch.is_behind(rivalry.loss(fit.report().valid_prediction))) return true;
  return false;
}

/// What one row costs to predict, measured on a few hundred rows that are at hand.
double predict_seconds(const OpenFit& fit, std::size_t n_outputs, const Context& context) {
  const data::Frame& x = fit.features->frame;
  const auto sample = x.slice(0, std::min<std::size_t>(x.n_rows(), 500));
  std::vector<double> scratch(sample.n_rows() * n_outputs);
  const double start = thread_seconds();
  fit.estimator->predict(sample, scratch, context.single_threaded());
  return (thread_seconds() - start) / static_cast<double>(sample.n_rows());
}

FoldResult fit_on(const Candidate& candidate, std::size_t fold, FeatureStore& store,
                  const data::TargetView& y, const Rivalry& rivalry, const Context& context) {
  const model::RowSplit rows{store.train_rows(fold), store.valid_rows(fold)};
  std::optional<OpenFit> continued;
  if (candidate.continues && rivalry.paused) continued = rivalry.paused->take(*candidate.continues, fold);
  OpenFit fit = continued ? std::move(*continued) : begin_fit(candidate, fold, store, y, rows, context);

  const Stopwatch watch(context);
  pipeline::FitChoices choices = candidate.choices;
  choices.keeps_class_shares = true;  // blends are chosen by log loss
  std::vector<double> class_factors;
  FoldResult out;
  model::FitReport report;
  if (fit.rounds) {
    out.paused =
        advance(*fit.rounds, candidate.continues ? Rivalry() : rivalry, learning_rate_of(candidate), context);
    out.round_losses = fit.rounds->valid_losses();
    report = fit.rounds->finish();
    if (out.paused) report.note = fmt::format("paused after {} rounds", fit.rounds->n_rounds_done());
  } else if (choices.are_none()) {
    report = fit.estimator->fit({&fit.features->frame, y}, fit.prepared.get(), rows, context);
  } else {
    report = pipeline::fit_with_choices(*fit.estimator, choices, fit.features->frame, y, rows, context,
                                        class_factors, fit.prepared.get());
  }
  out.seconds = fit.seconds += watch.seconds();
  out.prediction = std::move(report.valid_prediction);
  out.n_rounds = report.n_rounds;
  out.cut_short = report.stopped_by_deadline;
  out.note = std::move(report.note);
  out.predict_s = predict_seconds(fit, y.n_outputs(), context);
  pipeline::Pipeline::save_parts(out.pipeline, candidate.estimator, candidate.params, *fit.features->per_fold,
                                 *fit.estimator, choices, class_factors);
  if (out.paused && rivalry.paused) {
    const std::size_t bytes =
        paused_bytes(candidate, fit.rounds->n_rounds_done(), fit.features->frame, y.n_outputs());
    rivalry.paused->keep(rivalry.trial, fold, std::move(fit), bytes,
                         rivalry.loss(out.prediction) / rivalry.loss_to_reach);
  }
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
  if (candidate.continues) out["continues"] = *candidate.continues;
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
  if (json.contains("continues")) out.continues = json.at("continues").get<std::size_t>();
  return out;
}

FoldResult run_fold(const Candidate& candidate, std::size_t fold, FeatureStore& store,
                    const data::TargetView& y, const Context& context, const Rivalry& rivalry) {
  return fit_on(candidate, fold, store, y, rivalry, context);
}

FoldResult run_refit(const Candidate& candidate, FeatureStore& store, const data::TargetView& y,
                     const Context& context) {
  return fit_on(candidate, FeatureStore::kAllRows, store, y, {}, context);
}

}  // namespace kolosal::automl
