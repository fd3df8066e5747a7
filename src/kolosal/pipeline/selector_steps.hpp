#pragma once

#include "kolosal/transform/recipe.hpp"

namespace kolosal::pipeline {

/// Each FeatureSelector as a step of a recipe: it keeps the columns that a learner finds worth it, of those
/// it takes. For parse_recipe() and Recipe::load(); a StepSpec made in C++ gets its entry as `info`.
///
/// Columns: numbers, categories and sparse columns; others pass. A sparse column stays or goes as a whole.
/// The target is needed, and is seen of fitted rows only.
const transform::StepCatalog& selector_steps();

}  // namespace kolosal::pipeline
