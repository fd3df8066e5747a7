#include "kolosal/automl/events.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace kolosal::automl {
namespace {

/// JSON has no NaN and no infinity.
nlohmann::json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(nullptr);
}

}  // namespace

std::string_view event_name(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::kPhase:
      return "phase";
    case Event::Kind::kTrialStart:
      return "trial_start";
    case Event::Kind::kTrialEnd:
      return "trial_end";
    case Event::Kind::kTrialSkipped:
      return "trial_skipped";
    case Event::Kind::kCheckpoint:
      return "checkpoint";
    case Event::Kind::kNote:
      return "note";
    case Event::Kind::kTick:
      return "tick";
  }
  return "tick";
}

nlohmann::json to_json(const Event& event) {
  nlohmann::json out = {{"event", event_name(event.kind)},
                        {"phase", event.phase},
                        {"elapsed_s", number_or_null(event.elapsed_s)},
                        {"remaining_s", number_or_null(event.remaining_s)},
                        {"trials_done", event.n_trials_done},
                        {"best_score", number_or_null(event.best_score)}};
  if (event.n_trials_planned > 0) out["trials_planned"] = event.n_trials_planned;
  if (!event.metric.empty()) out["metric"] = event.metric;
  if (!event.message.empty()) out["message"] = event.message;
  if (!event.note.empty()) out["note"] = event.note;
  if (event.kind == Event::Kind::kTrialStart || event.kind == Event::Kind::kTrialEnd)
    out["trial"] = event.trial;
  if (event.kind == Event::Kind::kTrialEnd || event.kind == Event::Kind::kCheckpoint)
    out["score"] = number_or_null(event.score);
  return out;
}

nlohmann::json to_json(const LeaderboardRow& row) {
  return {{"rank", row.rank},
          {"trial", row.trial},
          {"model", row.model},
          {"estimator", row.estimator},
          {"score", number_or_null(row.score)},
          {"score_interval", interval_json(row.score_low, row.score_high)},
          {"score_deviation", number_or_null(row.score_deviation)},
          {"fit_s", number_or_null(row.fit_s)},
          {"predict_us_per_row", number_or_null(row.predict_us_per_row)},
          {"size_bytes", row.size_bytes},
          {"weight", row.weight},
          {"note", row.note}};
}

nlohmann::json to_json(const Distillation& distillation) {
  return {{"members", distillation.n_members},
          {"blend_score", number_or_null(distillation.blend_score)},
          {"forest_score", number_or_null(distillation.forest_score)},
          {"cost", number_or_null(distillation.cost)},
          {"blend_loss", number_or_null(distillation.blend_loss)},
          {"forest_loss", number_or_null(distillation.forest_loss)}};
}

Distillation distillation_from_json(const nlohmann::json& json) {
  const auto number = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN();
  };
  return {.n_members = json.value("members", std::size_t{0}),
          .blend_score = number("blend_score"),
          .forest_score = number("forest_score"),
          .cost = number("cost"),
          .blend_loss = number("blend_loss"),
          .forest_loss = number("forest_loss")};
}

nlohmann::json interval_json(double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high)) return nullptr;
  return nlohmann::json::array({low, high});
}

}  // namespace kolosal::automl
