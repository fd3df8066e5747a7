#include "kolosal/model/lightgbm_text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/infer/importers/imported_model.hpp"

namespace kolosal::infer {
namespace {

using model::LightgbmModel;
using model::Link;

/// "binary sigmoid:1": a name, then values by key and switches.
struct Objective {
  std::string name;
  double sigmoid = 1;
  bool is_sqrt = false;

  explicit Objective(std::string_view text) {
    for (bool is_first = true; !text.empty(); is_first = false) {
      const std::string_view word = text.substr(0, text.find(' '));
      text.remove_prefix(std::min(text.size(), word.size() + 1));
      if (is_first) name = word;
      if (word == "sqrt") is_sqrt = true;
      if (word.starts_with("sigmoid:")) read_sigmoid(word.substr(8));
    }
  }

 private:
  void read_sigmoid(std::string_view text) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sigmoid);
    if (error != std::errc{} || !(sigmoid > 0))
      throw Error(ErrorCode::kModel, "a LightGBM model is not understood: sigmoid:{}", text);
  }
};

/// What an objective makes of raw sums.
struct Meaning {
  data::Task task = data::Task::kRegression;
  Link link = Link::kIdentity;
  std::vector<PostTransform> posts;
};

Meaning meaning_of(const Objective& objective, std::size_t n_outputs) {
  const std::string& name = objective.name;
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
  };
  if (is({"binary"})) return {data::Task::kBinary, Link::kSigmoid, {}};
  if (is({"multiclass"})) return {data::Task::kMulticlass, Link::kSoftmax, {}};
  if (is({"multiclassova"})) return {data::Task::kMulticlass, Link::kSigmoid, {}};
  if (n_outputs > 1)
    throw Error(ErrorCode::kUnsupported,
                "a LightGBM model with {} values per row and the objective \"{}\" can not be read", n_outputs,
                name);
  if (is({"cross_entropy", "xentropy"})) return {data::Task::kRegression, Link::kSigmoid, {}};
  if (is({"cross_entropy_lambda", "xentlambda"}))
    return {data::Task::kRegression, Link::kIdentity, {PostTransform::kSoftplus}};
  if (is({"poisson", "gamma", "tweedie"})) return {data::Task::kRegression, Link::kExp, {}};
  if (objective.is_sqrt) return {data::Task::kRegression, Link::kIdentity, {PostTransform::kSignedSquare}};
  if (is({"", "none", "null", "custom", "na", "regression", "regression_l2", "regression_l1", "huber", "fair",
          "quantile", "mape", "lambdarank", "rank_xendcg"}))
    return {};
  throw Error(ErrorCode::kUnsupported, "a LightGBM model of the objective \"{}\" can not be read", name);
}

/// A level as it stands in a table.
std::string level_text(const nlohmann::json& level) {
  if (level.is_string()) return level.get<std::string>();
  if (level.is_boolean()) return level.get<bool>() ? "True" : "False";  // as pandas writes them
  return level.dump();
}

/// The levels of the columns that were categories of a pandas table, by column. The file lists them in the
/// order of these columns, without saying which ones they are: those whose range is a list of codes, and
/// perhaps constant ones, of which nothing is told.
std::vector<std::vector<std::string>> levels_of(const LightgbmModel& model) {
  if (model.pandas_categorical.empty()) return {};
  nlohmann::json lists;
  try {
    lists = nlohmann::json::parse(model.pandas_categorical);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kModel, "a LightGBM model is not understood: pandas_categorical: {}",
                error.what());
  }
  if (!lists.is_array() || !std::ranges::all_of(lists, [](const auto& list) { return list.is_array(); }))
    throw Error(ErrorCode::kModel, "a LightGBM model is not understood: pandas_categorical is no list");
  std::vector<bool> is_category(model.feature_names.size());
  for (std::size_t node = 0; node < model.forest.feature.size(); ++node)
    if (model.forest.flags[node] & model::kCategorical)
      is_category[static_cast<std::size_t>(model.forest.feature[node])] = true;
  std::vector<std::size_t> sure, with_constants;
  for (std::size_t c = 0; c < model.feature_names.size(); ++c) {
    const std::string info = c < model.feature_infos.size() ? model.feature_infos[c] : "none";
    if (is_category[c] || !(info.starts_with('[') || info == "none")) sure.push_back(c);
    if (!info.starts_with('[')) with_constants.push_back(c);
  }
  const auto& columns = sure.size() == lists.size() ? sure : with_constants;
  if (columns.size() != lists.size())
    throw Error(ErrorCode::kUnsupported,
                "the LightGBM model has the levels of {} category columns, and {} columns that may be such: "
                "which are which is not told. Drop constant columns and train it again",
                lists.size(), columns.size());
  std::vector<std::vector<std::string>> out(model.feature_names.size());
  for (std::size_t k = 0; k < columns.size(); ++k)
    for (const auto& level : lists[k]) out[columns[k]].push_back(level_text(level));
  return out;
}

bool has_numbered_names(const std::vector<std::string>& names) {
  for (std::size_t c = 0; c < names.size(); ++c)
    if (names[c] != fmt::format("Column_{}", c)) return false;
  return true;
}

}  // namespace

ImportedModel import_lightgbm_text(std::string_view text) {
  std::vector<double> gain;
  LightgbmModel file = model::read_lightgbm(text, &gain);
  model::Forest& forest = file.forest;
  const auto n_features = static_cast<std::size_t>(forest.n_features);
  if (file.feature_names.size() != n_features)
    throw Error(ErrorCode::kModel, "the LightGBM model names {} of its {} columns", file.feature_names.size(),
                n_features);
  const Objective objective(file.objective);
  const auto n_outputs = static_cast<std::size_t>(forest.n_outputs);
  const Meaning meaning = meaning_of(objective, n_outputs);
  forest.link = meaning.link;
  if (objective.sigmoid != 1) {
    for (double& value : forest.leaf_value) value *= objective.sigmoid;
    for (double& value : file.linear_leaves.constant) value *= objective.sigmoid;
    for (double& value : file.linear_leaves.coefficient) value *= objective.sigmoid;
  }

  ImportedModel out;
  out.by_position = has_numbered_names(file.feature_names);
  const ImportedColumns columns{file.feature_names, levels_of(file), {}};
  const LearnerShape shape = columns.shape(meaning.task, n_outputs);
  const bool is_plain = meaning.posts.empty() && file.linear_leaves.is_empty();
  pipeline::Pipeline pipeline = [&] {
    if (is_plain) return registered_forest("lightgbm", shape, forest, gain);
    auto learner = std::make_unique<ImportedForest>(shape, forest, file.linear_leaves);
    learner->posts = meaning.posts;
    return pipeline::Pipeline("lightgbm", std::move(learner));
  }();
  std::vector<std::string> classes;
  if (meaning.task != data::Task::kRegression)
    classes = numbered_classes(meaning.task == data::Task::kBinary ? 2 : n_outputs);
  out.about = {{"version", file.version},
               {"objective", file.objective},
               {"trees", forest.n_trees()},
               {"leaves", forest.leaf_value.size()},
               {"runs_by", "kolosal"}};
  if (!classes.empty())
    out.about["notes"].push_back("LightGBM's files do not name the classes: 0, 1, ... are their numbers");
  out.model =
      single_learner_model(columns, meaning.task, std::move(classes), "lightgbm", std::move(pipeline));
  return out;
}

}  // namespace kolosal::infer
