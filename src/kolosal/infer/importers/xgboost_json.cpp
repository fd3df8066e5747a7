#include "kolosal/model/xgboost_json.hpp"

#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/imported_model.hpp"

namespace kolosal::infer {
namespace {

using model::Link;
using model::XgboostModel;

data::Task task_of(const XgboostModel& model) {
  if (model.objective == "binary:logistic") return data::Task::kBinary;
  if (model.forest.n_outputs > 1) return data::Task::kMulticlass;
  return data::Task::kRegression;
}

std::vector<PostTransform> posts_of(Link link) {
  switch (link) {
    case Link::kSigmoid:
      return {PostTransform::kSigmoid};
    case Link::kSoftmax:
      return {PostTransform::kSoftmax};
    case Link::kExp:
      return {PostTransform::kExp};
    default:
      return {};
  }
}

/// gblinear: the intercepts are behind the coefficients; a missing number counts as 0.
pipeline::Pipeline linear_pipeline(const XgboostModel& model, const LearnerShape& shape) {
  const std::size_t n = shape.names.size() * shape.n_outputs;
  std::vector<double> intercept = model.forest.base_score;
  for (std::size_t k = 0; k < intercept.size(); ++k) intercept[k] += model.linear[n + k];
  auto learner = std::make_unique<ImportedLinear>(
      shape, std::vector<double>(model.linear.begin(), model.linear.begin() + static_cast<std::ptrdiff_t>(n)),
      std::move(intercept), true);
  learner->steps.push_back({});
  learner->posts = posts_of(model.forest.link);
  return {"xgboost linear", std::move(learner)};
}

ImportedColumns columns_of(const XgboostModel& model) {
  const auto n_features = static_cast<std::size_t>(model.forest.n_features);
  if (n_features == 0) throw Error(ErrorCode::kModel, "the XGBoost model has no columns");
  if (!model.feature_names.empty() && model.feature_names.size() != n_features)
    throw Error(ErrorCode::kModel, "the XGBoost model names {} of its {} columns", model.feature_names.size(),
                n_features);
  return {model.feature_names.empty() ? ImportedColumns::numbered(n_features, "f") : model.feature_names,
          model.levels,
          {}};
}

}  // namespace

ImportedModel import_xgboost(std::span<const std::byte> file, bool is_ubjson) {
  const XgboostModel model = model::read_xgboost(file, is_ubjson);
  ImportedModel out;
  out.by_position = model.feature_names.empty();
  const ImportedColumns columns = columns_of(model);
  const data::Task task = task_of(model);
  const auto n_outputs = static_cast<std::size_t>(model.forest.n_outputs);
  const LearnerShape shape = columns.shape(task, n_outputs);
  out.about = {{"version", model.version}, {"objective", model.objective}, {"runs_by", "kolosal"}};
  auto& notes = out.about["notes"] = nlohmann::json::array();
  std::vector<std::string> classes;
  if (task != data::Task::kRegression) {
    classes = numbered_classes(task == data::Task::kBinary ? 2 : n_outputs);
    notes.push_back("XGBoost's files do not name the classes: 0, 1, ... are their numbers");
  }
  if (model.n_rounds_left_out > 0)
    notes.push_back(
        fmt::format("it was stopped early: {} of its {} rounds predict, as in scikit-learn's interface",
                    model.n_rounds, model.n_rounds + model.n_rounds_left_out));
  for (std::size_t c = 0; c < model.feature_types.size() && c < columns.names.size(); ++c)
    if (model.feature_types[c] == "c" && shape.types[c] != data::ColumnType::kCategory)
      notes.push_back(
          fmt::format("column \"{}\" is a category whose levels the file does not hold: it takes the codes "
                      "0, 1, ... that the training table had",
                      columns.names[c]));
  if (!model.linear.empty()) {
    out.model =
        single_learner_model(columns, task, std::move(classes), "xgboost", linear_pipeline(model, shape));
    return out;
  }
  out.about["trees"] = model.forest.n_trees();
  out.about["leaves"] = model.forest.leaf_value.size();
  const std::vector<double> unknown(columns.names.size(), 1.0 / static_cast<double>(columns.names.size()));
  out.model = single_learner_model(columns, task, std::move(classes), "xgboost",
                                   registered_forest("xgboost", shape, model.forest, unknown));
  return out;
}

}  // namespace kolosal::infer
