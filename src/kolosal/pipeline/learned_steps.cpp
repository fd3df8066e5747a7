#include "kolosal/pipeline/learned_steps.hpp"

#include "kolosal/pipeline/selector_steps.hpp"

namespace kolosal::pipeline {

const transform::StepCatalog& learned_steps() {
  static const transform::StepCatalog catalog = [] {
    transform::StepCatalog out = selector_steps();
    out.push_back(linear_score_step());
    return out;
  }();
  return catalog;
}

}  // namespace kolosal::pipeline
