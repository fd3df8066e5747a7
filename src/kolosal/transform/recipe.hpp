#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

/// One step as it is planned: a transformer by name, its parameters, and the columns it takes.
struct StepSpec {
  std::string name;
  ParamMap params;
  Selector select;  ///< types "" (the default here): the transformer's default_types.

  StepSpec(std::string step, ParamMap step_params = {}, Selector step_select = {.types = ""})
      : name(std::move(step)), params(std::move(step_params)), select(std::move(step_select)) {}
};

/// Steps one after another, each fitted on what the steps before it made.
///
///   Recipe recipe({{"impute", {{"indicator", true}}}, {"one_hot"}, {"scale", {}, {"numeric", {}}}});
///   Frame train = recipe.fit_transform(frame, rows, y, context);   // rows out of fold where a step uses the
///   target Frame later = recipe.transform(other, context);
///
/// A step whose selector finds no column at fit is skipped, and transform() skips it too.
/// Threads: transform() is const and safe from many threads. Copies share the fitted steps.
/// Errors:  of a step: its name is put before the message.
class Recipe {
 public:
  Recipe() = default;
  /// @throws Error kInvalidParameter for an unknown step or parameter, at once and not at fit.
  explicit Recipe(std::vector<StepSpec> steps);

  data::Frame fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                            const data::TargetView& y, const Context& context);
  data::Frame transform(const data::Frame& x, const Context& context) const;

  bool is_fitted() const { return fitted_; }
  const std::vector<StepSpec>& steps() const { return specs_; }
  /// Null for a step that was skipped or is not fitted.
  const Transformer* fitted_step(std::size_t i) const {
    return i < fitted_steps_.size() ? fitted_steps_[i].get() : nullptr;
  }

  /// Steps at the start that learn nothing from rows: their result serves all folds.
  std::size_t n_stateless_prefix() const;
  /// Whether a step depends on the target, so that the recipe must be fitted within each fold.
  bool uses_target() const;
  /// Steps [begin, end), not fitted.
  Recipe part(std::size_t begin, std::size_t end) const;
  /// Two fitted recipes, of which `tail` was fitted on what `head` made, as one.
  static Recipe join(const Recipe& head, const Recipe& tail);

  void save(artifact::Node& node) const;
  static Recipe load(const artifact::Node& node);
  /// The plan alone: [{"step": "impute", "params": {...}, "columns": "numeric" or ["age", ...]}, ...].
  nlohmann::json to_json() const;
  static Recipe from_json(const nlohmann::json& json);

 private:
  std::vector<StepSpec> specs_;
  std::vector<std::shared_ptr<const Transformer>> fitted_steps_;  // null: skipped
  bool fitted_ = false;
};

}  // namespace kolosal::transform
