#include "kolosal/transform/column_choice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kolosal::transform {
namespace {

// The n best of the scores.
std::vector<std::uint8_t> best_columns(std::span<const double> scores, std::size_t n) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto rank = [&](std::size_t c) {
    return std::isnan(scores[c]) ? -std::numeric_limits<double>::infinity() : scores[c];
  };
  std::ranges::stable_sort(order, std::ranges::greater{}, rank);
  std::vector<std::uint8_t> kept(scores.size());
  for (std::size_t i = 0; i < std::min(n, order.size()); ++i) kept[order[i]] = 1;
  return kept;
}

std::vector<std::uint8_t> where(std::span<const double> values, auto&& condition) {
  std::vector<std::uint8_t> kept;
  for (const double value : values) kept.push_back(condition(value) ? 1 : 0);
  return kept;
}

}  // namespace

void check_choice(const ChoiceParams& params, std::string_view step, bool has_p_values) {
  std::vector<std::string> known = {"top_k", "share", "threshold"};
  if (has_p_values) known.insert(known.end(), {"p_value", "fdr", "bonferroni"});
  if (std::ranges::find(known, params.choose) == known.end())
    throw Error(ErrorCode::kInvalidParameter, "{}: choose must be one of {}, not \"{}\"", step,
                fmt::join(known, ", "), params.choose);
}

std::vector<std::uint8_t> pass_false_discovery_rate(std::span<const double> p_values, double alpha) {
  std::vector<double> sorted(p_values.begin(), p_values.end());
  std::ranges::sort(sorted);
  double limit = -1;
  for (std::size_t i = 0; i < sorted.size(); ++i)
    if (sorted[i] <= alpha * static_cast<double>(i + 1) / static_cast<double>(sorted.size()))
      limit = sorted[i];
  return where(p_values, [&](double p) { return p <= limit; });
}

std::vector<std::uint8_t> choose_columns(std::span<const double> scores, std::span<const double> p_values,
                                         const ChoiceParams& params) {
  const auto n = static_cast<double>(scores.size());
  if (params.choose == "top_k") return best_columns(scores, static_cast<std::size_t>(params.k));
  if (params.choose == "share")
    return best_columns(scores, static_cast<std::size_t>(std::ceil(params.share * n - 1e-9)));
  if (params.choose == "threshold")
    return where(scores, [&](double score) { return score >= params.threshold; });
  if (params.choose == "fdr") return pass_false_discovery_rate(p_values, params.alpha);
  const double level = params.choose == "bonferroni" ? params.alpha / n : params.alpha;
  return where(p_values, [&](double p) { return p <= level; });
}

}  // namespace kolosal::transform
