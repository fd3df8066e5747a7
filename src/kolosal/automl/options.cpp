#include "kolosal/automl/options.hpp"

#include "kolosal/core/error.hpp"

namespace kolosal::automl {

Preset preset_from_name(std::string_view name) {
  if (name == "fast") return Preset::kFast;
  if (name == "balanced") return Preset::kBalanced;
  if (name == "best") return Preset::kBest;
  throw Error(ErrorCode::kInvalidParameter, "unknown preset \"{}\"; there are fast, balanced and best", name);
}

std::string_view preset_name(Preset preset) {
  switch (preset) {
    case Preset::kFast:
      return "fast";
    case Preset::kBalanced:
      return "balanced";
    case Preset::kBest:
      return "best";
  }
  return "balanced";
}

}  // namespace kolosal::automl
