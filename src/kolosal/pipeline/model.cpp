#include "kolosal/pipeline/model.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <nlohmann/json.hpp>

#include "kolosal/artifact/packed_arrays.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/model/quantile_learner.hpp"

namespace kolosal::pipeline {
namespace {

constexpr std::uint32_t kModelVersion =
    3;  // 2: calibration in place of temperature; 3: log_target, decision_weights

std::string member_block(std::size_t member, std::size_t fold) {
  return fmt::format("member/{}/{}", member, fold);
}

/// Of the one nearest to the median; 0 when there are none.
std::size_t central_quantile(const std::vector<double>& quantiles) {
  const auto nearest = std::ranges::min_element(quantiles, {}, [](double q) { return std::fabs(q - 0.5); });
  return nearest == quantiles.end() ? 0 : static_cast<std::size_t>(nearest - quantiles.begin());
}

/// The first of the classes whose weighted probability is the largest.
std::size_t decided(std::span<const double> row, std::span<const double> weights) {
  std::size_t best = 0;
  const auto value = [&](std::size_t k) { return weights.empty() ? row[k] : row[k] * weights[k]; };
  for (std::size_t k = 1; k < row.size(); ++k)
    if (value(k) > value(best)) best = k;
  return best;
}

void check_decision_weights(const Model& model) {
  const auto& weights = model.decision_weights;
  if (weights.empty()) return;
  if (model.task != data::Task::kMulticlass || weights.size() != model.classes.size() ||
      !std::ranges::all_of(weights, [](double w) { return w > 0 && std::isfinite(w); }))
    throw Error(ErrorCode::kModel,
                "the model's decision weights must be numbers above 0, one for each of {} classes",
                model.classes.size());
}

void check_quantiles(const Model& model) {
  const auto& q = model.quantiles;
  const bool is_rising = std::ranges::adjacent_find(q, std::greater_equal<>()) == q.end();
  if (!is_rising || !std::ranges::all_of(q, [](double value) { return value > 0 && value < 1; }) ||
      (!q.empty() && model.task != data::Task::kRegression))
    throw Error(ErrorCode::kModel, "a {} model can not have the quantiles {}", data::task_name(model.task),
                fmt::join(q, ", "));
}

}  // namespace

std::vector<double> Model::predict(const data::Frame& raw, const Context& context,
                                   data::ConformReport* report, const Evaluators& evaluators) const {
  const data::Frame features = base.transform(schema.conform(raw, report), context);
  std::vector<double> out(features.n_rows() * n_outputs(), 0.0);
  std::map<std::string, data::Frame> made;
  std::vector<double> part(out.size());
  for (const Member& member : members) {
    auto [view, is_new] = made.try_emplace(member.view);
    if (is_new) view->second = views.at(member.view).transform(features, context);
    const double weight = member.weight / static_cast<double>(member.pipelines.size());
    for (const Pipeline& pipeline : member.pipelines) {
      const auto evaluator = evaluators.find(&pipeline.estimator());
      pipeline.predict(view->second, part, context,
                       evaluator == evaluators.end() ? nullptr : evaluator->second.get());
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += weight * part[i];
    }
  }
  finish(out);
  return out;
}

void Model::finish(std::span<double> blended) const {
  if (task != data::Task::kRegression) return calibrator.apply(blended, n_outputs());
  for (double& value : blended) value = std::clamp(value, target_low, target_high);
  if (is_log_target)
    for (double& value : blended) value = std::expm1(value);
  // A mean of rising rows rises, but for the rounding.
  if (quantiles.size() > 1) model::sort_rows(blended, quantiles.size());
}

data::Column Model::labels(std::span<const double> prediction, std::optional<double> other_threshold) const {
  const double limit = other_threshold.value_or(threshold);
  const std::size_t width = n_outputs();
  if (task == data::Task::kRegression) {
    const std::size_t centre = central_quantile(quantiles);
    std::vector<double> values(prediction.size() / width);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = prediction[i * width + centre];
    return data::Column::from_float64(std::move(values));
  }
  std::vector<std::int32_t> codes(prediction.size() / width);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const auto row = prediction.subspan(i * width, width);
    codes[i] =
        width == 1 ? (row[0] > limit ? 1 : 0) : static_cast<std::int32_t>(decided(row, decision_weights));
  }
  return data::Column::from_category(std::move(codes), std::make_shared<const data::Dictionary>(classes));
}

std::pair<double, double> Model::interval(double prediction, double score) const {
  if (!is_log_target) return {prediction - score, prediction + score};
  const double centre = std::log1p(prediction);
  return {std::expm1(centre - score), std::expm1(centre + score)};
}

std::vector<double> Model::decisions(std::span<const double> prediction) const {
  KOLOSAL_ASSERT(task != data::Task::kRegression, "numbers are not decided for");
  std::vector<double> out(prediction.size());
  if (task == data::Task::kMulticlass) {
    for (std::size_t at = 0; at < out.size(); at += classes.size())
      out[at + decided(prediction.subspan(at, classes.size()), decision_weights)] = 1;
    return out;
  }
  std::ranges::transform(prediction, out.begin(), [&](double p) { return p > threshold ? 1.0 : 0.0; });
  return out;
}

void Model::save(artifact::ContainerWriter& writer) const {
  std::vector<SavedMember> saved;
  std::deque<artifact::Node> nodes;
  for (const Member& member : members) {
    saved.push_back({member.name, member.weight, member.view, {}});
    for (const Pipeline& pipeline : member.pipelines) {
      pipeline.save(nodes.emplace_back());
      saved.back().pipelines.push_back(&nodes.back());
    }
  }
  save_with(saved, writer);
}

void Model::save_with(const std::vector<SavedMember>& saved, artifact::ContainerWriter& writer) const {
  auto shape = nlohmann::json::array();
  for (const SavedMember& member : saved)
    shape.push_back({{"name", member.name},
                     {"weight", member.weight},
                     {"view", member.view},
                     {"pipelines", member.pipelines.size()}});
  auto view_names = nlohmann::json::array();
  for (const auto& [name, recipe] : views) view_names.push_back(name);
  nlohmann::json json = {{"task", data::task_name(task)},
                         {"target", target},
                         {"classes", classes},
                         {"calibration", model::to_json(calibrator)},
                         {"threshold", threshold},
                         {"quantiles", quantiles},
                         {"target_range", {target_low, target_high}},
                         {"views", view_names},
                         {"members", shape}};
  if (is_log_target) json["log_target"] = true;
  if (!decision_weights.empty()) json["decision_weights"] = decision_weights;
  // Programs that do not know of these must not read them; all others may.
  const bool is_new = is_log_target || !decision_weights.empty();
  writer.add_json("model", json, is_new ? kModelVersion : kModelVersion - 1);
  writer.add_json("schema", schema.to_json());
  if (!conformal.is_empty()) {
    artifact::Node node;
    conformal.save(node);
    writer.add_node("conformal", node);
  }
  artifact::Node base_node;
  base.save(base_node);
  writer.add_node("base", base_node);
  for (const auto& [name, recipe] : views) {
    artifact::Node node;
    recipe.save(node);
    writer.add_node("view/" + name, node);
  }
  for (std::size_t i = 0; i < saved.size(); ++i)
    for (std::size_t k = 0; k < saved[i].pipelines.size(); ++k)
      writer.add_node(member_block(i, k), *saved[i].pipelines[k]);
}

Model Model::load(const artifact::Container& container) {
  Model out;
  try {
    auto json = container.json("model", kModelVersion);
    if (!json.contains("calibration"))  // version 1
      json["calibration"] =
          model::to_json(model::Calibrator::temperature(json.at("temperature").get<double>()));
    out.task = data::task_from_name(json.at("task").get<std::string>());
    out.target = json.at("target").get<std::string>();
    out.classes = json.at("classes").get<std::vector<std::string>>();
    if (out.task == data::Task::kBinary       ? out.classes.size() != 2
        : out.task == data::Task::kMulticlass ? out.classes.size() < 2
                                              : !out.classes.empty())
      throw Error(ErrorCode::kModel, "a {} model can not have {} classes", data::task_name(out.task),
                  out.classes.size());
    if (json.contains("quantiles")) out.quantiles = json.at("quantiles").get<std::vector<double>>();
    check_quantiles(out);
    out.calibrator = model::calibrator_from_json(json.at("calibration"), out.n_outputs());
    out.threshold = json.value("threshold", 0.5);
    if (!(out.threshold >= 0 && out.threshold <= 1))
      throw Error(ErrorCode::kModel, "the model's threshold must be between 0 and 1, not {}", out.threshold);
    if (container.has("conformal")) out.conformal = Conformal::load(container.node("conformal"));
    out.target_low = json.at("target_range").at(0).get<double>();
    out.target_high = json.at("target_range").at(1).get<double>();
    out.is_log_target = json.value("log_target", false);
    out.decision_weights = json.value("decision_weights", std::vector<double>());
    check_decision_weights(out);
    out.schema = data::Schema::from_json(container.json("schema"));
    out.base = transform::Recipe::load(container.node("base"));
    for (const auto& name : json.at("views")) {
      const auto view = name.get<std::string>();
      out.views[view] = transform::Recipe::load(container.node("view/" + view));
    }
    for (const auto& shape : json.at("members")) {
      Member member{shape.at("name").get<std::string>(),
                    shape.at("weight").get<double>(),
                    shape.at("view").get<std::string>(),
                    {}};
      if (!(member.weight >= 0))
        throw Error(ErrorCode::kModel, "the weight of member \"{}\" is {}", member.name, member.weight);
      if (!out.views.contains(member.view))
        throw Error(ErrorCode::kModel, "member \"{}\" reads the view \"{}\", which the file does not hold",
                    member.name, member.view);
      for (std::size_t k = 0; k < shape.at("pipelines").get<std::size_t>(); ++k) {
        member.pipelines.push_back(
            Pipeline::load(artifact::unpacked_node(container, member_block(out.members.size(), k))));
        if (member.pipelines.back().estimator().n_outputs() != out.n_outputs())
          throw Error(ErrorCode::kModel, "member \"{}\" gives {} numbers per row instead of {}", member.name,
                      member.pipelines.back().estimator().n_outputs(), out.n_outputs());
      }
      if (member.pipelines.empty())
        throw Error(ErrorCode::kModel, "member \"{}\" has no pipeline", member.name);
      out.members.push_back(std::move(member));
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kModel, "the model's description is damaged: {}", error.what());
  } catch (const Error& error) {
    // A name or value that this build does not know: of a step, a learner, a parameter.
    if (error.code() != ErrorCode::kInvalidParameter && error.code() != ErrorCode::kData) throw;
    throw Error(ErrorCode::kModel, "the model's description is damaged: {}", error.what());
  }
  if (out.members.empty()) throw Error(ErrorCode::kModel, "the model has no members");
  return out;
}

}  // namespace kolosal::pipeline
