#include "kolosal/automl/class_weighting.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::automl {
namespace {

constexpr const char* kForms = "write none, search, balanced, sqrt or, for example, yes=5,no=1";

bool is_word(const std::string& asked) {
  return asked == "none" || asked == "search" || asked == "balanced" || asked == "sqrt";
}

double weight_of(const std::string& asked, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || !std::isfinite(value))
    throw Error(ErrorCode::kInvalidParameter, "--class-weight {}: \"{}\" is not a number above 0; {}", asked,
                text, kForms);
  return value;
}

/// Of the class that a word "name=5" begins with: names may hold an equals sign or a comma.
std::size_t class_at(const std::string& asked, std::string_view rest, const Problem& problem) {
  std::size_t best = problem.classes.size();
  for (std::size_t k = 0; k < problem.classes.size(); ++k) {
    const std::string& name = problem.classes[k];
    const bool fits = rest.starts_with(name) && rest.substr(name.size()).starts_with('=');
    if (fits && (best == problem.classes.size() || name.size() > problem.classes[best].size())) best = k;
  }
  if (best < problem.classes.size()) return best;
  const std::string word(rest.substr(0, rest.find(',')));
  const std::string name = word.substr(0, word.find('='));
  if (!word.contains('='))
    throw Error(ErrorCode::kInvalidParameter, "--class-weight {}: \"{}\" has no =; {}", asked, word, kForms);
  const std::string near = nearest_name(name, problem.classes);
  throw Error(ErrorCode::kInvalidParameter, "--class-weight {}: there is no class \"{}\"; there are {}{}",
              asked, name,
              fmt::join(problem.classes.begin(),
                        problem.classes.begin() +
                            static_cast<std::ptrdiff_t>(std::min<std::size_t>(8, problem.classes.size())),
                        ", "),
              near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

std::vector<double> weights_by_name(const std::string& asked, const Problem& problem) {
  std::vector<double> out(problem.classes.size(), 1.0);
  std::set<std::size_t> seen;
  std::string_view rest = asked;
  while (!rest.empty()) {
    const std::size_t k = class_at(asked, rest, problem);
    if (!seen.insert(k).second)
      throw Error(ErrorCode::kInvalidParameter, "--class-weight {}: class \"{}\" is given twice", asked,
                  problem.classes[k]);
    rest.remove_prefix(problem.classes[k].size() + 1);
    const std::size_t comma = rest.find(',');
    out[k] = weight_of(asked, std::string(rest.substr(0, comma)));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return out;
}

/// One of each family, weighted; boosters with both rules and the focal loss.
std::vector<Candidate> with_weighted_entries(const std::vector<Candidate>& portfolio, data::Task task) {
  std::vector<Candidate> out;
  const auto add = [&](const Candidate& entry, const char* rule) {
    out.push_back(entry);
    out.back().label += std::string(" ") + rule;
    out.back().choices.class_weight = rule;
  };
  for (const Candidate& entry : portfolio) {
    out.push_back(entry);
    if (!entry.choices.are_none()) continue;
    const bool is_booster = entry.label == "lightgbm small";
    if (is_booster || entry.label == "random forest" || entry.label == "linear") add(entry, "balanced");
    if (is_booster) add(entry, "sqrt");
    if (!is_booster || task != data::Task::kBinary) continue;
    out.push_back(entry);
    out.back().label += " focal";
    out.back().params["objective"] = std::string("focal");
  }
  return out;
}

}  // namespace

std::string class_weight_rule(const std::string& asked, const Problem& problem) {
  if (asked == "none") return asked;
  if (problem.task == data::Task::kRegression)
    throw Error(ErrorCode::kInvalidParameter,
                "--class-weight {} is for classes, but the target is a number ({}); drop it, or add --task "
                "multiclass",
                asked, problem.task_reason);
  return is_word(asked) ? asked : fmt::format("{}", fmt::join(weights_by_name(asked, problem), ","));
}

std::vector<Candidate> with_class_weights(std::vector<Candidate> portfolio, const std::string& rule,
                                          data::Task task) {
  // An earlier run may have told of some.
  std::erase_if(portfolio,
                [](const Candidate& candidate) { return !candidate.choices.class_weight.empty(); });
  if (rule == "none") return portfolio;
  if (rule == "search") return with_weighted_entries(portfolio, task);
  for (Candidate& candidate : portfolio) candidate.choices.class_weight = rule;
  return portfolio;
}

}  // namespace kolosal::automl
