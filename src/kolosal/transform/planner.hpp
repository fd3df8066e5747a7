#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::transform {

/// Kinds of learners that want their columns alike.
enum class LearnerFamily {
  kTrees,       ///< Boosters and forests: take categories and missing cells as they are, no scale.
  kLinear,      ///< Linear models, support vector machines: numbers without holes, on one scale, without long
                ///< tails.
  kNeighbours,  ///< Distances: the same, and few columns per category.
  kNets,        ///< Neural nets: as linear models.
};

/// "trees", "linear", "neighbours", "nets".
std::vector<std::string> learner_families();
std::string_view family_name(LearnerFamily family);
/// @throws Error kInvalidParameter naming those that exist.
LearnerFamily family_from_name(std::string_view name);

struct PlannerOptions {
  LearnerFamily learner = LearnerFamily::kLinear;
  std::size_t max_features = 100'000;  ///< Recipe::max_features(); one-hot encoding stays well below it.
  /// x is the first rows of a table that is fitted by fit_stream(): only steps that can be, and none that
  /// drops columns, since later rows may differ; what is left out is told in the notes.
  bool in_batches = false;
};

/// Looks at a table and writes a recipe for it, with a reason per step; what is left as it is on purpose is
/// told in the notes. docs/design/preprocessing.md has the rules and where they come from.
///
/// y may have no values: then no step uses the target, and levels of large categories become counts.
/// The plan depends on the given rows alone, not on the number of threads.
RecipePlan plan_recipe(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const PlannerOptions& options, const Context& context);

}  // namespace kolosal::transform
