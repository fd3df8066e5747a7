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

/// Null when it is none of them.
inline std::shared_ptr<const TransformerInfo> find_step(const StepCatalog& catalog, std::string_view name) {
  for (const auto& info : catalog)
    if (info->name == name) return info;
  return nullptr;
}

/// The transformer of a step that is about to be fitted on these columns of x.
inline std::unique_ptr<Transformer> make_step(const StepSpec& spec, const data::Frame& x,
                                              const std::vector<std::string>& columns,
                                              std::size_t max_features) {
  auto out = spec.make();
  out->keep_inputs(spec.select.keep);
  const std::size_t n_taken = spec.select.keep ? 0 : n_features(x.select(columns));
  out->limit_features(max_features, n_features(x) - n_taken);
  return out;
}

}  // namespace kolosal::transform
