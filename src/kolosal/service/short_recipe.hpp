#pragma once

#include <string>

#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::service {

/// A recipe in three words, as they are given on a command line. Empty: no such step.
///
/// Each is a method of the step of that name ("median" of impute, "robust" of scale), the name of a
/// transformer ("target_encode"), or a usual short name ("onehot", "target", "ordinal", "frequency").
struct ShortRecipe {
  std::string impute;
  std::string scale;
  std::string encode;

  bool empty() const { return impute.empty() && scale.empty() && encode.empty(); }
};

/// Fills first, then scales numbers, then encodes categories, so that encoded columns are not scaled.
/// @throws Error kInvalidParameter naming the option, the word, and the nearest that is known.
transform::RecipePlan plan_of(const ShortRecipe& words);

}  // namespace kolosal::service
