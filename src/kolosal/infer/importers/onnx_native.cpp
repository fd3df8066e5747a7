#include "kolosal/infer/importers/onnx_native.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <variant>

#include "kolosal/core/error.hpp"

namespace kolosal::infer {
namespace {

/// Columns of the graph's inputs, after some steps.
struct Features {
  std::vector<std::string> names;
  bool is_float32 = true;
  std::vector<InputStep> steps;
};

/// What a core's sums have become.
struct Scores {
  std::shared_ptr<OnnxCore> core;
  std::shared_ptr<Features> features;
  std::vector<PostTransform> posts;
};

struct Labels {};

using Value = std::variant<Features, Scores, Labels>;

/// Goes through the nodes in their order and keeps what each tensor means. The first that means nothing here
/// ends it.
class Walk {
 public:
  explicit Walk(const OnnxModel& model) : model_(model), constants_(model.constants) {}

  std::unique_ptr<NativeGraph> run(std::string& reason) {
    const bool is_done = read_inputs() && std::ranges::all_of(model_.nodes, [&](const OnnxNode& node) {
                           return visit(node) || no(fmt::format("the operator {}", node.op));
                         });
    auto out = is_done ? finish() : nullptr;
    reason = reason_;
    return out;
  }

 private:
  bool no(std::string why) {
    if (reason_.empty()) reason_ = std::move(why);
    return false;
  }

  // ---- inputs ---------------------------------------------------------------------------------------------

  bool read_inputs() {
    by_position_ = model_.inputs.size() == 1;
    for (const OnnxValue& input : model_.inputs) {
      const bool is_number = input.type == OnnxType::kFloat32 || input.type == OnnxType::kFloat64 ||
                             input.type == OnnxType::kInt64 || input.type == OnnxType::kInt32;
      if (!input.is_tensor || !is_number || input.dims.empty() || input.dims.size() > 2)
        return no(fmt::format("the input {}", input.name));
      const std::int64_t width = input.dims.size() == 2 ? input.dims[1] : 1;
      if (width > (1 << 20)) return no(fmt::format("the width of the input {}", input.name));
      Features features;
      features.is_float32 = input.type != OnnxType::kFloat64;
      if (width > 0)
        features.names =
            by_position_ && width > 1 ? ImportedColumns::numbered(static_cast<std::size_t>(width), "f")
            : width == 1 ? std::vector{input.name}
                         : ImportedColumns::numbered(static_cast<std::size_t>(width), input.name + "_");
      by_position_ = by_position_ && width != 1;
      if (features.is_float32) features.steps.push_back({});
      values_.insert_or_assign(input.name, std::move(features));
    }
    return true;
  }

  // ---- nodes ----------------------------------------------------------------------------------------------

  template <typename T>
  T* input(const OnnxNode& node, std::size_t i = 0) {
    const auto found = i < node.inputs.size() ? values_.find(node.inputs[i]) : values_.end();
    return found == values_.end() ? nullptr : std::get_if<T>(&found->second);
  }

  bool give(const OnnxNode& node, Value value) {
    if (node.outputs.empty()) return false;
    values_.insert_or_assign(node.outputs.front(), std::move(value));
    return true;
  }

  bool visit(const OnnxNode& node) {
    if (node.domain == "ai.onnx.ml") return visit_learning(node);
    if (!node.domain.empty()) return false;
    if (node.op == "Constant") return read_constant(node);
    // Labels are made of the scores again; what gives them other names is not followed.
    const bool only_passes =
        node.op == "Identity" || node.op == "Cast" || node.op == "Reshape" || node.op == "Flatten";
    if (input<Labels>(node) != nullptr) return only_passes && give(node, Labels());
    if (only_passes) return pass_on(node);
    if (node.op == "Concat") return concatenate(node);
    if (node.op == "Softmax") return add_post(node, PostTransform::kSoftmax);
    if (node.op == "Sigmoid") return add_post(node, PostTransform::kSigmoid);
    if (node.op == "Exp") return add_post(node, PostTransform::kExp);
    if (node.op == "Mul" || node.op == "Div" || node.op == "Add" || node.op == "Sub") return calculate(node);
    return false;
  }

  bool visit_learning(const OnnxNode& node) {
    if (node.op == "Scaler") return add_scaler(node);
    if (node.op == "Imputer") return add_imputer(node);
    if (node.op == "Normalizer") return add_normalizer(node);
    if (node.op == "ZipMap") return add_names(node);
    if (node.op == "TreeEnsembleClassifier" || node.op == "TreeEnsembleRegressor") return add_trees(node);
    if (node.op == "LinearClassifier" || node.op == "LinearRegressor") return add_linear(node);
    return false;
  }

  /// The classifier's own names, or none of ours.
  bool add_names(const OnnxNode& node) {
    const auto* const scores = input<Scores>(node);
    return scores != nullptr && class_labels(node) == scores->core->classes && give(node, *scores);
  }

  /// How many nodes and outputs read a tensor.
  std::size_t n_readers(const std::string& tensor) const {
    auto out = std::ranges::count(model_.outputs, tensor, &OnnxValue::name);
    for (const OnnxNode& node : model_.nodes) out += std::ranges::count(node.inputs, tensor);
    return static_cast<std::size_t>(out);
  }

  bool read_constant(const OnnxNode& node) {
    const OnnxAttribute* const value = node.find("value");
    if (value != nullptr && value->tensor && !node.outputs.empty())
      constants_.insert_or_assign(node.outputs.front(), *value->tensor);
    return true;  // one of another kind is missed where it is used
  }

  /// Scores and one number: averages are divided by the number of trees, some converters multiply by 1.
  bool calculate(const OnnxNode& node) {
    if (node.inputs.size() != 2) return false;
    const std::size_t at = input<Scores>(node, 0) != nullptr ? 0 : 1;
    const auto* const scores = input<Scores>(node, at);
    const auto constant = constants_.find(node.inputs[1 - at]);
    const bool is_number = constant != constants_.end() && constant->second.numbers.size() == 1;
    if (scores == nullptr || !is_number || (at == 1 && (node.op == "Div" || node.op == "Sub"))) return false;
    const double number = constant->second.numbers[0];
    const bool is_factor = node.op == "Mul" || node.op == "Div";
    const double factor = node.op == "Mul" ? number : node.op == "Div" ? 1 / number : 1;
    const double shift = node.op == "Add" ? number : node.op == "Sub" ? -number : 0;
    if (is_factor ? factor != 1 : shift != 0) {
      OnnxCore& core = *scores->core;
      const bool is_raw = scores->posts.empty() && core.posts.empty() &&
                          core.forest.link == model::Link::kIdentity && !core.is_classifier;
      // The learner itself is changed, so nothing else may read what it gave.
      if (!is_raw || n_readers(node.inputs[at]) > 1) return false;
      auto& values = core.is_forest() ? core.forest.leaf_value : core.coefficient;
      auto& base = core.is_forest() ? core.forest.base_score : core.intercept;
      for (double& value : values) value *= factor;
      for (double& value : base) value = value * factor + shift;
    }
    return give(node, *scores);
  }

  bool pass_on(const OnnxNode& node) {
    const auto to = static_cast<OnnxType>(node.integer("to", 0));
    const bool keeps_fractions = node.op != "Cast" || to == OnnxType::kFloat32 || to == OnnxType::kFloat64;
    if (!keeps_fractions) return false;
    if (const auto* const scores = input<Scores>(node)) return give(node, *scores);
    const auto* const features = input<Features>(node);
    if (features == nullptr || (node.op != "Identity" && node.op != "Cast")) return false;
    Features out = *features;
    if (node.op == "Cast") {
      if (to == OnnxType::kFloat64 && out.steps.size() > 1) return false;  // steps are done in float32
      if (to == OnnxType::kFloat32 && !out.is_float32) out.steps.push_back({});
      out.is_float32 = to == OnnxType::kFloat32 || out.is_float32;
    }
    return give(node, std::move(out));
  }

  /// Inputs side by side. Only as they came: steps know nothing of other columns.
  bool concatenate(const OnnxNode& node) {
    const std::int64_t axis = node.integer("axis", 0);
    if (axis != 1 && axis != -1) return false;
    Features out;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const auto* const features = input<Features>(node, i);
      if (features == nullptr || features->names.empty()) return false;
      if (i > 0 && features->is_float32 != out.is_float32) return false;
      const bool only_rounds = std::ranges::all_of(
          features->steps, [](const InputStep& s) { return s.kind == InputStep::Kind::kRound; });
      if (!only_rounds) return false;
      out.is_float32 = features->is_float32;
      out.steps = features->steps;
      out.names.insert(out.names.end(), features->names.begin(), features->names.end());
    }
    return !out.names.empty() && give(node, std::move(out));
  }

  static std::vector<float> per_column(const std::vector<float>& values, std::size_t n) {
    return values.size() == 1 ? std::vector<float>(n, values[0]) : values;
  }

  bool add_scaler(const OnnxNode& node) {
    const auto* const features = input<Features>(node);
    if (features == nullptr || !features->is_float32) return false;
    Features out = *features;
    const auto& offset = node.numbers("offset");
    if (out.names.empty()) out.names = ImportedColumns::numbered(offset.size(), "f");
    const std::size_t n = out.names.size();
    InputStep step{InputStep::Kind::kScale, per_column(offset, n), per_column(node.numbers("scale"), n)};
    if (step.offset.size() != n || step.scale.size() != n) return no("a Scaler of another number of columns");
    out.steps.push_back(std::move(step));
    return give(node, std::move(out));
  }

  bool add_imputer(const OnnxNode& node) {
    const auto* const features = input<Features>(node);
    const auto& values = node.numbers("imputed_value_floats");
    if (features == nullptr || !features->is_float32 || values.empty()) return false;
    Features out = *features;
    if (out.names.empty()) out.names = ImportedColumns::numbered(values.size(), "f");
    const OnnxAttribute* const replaced = node.find("replaced_value_float");
    InputStep step{InputStep::Kind::kImpute, per_column(values, out.names.size()), {}};
    step.replaced = replaced ? replaced->number.value_or(0) : 0;
    if (step.offset.size() != out.names.size()) return no("an Imputer of another number of columns");
    out.steps.push_back(std::move(step));
    return give(node, std::move(out));
  }

  bool add_post(const OnnxNode& node, PostTransform post) {
    const auto* const scores = input<Scores>(node);
    if (scores == nullptr) return false;
    if (post == PostTransform::kSoftmax) {
      const std::int64_t axis = node.integer("axis", 1);  // of two, so 1 and -1 are the same
      if (scores->core->n_sums < 2 || (axis != 1 && axis != -1)) return false;
    }
    Scores out = *scores;
    out.posts.push_back(post);
    return give(node, std::move(out));
  }

  bool add_normalizer(const OnnxNode& node) {
    return node.text("norm", "MAX") == "L1" && add_post(node, PostTransform::kShares);
  }

  bool add_core(const OnnxNode& node, std::shared_ptr<OnnxCore> core, Features features) {
    if (core_ != nullptr) return no("several learners in one graph");
    core_ = core;
    Scores scores{std::move(core), std::make_shared<Features>(std::move(features)), {}};
    if (!scores.core->is_classifier) return give(node, std::move(scores));
    if (node.outputs.size() < 2) return false;
    values_.insert_or_assign(node.outputs[0], Labels());
    values_.insert_or_assign(node.outputs[1], std::move(scores));
    return true;
  }

  bool add_trees(const OnnxNode& node) {
    const auto* const features = input<Features>(node);
    if (features == nullptr) return false;
    std::string why;
    std::shared_ptr<OnnxCore> core = tree_core(node, features->names.size(), features->is_float32, why);
    if (core == nullptr) return no(std::move(why));
    Features named = *features;
    if (named.names.empty())
      named.names = ImportedColumns::numbered(static_cast<std::size_t>(core->forest.n_features), "f");
    return add_core(node, std::move(core), std::move(named));
  }

  bool add_linear(const OnnxNode& node) {
    const auto* const features = input<Features>(node);
    if (features == nullptr) return false;
    auto core = std::make_shared<OnnxCore>();
    core->is_classifier = node.op == "LinearClassifier";
    if (core->is_classifier) core->classes = class_labels(node);
    const auto posts = post_transform_of(node);
    const auto& coefficients = node.numbers("coefficients");
    const std::size_t n_sums =
        core->is_classifier ? core->classes.size() : static_cast<std::size_t>(node.integer("targets", 1));
    if (!posts || n_sums == 0 || (core->is_classifier ? n_sums < 2 : n_sums != 1) ||
        (core->is_classifier && posts->empty()) || coefficients.size() % n_sums != 0)
      return no(fmt::format("a {} of such classes and post_transform {}", node.op,
                            node.text("post_transform", "NONE")));
    core->posts = *posts;
    core->n_sums = n_sums;
    Features named = *features;
    const std::size_t n = coefficients.size() / n_sums;
    if (named.names.empty()) named.names = ImportedColumns::numbered(n, "f");
    if (named.names.size() != n || n == 0)
      return no(fmt::format("a {} of another number of columns", node.op));
    core->coefficient.resize(n * n_sums);
    for (std::size_t k = 0; k < n_sums; ++k)
      for (std::size_t c = 0; c < n; ++c)
        core->coefficient[c * n_sums + k] = static_cast<double>(coefficients[k * n + c]);
    core->intercept.assign(n_sums, 0.0);
    const auto& intercepts = node.numbers("intercepts");
    if (!intercepts.empty() && intercepts.size() != n_sums)
      return no("a linear learner of one sum for two classes");
    std::ranges::copy(intercepts, core->intercept.begin());
    return add_core(node, std::move(core), std::move(named));
  }

  // ---- the whole ------------------------------------------------------------------------------------------

  std::unique_ptr<NativeGraph> finish() {
    const Scores* scores = nullptr;
    for (const OnnxValue& output : model_.outputs) {
      const auto found = values_.find(output.name);
      if (found == values_.end() || std::holds_alternative<Features>(found->second)) {
        no(fmt::format("the output {}", output.name));
        return nullptr;
      }
      if (const auto* const given = std::get_if<Scores>(&found->second)) {
        if (scores != nullptr) {
          no("several outputs of numbers");
          return nullptr;
        }
        scores = given;
      }
    }
    if (scores == nullptr) {
      no("no output of numbers");
      return nullptr;
    }
    return make(*scores);
  }

  std::unique_ptr<NativeGraph> make(const Scores& scores) {
    auto out = std::make_unique<NativeGraph>();
    OnnxCore& core = *scores.core;
    out->by_position = by_position_;
    out->columns.names = scores.features->names;
    out->classes = core.classes;
    out->task = !core.is_classifier        ? data::Task::kRegression
                : core.classes.size() == 2 ? data::Task::kBinary
                                           : data::Task::kMulticlass;
    const std::size_t n_outputs = out->task == data::Task::kMulticlass ? core.classes.size() : 1;
    const LearnerShape shape = out->columns.shape(out->task, n_outputs);
    // Shares of one number would be 1, and the softmax too.
    std::vector<PostTransform> posts = core.posts;
    if (core.n_sums > 1 || !core.is_classifier)
      posts.insert(posts.end(), scores.posts.begin(), scores.posts.end());
    else if (!scores.posts.empty() && scores.posts != std::vector{PostTransform::kShares}) {
      no("what follows its two classes");
      return nullptr;
    }
    if (core.is_forest()) {
      out->n_trees = core.forest.n_trees();
      out->n_leaves = core.forest.leaf_value.size() / static_cast<std::size_t>(core.forest.leaf_width);
      out->learner = std::make_unique<ImportedForest>(shape, std::move(core.forest));
    } else {
      out->learner = std::make_unique<ImportedLinear>(shape, core.coefficient, core.intercept, false);
    }
    out->learner->steps = scores.features->steps;
    out->learner->posts = std::move(posts);
    return out;
  }

  const OnnxModel& model_;
  std::map<std::string, OnnxTensor, std::less<>> constants_;
  std::map<std::string, Value, std::less<>> values_;
  std::shared_ptr<OnnxCore> core_;
  bool by_position_ = false;
  std::string reason_;
};

}  // namespace

std::unique_ptr<NativeGraph> convert_graph(const OnnxModel& model, std::string& reason) {
  return Walk(model).run(reason);
}

}  // namespace kolosal::infer
