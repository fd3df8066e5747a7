#include "kolosal/model/class_weights.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "kolosal/core/error.hpp"

namespace kolosal::model {
namespace {

std::vector<double> numbers_of(std::string_view rule, std::size_t n_classes) {
  std::vector<double> out;
  for (std::size_t begin = 0; begin <= rule.size();) {
    const std::size_t comma = std::min(rule.find(',', begin), rule.size());
    const std::string_view word = rule.substr(begin, comma - begin);
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !(value > 0) || !std::isfinite(value))
      throw Error(ErrorCode::kInvalidParameter,
                  "class weights are balanced, sqrt or a number above 0 for each class, not \"{}\"", rule);
    out.push_back(value);
    begin = comma + 1;
  }
  if (out.size() != n_classes)
    throw Error(ErrorCode::kInvalidParameter, "class weights {}: {} numbers for {} classes", rule, out.size(),
                n_classes);
  return out;
}

}  // namespace

void check_class_weight_rule(std::string_view rule, std::size_t n_classes) {
  if (rule != "balanced" && rule != "sqrt") numbers_of(rule, n_classes);
}

std::vector<double> class_weights(std::string_view rule, const data::TargetView& y,
                                  std::span<const std::uint32_t> rows) {
  const std::size_t n_classes = std::max<std::size_t>(y.n_classes, 2);
  if (rule != "balanced" && rule != "sqrt") return numbers_of(rule, n_classes);
  std::vector<double> of_class(n_classes, 0.0), out(n_classes, 1.0);
  for (const std::uint32_t row : rows) of_class[static_cast<std::size_t>(y.values[row])] += y.weight(row);
  const bool is_root = rule == "sqrt";
  // Each class weighs of_class times 1 / of_class, or 1 / sqrt(of_class); then all of it as much as before.
  double before = 0, after = 0;
  for (std::size_t k = 0; k < n_classes; ++k) {
    if (!(of_class[k] > 0)) continue;
    before += of_class[k];
    after += is_root ? std::sqrt(of_class[k]) : 1.0;
  }
  for (std::size_t k = 0; k < n_classes; ++k)
    if (of_class[k] > 0) out[k] = before / (after * (is_root ? std::sqrt(of_class[k]) : of_class[k]));
  return out;
}

}  // namespace kolosal::model
