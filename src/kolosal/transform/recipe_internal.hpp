#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kolosal/transform/recipe.hpp"

namespace kolosal::transform {

/// Runs body; an error inside it says which step it was.
template <typename Body>
auto in_step(const std::string& name, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    throw Error(error.code(), "step {}: {}", name, error.what());
  }
}

/// The transformer of a step that is about to be fitted on these columns of x.
inline std::unique_ptr<Transformer> make_step(const StepSpec& spec, const data::Frame& x,
                                              const std::vector<std::string>& columns,
                                              std::size_t max_features) {
  auto out = make_transformer(spec.name, spec.params);
  out->keep_inputs(spec.select.keep);
  const std::size_t n_taken = spec.select.keep ? 0 : n_features(x.select(columns));
  out->limit_features(max_features, n_features(x) - n_taken);
  return out;
}

}  // namespace kolosal::transform
