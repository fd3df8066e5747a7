#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kolosal/transform/recipe.hpp"

namespace kolosal::transform {

/// A step and why it is there.
struct PlannedStep {
  StepSpec spec;
  std::string reason;  ///< A sentence for people. Empty: the author of the recipe gave none.
};

/// A recipe before it is fitted, as people read, edit and keep it.
struct RecipePlan {
  std::string target;               ///< Passes untouched and is never an input. Empty: none.
  std::vector<std::string> ignore;  ///< Pass untouched too.
  std::vector<PlannedStep> steps;
  std::vector<std::string> notes;  ///< Sentences for people: what no step is for, and why.

  std::vector<StepSpec> specs() const;
};

/// The plan as a TOML file: what parse_recipe() reads gives the same plan.
///
///   version = 1
///   target = "income"
///
///   [[steps]]
///   step = "impute"
///   columns = "numeric"          # types, or a list of names: ["age", "hours"]
///   params = { strategy = "median", indicator = true }
///   reason = "2 columns have missing cells."
std::string to_toml(const RecipePlan& plan);

/// `name` is what messages call the text: its file. `more`: steps that the registry does not have.
/// @throws Error kInvalidParameter "recipe.toml:7: ..." for bad TOML, an unknown step, parameter or key (the
/// nearest is named), a value that the step does not take, a column named twice.
RecipePlan parse_recipe(std::string_view toml, const std::string& name, const StepCatalog& more = {});

}  // namespace kolosal::transform
