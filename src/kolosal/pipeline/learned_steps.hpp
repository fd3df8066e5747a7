#pragma once

#include "kolosal/transform/recipe.hpp"

namespace kolosal::pipeline {

/// The steps of a recipe that know learners: `linear_score`, and each FeatureSelector (selector_steps()). For
/// parse_recipe() and Recipe::load(); a StepSpec made in C++ gets its entry as `info`.
const transform::StepCatalog& learned_steps();

/// linear_score: see linear_score.cpp.
std::shared_ptr<const transform::TransformerInfo> linear_score_step();

/// The smallest number of fitted rows that get scores; fewer are all missing.
inline constexpr std::size_t kLeastScoredRows = 10;

}  // namespace kolosal::pipeline
