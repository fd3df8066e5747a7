#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kolosal/core/param.hpp"

namespace kolosal::transform {

/// Which columns stay, given a score per column. The parameters of every step that ranks columns.
struct ChoiceParams {
  std::string choose = "top_k";
  std::int64_t k = 10;
  double share = 0.5;
  double threshold = 0;
  double alpha = 0.05;
};

/// @throws Error kInvalidParameter when `choose` is not one of the ways a step has. Those that need p-values
/// are p_value, fdr and bonferroni.
void check_choice(const ChoiceParams& params, std::string_view step, bool has_p_values);

/// 1 = stays. Columns of equal score: the earlier one is better; a NaN score is below all others.
///
///   top_k: the k best;  share: the best ceil(share * n);  threshold: scores of at least `threshold`;
///   p_value: p <= alpha;  bonferroni: p <= alpha / n;  fdr: Benjamini and Hochberg's (1995) rule, by which
///   the expected share of useless columns among the kept ones is at most alpha.
std::vector<std::uint8_t> choose_columns(std::span<const double> scores, std::span<const double> p_values,
                                         const ChoiceParams& params);

/// Columns that pass Benjamini and Hochberg's procedure at level alpha.
std::vector<std::uint8_t> pass_false_discovery_rate(std::span<const double> p_values, double alpha);

/// Declares the parameters above for a step whose parameter struct derives from ChoiceParams.
template <typename P>
ParamTable<P> choice_table(bool has_p_values) {
  auto table =
      ParamTable<P>()
          .param("choose", static_cast<std::string P::*>(&ChoiceParams::choose),
                 has_p_values ? "How columns are kept: top_k, share, threshold (of the score), p_value, fdr "
                                "(Benjamini-Hochberg) or bonferroni."
                              : "How columns are kept: top_k, share or threshold (of the score).")
          .param("k", static_cast<std::int64_t P::*>(&ChoiceParams::k), "top_k: how many columns are kept.")
          .limits(0, 1e9)
          .param("share", static_cast<double P::*>(&ChoiceParams::share),
                 "share: the part of the columns kept.")
          .limits(0, 1)
          .param("threshold", static_cast<double P::*>(&ChoiceParams::threshold),
                 "threshold: columns of at least this score are kept.")
          .limits(-1e308, 1e308);
  if (!has_p_values) return table;
  return std::move(table)
      .param("alpha", static_cast<double P::*>(&ChoiceParams::alpha),
             "p_value, fdr, bonferroni: the level of the test.")
      .limits(0, 1);
}

}  // namespace kolosal::transform
