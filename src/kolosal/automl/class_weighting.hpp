#pragma once

#include <string>
#include <vector>

#include "kolosal/automl/portfolio.hpp"
#include "kolosal/automl/problem.hpp"

namespace kolosal::automl {

/// The user's word on how classes count while learners are fitted: "none", "search", or a rule of
/// model::class_weights(); "yes=5,no=1" becomes a number for each class, 1 for those that are not named.
/// @throws Error kInvalidParameter for a class that does not exist (nearest name), for a number that is not
/// above 0, and for targets that are not classes.
std::string class_weight_rule(const std::string& asked, const Problem& problem);

/// The portfolio under that word. none: no entry weighs classes; search: behind some entries come the same
/// with rules, and with the focal loss for two classes, and validation chooses; else every entry weighs by
/// the rule.
///
/// Weights are of the training rows of each fold alone. Validation rows count as they are, and probabilities
/// are taken back to the shares of the classes in the table.
std::vector<Candidate> with_class_weights(std::vector<Candidate> portfolio, const std::string& rule,
                                          data::Task task);

}  // namespace kolosal::automl
