#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kolosal/data/schema.hpp"
#include "kolosal/transform/recipe.hpp"
#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::service {

/// A recipe with what it has learned: all that new rows need to come out as the fitted ones did.
///
/// A file holds the blocks "recipe" (the plan as TOML, and of how many rows), "schema" (the columns it was
/// fitted on) and "state" (the fitted steps).
struct FittedRecipe {
  transform::RecipePlan plan;
  transform::Recipe recipe;
  data::Schema schema;  ///< All columns of the fitted table; those that steps may take are kFeature.
  std::size_t n_rows = 0;

  /// @throws Error kIo.
  void write(const std::filesystem::path& path) const;
  /// @throws Error kNotFound, kIo, kModel (damaged, too new, or not a recipe).
  static FittedRecipe open(const std::filesystem::path& path);
};

/// Whether the file is one of ours, by its first bytes, and no plan. @throws Error kNotFound, kIo (a folder).
bool is_container(const std::filesystem::path& path);

/// Reads a plan from a TOML file; its steps are those of transform and the selectors of pipeline. @throws
/// Error kNotFound, kIo, and as parse_recipe().
transform::RecipePlan read_plan(const std::filesystem::path& path);

/// Writes the plan as x.toml and the fitted recipe beside it as x.kolosal, whichever of the two names is
/// given.
void save_recipe(const FittedRecipe& fitted, const std::filesystem::path& path);

/// For `kolosal info`: steps with reasons, columns, sizes.
nlohmann::json describe_recipe(const std::filesystem::path& path);

}  // namespace kolosal::service
