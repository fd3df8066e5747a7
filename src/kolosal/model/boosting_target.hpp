#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kolosal/model/boosting_loss.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/model/forest.hpp"

namespace kolosal::model {

/// What a boosting library is to minimise, in its own and in our words.
struct Objective {
  std::string name;  ///< l2, l1, huber, quantile, poisson, gamma, tweedie, binary, focal, multiclass
  LossKind loss = LossKind::kSquared;
  Link link = Link::kIdentity;
  double parameter = 0;      ///< huber's limit, quantile's level, tweedie's power, focal's gamma
  bool any_unit = false;     ///< The target may be shifted and scaled.
  bool is_relative = false;  ///< Errors count by the size of the target.
};

/// What an objective may have beside its name.
struct ObjectiveParams {
  double alpha = 0.9;
  double tweedie_variance_power = 1.5;
  double focal_gamma = 2;
};

/// The objective of a task; `asked` is a regression objective, "focal" for two classes, or "auto" (l2).
/// @throws Error kInvalidParameter when `asked` is of another task.
Objective choose_objective(std::string_view learner, std::string_view asked, data::Task task,
                           const ObjectiveParams& params);

/// Targets and weights of a fit as the boosting libraries take them.
struct BoostingTarget {
  double center = 0;  ///< user's unit = center + scale * this unit
  double scale = 1;
  std::vector<float> train, train_weights;  ///< Weights empty: 1 each.
  std::vector<float> valid, valid_weights;
  Loss valid_loss;
};

/// class_weight "balanced": every class counts the same in sum, in training and in early stopping.
/// @throws Error kData for a target that the objective can not have.
BoostingTarget make_target(const data::TargetView& y, RowSplit rows, const Objective& objective,
                           std::string_view class_weight);

/// @throws Error kInvalidParameter naming the learner, the parameter and the values that exist.
void check_choice(std::string_view learner, std::string_view parameter, std::string_view value,
                  std::initializer_list<std::string_view> known);

/// The state of a fitted booster: its trees and the importance of its features.
void save_booster(artifact::Node& node, const Forest& forest, const std::vector<double>& importance);
/// @throws Error kModel when the trees are damaged or do not have that many features and outputs.
void load_booster(const artifact::Node& node, std::size_t n_features, std::size_t n_outputs, Forest& forest,
                  std::vector<double>& importance);

/// Gain per feature as shares of 1; all 0 becomes all equal.
std::vector<double> as_shares(std::vector<double> gain);

/// The parameters of a booster that say what is minimised and when it ends; all boosters have them alike.
template <typename P>
ParamTable<P> with_target_params(ParamTable<P> table) {
  return std::move(table)
      .param(
          "objective", &P::objective,
          "Loss of a regression: auto (l2), l2, l1, mape, huber, quantile, poisson, gamma or tweedie. auto "
          "for classes.")
      .param("alpha", &P::alpha,
             "huber: error, in standard deviations of the target, from which the loss is linear. quantile: "
             "the level.")
      .limits(1e-9, 1e9)
      .param("tweedie_variance_power", &P::tweedie_variance_power,
             "tweedie: 1 (as poisson) to below 2 (as gamma); how the variance grows with the mean.")
      .limits(1.0001, 1.9999)
      .param("class_weight", &P::class_weight, "none, or balanced: every class counts the same in sum.")
      .param("early_stopping_rounds", &P::early_stopping_rounds,
             "Rounds without a smaller loss on the validation rows after which it stops; 0: it does not.")
      .limits(0, 100000);
}

/// The parameters of a booster that has the focal loss.
template <typename P>
ParamTable<P> with_focal_params(ParamTable<P> table) {
  return std::move(table)
      .param("focal_gamma", &P::focal_gamma,
             "Objective focal, of two classes: how much less rows count that are told well; 0: log loss.")
      .limits(0, 10);
}

/// What those tables can not say: sets of names, and alpha by the objective. @throws Error kInvalidParameter
void check_target_params(std::string_view learner, std::string_view objective, std::string_view class_weight,
                         double alpha, bool has_focal = false);

}  // namespace kolosal::model
