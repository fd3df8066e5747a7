#include "kolosal/service/short_recipe.hpp"

#include <algorithm>
#include <optional>

#include "kolosal/core/error.hpp"

namespace kolosal::service {
namespace {

using transform::StepSpec;

/// An option, the step whose parameter its words are, and words that mean other steps.
struct Option {
  const char* flag;
  const char* step;
  const char* param;
  std::vector<std::pair<std::string, StepSpec>> others;
};

const Option kImpute{"--impute", "impute", "strategy", {}};
const Option kScale{"--scale", "scale", "method", {}};
const Option kEncode{"--encode",
                     "",
                     "",
                     {{"onehot", StepSpec("one_hot", {{"dense", true}})},
                      {"one_hot", StepSpec("one_hot", {{"dense", true}})},
                      {"ordinal", StepSpec("ordinal_encode")},
                      {"frequency", StepSpec("frequency_encode")},
                      {"target", StepSpec("target_encode")}}};

/// The words that the parameter of the option's step takes.
std::vector<std::string> methods_of(const Option& option) {
  std::vector<std::string> out;
  if (!*option.step) return out;
  for (const ParamSpec& spec : transform::transformer_info(option.step).params)
    if (spec.name == option.param && spec.search)
      for (const ParamValue& value : spec.search->choices) out.push_back(to_string(value));
  return out;
}

std::optional<StepSpec> find_step(const Option& option, const std::string& word) {
  for (const auto& [name, step] : option.others)
    if (name == word) return step;
  const auto methods = methods_of(option);
  if (std::ranges::find(methods, word) != methods.end()) return StepSpec(option.step, {{option.param, word}});
  for (const std::string& name : {word, word + "_" + (option.flag + 2)})
    for (const transform::TransformerInfo& info : transform::transformers())
      if (info.name == name) return StepSpec(name);
  return {};
}

StepSpec step_of(const Option& option, const std::string& word) {
  if (auto step = find_step(option, word)) return std::move(*step);
  std::vector<std::string> known = methods_of(option);
  for (const auto& [name, step] : option.others) known.push_back(name);
  std::vector<std::string> steps = known;
  for (const transform::TransformerInfo& info : transform::transformers()) steps.push_back(info.name);
  const std::string near = nearest_name(word, steps);
  throw Error(ErrorCode::kInvalidParameter, "{}: there is no \"{}\"; {}", option.flag, word,
              near.empty() ? fmt::format("known are {}, and the name of any step", fmt::join(known, ", "))
                           : fmt::format("did you mean \"{}\"?", near));
}

}  // namespace

transform::RecipePlan plan_of(const ShortRecipe& words) {
  transform::RecipePlan out;
  const auto add = [&](const Option& option, const std::string& word) {
    if (!word.empty())
      out.steps.push_back({step_of(option, word), fmt::format("Asked for: {} {}.", option.flag, word)});
  };
  add(kImpute, words.impute);
  add(kScale, words.scale);
  add(kEncode, words.encode);
  for (auto& step : out.steps)
    step.spec.select.types = transform::transformer_info(step.spec.name).default_types;
  return out;
}

}  // namespace kolosal::service
