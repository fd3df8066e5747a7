#include "kolosal/service/model_summary.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/core/param.hpp"
#include "kolosal/pipeline/kept_rows.hpp"

namespace kolosal::service {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double number_or_nan(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : kNaN;
}

/// "score_interval": [low, high] or null.
void read_interval(const nlohmann::json& object, double& low, double& high) {
  const auto found = object.find("score_interval");
  if (found == object.end() || !found->is_array() || found->size() != 2) return;
  low = found->at(0).get<double>();
  high = found->at(1).get<double>();
}

automl::LeaderboardRow row_from_json(const nlohmann::json& json) {
  automl::LeaderboardRow out;
  out.rank = json.value("rank", std::size_t{0});
  out.trial = json.value("trial", std::size_t{0});
  out.model = json.value("model", "");
  out.estimator = json.value("estimator", "");
  out.score = number_or_nan(json, "score");
  read_interval(json, out.score_low, out.score_high);
  out.score_deviation = number_or_nan(json, "score_deviation");
  out.fit_s = number_or_nan(json, "fit_s");
  out.predict_us_per_row = number_or_nan(json, "predict_us_per_row");
  out.size_bytes = json.value("size_bytes", std::size_t{0});
  out.weight = json.value("weight", 0.0);
  out.note = json.value("note", "");
  return out;
}

nlohmann::json describe_member(const pipeline::Member& member) {
  const pipeline::Pipeline& first = member.pipelines.front();
  return {{"name", member.name},
          {"weight", member.weight},
          {"estimator", first.estimator_name()},
          {"params", to_json(first.params())},
          {"fitted_models", member.pipelines.size()},
          {"view", member.view},
          {"steps", first.recipe().to_json()}};
}

/// How many rows intervals and sets rest on, and for numbers how wide half an interval is.
nlohmann::json describe_conformal(const pipeline::Model& model) {
  nlohmann::json out = {{"rows", model.conformal.n_rows()}};
  if (model.task != data::Task::kRegression) return out;
  if (model.is_log_target) out["of"] = "log(1 + value)";
  for (const double level : {0.5, 0.8, 0.9, 0.95})
    if (std::ceil(static_cast<double>(model.conformal.n_rows() + 1) * level) <=
        static_cast<double>(model.conformal.n_rows()))
      out["half_widths"][fmt::format("{}", level)] = model.conformal.score_at(level);
  return out;
}

/// The planner's reasons, which the manifest keeps, beside the steps. Models of older programs have none.
void add_reasons(nlohmann::json& summary, nlohmann::json& views) {
  const auto plan = summary.find("plan");
  if (plan == summary.end()) return;
  const auto add = [](nlohmann::json& steps, const nlohmann::json& planned) {
    for (std::size_t i = 0; i < steps.size() && i < planned.size(); ++i)
      if (planned[i].contains("reason")) steps[i]["reason"] = planned[i]["reason"];
  };
  add(summary["steps"], plan->at("base").at("steps"));
  const nlohmann::json planned_views = plan->value("views", nlohmann::json::object());
  for (const auto& [name, planned] : planned_views.items())
    if (views.contains(name)) add(views[name], planned.at("steps"));
}

}  // namespace

nlohmann::json describe_field(const data::Field& field) {
  nlohmann::json out = {{"name", field.name},
                        {"type", data::type_name(field.type)},
                        {"role", data::role_name(field.role)},
                        {"missing", field.n_missing}};
  if (std::isfinite(field.minimum)) out["minimum"] = field.minimum;
  if (std::isfinite(field.maximum)) out["maximum"] = field.maximum;
  if (field.dictionary) out["levels"] = field.dictionary->levels().size();
  return out;
}

nlohmann::json summarize_model(const infer::Session& session) {
  const pipeline::Model& model = session.model();
  nlohmann::json out = session.manifest();
  if (!session.is_imported()) {
    out["format_version"] = session.container().format_version();
    out["file_bytes"] = session.container().file_bytes();
    out["kept_rows"] = pipeline::n_kept_rows(session.container());
  }
  if (!model.classes.empty()) {
    out["classes"] = model.classes;
    out["calibration"] = model::to_json(model.calibrator);
  }
  if (!model.decision_weights.empty()) out["decision_weights"] = model.decision_weights;
  if (!model.conformal.is_empty()) out["conformal"] = describe_conformal(model);
  auto& columns = out["columns"] = nlohmann::json::array();
  for (const data::Field& field : model.schema.fields()) columns.push_back(describe_field(field));
  out["steps"] = model.base.to_json();
  auto& views = out["views"] = nlohmann::json::object();
  for (const auto& [name, recipe] : model.views) views[name] = recipe.to_json();
  add_reasons(out, views);
  auto& members = out["ensemble"] = nlohmann::json::array();
  for (const pipeline::Member& member : model.members) members.push_back(describe_member(member));
  if (session.is_imported()) return out;
  auto& blocks = out["blocks"] = nlohmann::json::array();
  for (const artifact::BlockInfo& block : session.container().blocks())
    blocks.push_back({{"name", block.name}, {"type", block.type}, {"bytes", block.n_bytes}});
  return out;
}

automl::RunResult result_of_model(const std::filesystem::path& path) {
  const auto container = artifact::Container::open(path);
  const nlohmann::json manifest = container.json("manifest");
  automl::RunResult out;
  out.model_path = path;
  out.model_bytes = container.file_bytes();
  out.task = manifest.value("task", "");
  out.metric = manifest.value("metric", "");
  out.higher_is_better = manifest.value("higher_is_better", true);
  out.score = number_or_nan(manifest, "score");
  read_interval(manifest, out.score_low, out.score_high);
  out.threshold = manifest.value("threshold", 0.5);
  out.validation = manifest.value("validation", "");
  out.n_rows = manifest.value("n_rows", std::size_t{0});
  for (const nlohmann::json& row : manifest.value("leaderboard", nlohmann::json::array())) {
    out.leaderboard.push_back(row_from_json(row));
    const std::string& estimator = out.leaderboard.back().estimator;
    if (!estimator.empty() && estimator != "constant") ++out.n_trials;
  }
  if (const auto distillation = manifest.find("distillation"); distillation != manifest.end())
    out.distillation = automl::distillation_from_json(*distillation);
  if (const auto lineage = manifest.find("lineage"); lineage != manifest.end())
    out.notes = lineage->value("notes", std::vector<std::string>{});
  return out;
}

}  // namespace kolosal::service
