#pragma once

#include <cstdint>

#include "kolosal/automl/problem.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/transform/recipe.hpp"
#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::automl {

/// The features after the base steps, which every view starts from; fitted on all rows without the target.
struct BaseTable {
  transform::RecipePlan plan;
  transform::Recipe recipe;
  data::Frame frame;
};

/// Identifiers are kept, with a note to the problem, when nothing else would be left.
/// @throws Error kData when no usable column is left.
BaseTable make_base_table(Problem& problem, std::uint64_t seed, const Context& context);

/// Adds a note to the problem when rows to come differ from the training rows.
void compare_test_rows(const data::Frame& test_rows, const transform::Recipe& base_steps,
                       const data::Frame& base, Problem& problem, const Context& context);

}  // namespace kolosal::automl
