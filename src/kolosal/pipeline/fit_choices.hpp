#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kolosal/core/param.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::pipeline {

/// Something of a registry by name, with its parameters.
struct NamedSpec {
  std::string name;
  ParamMap params;
};

/// What a fit may do between steps and learner, on its training rows alone: choose columns by a learner
/// (FeatureSelector), resample rows, then let the rows of a class count more or less. Rows that validate or
/// are predicted pass as they are.
struct FitChoices {
  std::optional<NamedSpec> selector = {};
  std::optional<NamedSpec> resampler = {};
  std::string class_weight = {};  ///< The rule of model::class_weights(); empty: every class counts alike.
  /// A learner of resampled or weighted rows believes that classes are as frequent as there. On:
  /// probabilities are taken back to the shares of the training rows (class_factors), and validation rows are
  /// weighted like resampled ones, so that early stopping looks at what is learned and not at the shares.
  bool keeps_class_shares = false;

  /// Another table than the one that was prepared is fitted.
  bool change_table() const { return selector.has_value() || resampler.has_value(); }
  bool are_none() const { return !change_table() && class_weight.empty(); }
};

/// Fits the learner, and prepares it before, unless `prepared` is of x and the choices do not change the
/// table. The learner remembers its columns by name, so predict() takes all of them. class_factors: what
/// apply_class_factors() needs afterwards; empty when there is nothing to take back. The report's predictions
/// have it applied.
/// @throws Error kData when no training row is left; else of the selector, resampler, learner.
model::FitReport fit_with_choices(model::Estimator& estimator, const FitChoices& choices,
                                  const data::Frame& x, const data::TargetView& y, model::RowSplit rows,
                                  const Context& context, std::vector<double>& class_factors,
                                  const model::Prepared* prepared = nullptr);

/// Probabilities under other shares of the classes: p_k' is p_k times factor k, made to sum to 1 (Elkan 2001,
/// "The foundations of cost-sensitive learning", theorem 2). prediction: as Estimator::predict() writes it;
/// one factor per class; none: nothing is done.
void apply_class_factors(std::span<double> prediction, std::span<const double> factors);

}  // namespace kolosal::pipeline
