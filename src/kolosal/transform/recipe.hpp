#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/transform/batch_stream.hpp"
#include "kolosal/transform/drift.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {

/// One step as it is planned: a transformer by name, its parameters, and the columns it takes.
struct StepSpec {
  std::string name;
  ParamMap params;
  Selector select;  ///< types "" (the default here): the transformer's default_types.
  /// Of a step that the registry of this module does not know: a module above, which knows learners, gives
  /// it.
  std::shared_ptr<const TransformerInfo> info;

  const TransformerInfo& about() const { return info ? *info : transformer_info(name); }
  std::unique_ptr<Transformer> make() const { return about().make(params); }

  StepSpec(std::string step, ParamMap step_params = {}, Selector step_select = {.types = ""})
      : name(std::move(step)), params(std::move(step_params)), select(std::move(step_select)) {}
};

/// Steps that modules above add to those of the registry.
using StepCatalog = std::vector<std::shared_ptr<const TransformerInfo>>;

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

  /// Fits the steps on a table that is read batch by batch, in memory that does not depend on its rows.
  ///
  /// The table is read as often as steps depend on each other: a step can be fitted once those whose columns
  /// it takes are. Steps that take other columns share a pass, and so do steps that select by type when the
  /// steps before them make no such type (Transformer::made_types); stateless ones need none. impute, one_hot
  /// (of what impute made) and scale are two passes.
  /// The rows that were fitted get no encoding out of fold afterwards: transform() is the same for all rows.
  /// Returns the number of passes.
  /// @throws Error kUnsupported naming a step that can not stream, before anything is read.
  std::size_t fit_stream(const BatchSource& source, const Context& context);

  /// Takes the steps back, the last one first; x has the columns that transform() made. Steps that only drop
  /// or fill cells can not be taken back. @throws Error kUnsupported naming a step without an inverse.
  data::Frame inverse_transform(const data::Frame& x, const Context& context) const;

  /// Before a fit: no step may make the frame wider than this many features (sparse width counts); 0: no
  /// limit. A frame that is wider from the start is not refused, only steps that widen it.
  void max_features(std::size_t n) { max_features_ = n; }

  /// Before a fit: notes the ranges, levels and missing shares of the columns that come in; transform() then
  /// counts what differs in later rows. Off by default: only the recipe that meets the user's columns first
  /// should watch them, and not each one behind it.
  void watch_drift(bool watch) { watch_drift_ = watch; }
  /// What was counted; null when the fit did not watch. Copies of a fitted recipe share the counters.
  const DriftMonitor* drift() const { return drift_.get(); }

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
  /// `more`: where steps are looked for that the registry does not have.
  static Recipe load(const artifact::Node& node, const StepCatalog& more = {});
  /// The plan alone: [{"step": "impute", "params": {...}, "columns": "numeric" or ["age", ...]}, ...].
  nlohmann::json to_json() const;
  static Recipe from_json(const nlohmann::json& json);

 private:
  std::vector<StepSpec> specs_;
  std::vector<std::shared_ptr<const Transformer>> fitted_steps_;  // null: skipped
  std::shared_ptr<const DriftMonitor> drift_;
  std::size_t max_features_ = 0;
  bool watch_drift_ = false;
  bool fitted_ = false;
};

}  // namespace kolosal::transform
