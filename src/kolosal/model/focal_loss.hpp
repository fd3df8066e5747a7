#pragma once

namespace kolosal::model {

/// The focal loss of two classes (Lin and others, 2017): -(1 - q)^gamma log q, where q is the probability
/// that the row's own class gets from the logistic of a score. Rows that are told well already count less;
/// gamma 0 is the log loss.

/// Minus the first derivative by the score, and the second, but no less than (1 - q)^gamma times that of the
/// log loss: the loss is concave where rows are told very badly, and a Newton step must go downhill there
/// too.
struct FocalDerivatives {
  double direction;
  double curvature;
};
FocalDerivatives focal_derivatives(bool is_positive, double score, double gamma);

/// The score that minimises the expected loss is not the log odds of the class: rows are told with less
/// certainty than they have. This takes such a score to the log odds (Charoenphakdee and others, 2021, "On
/// focal loss for class-posterior probability estimation", theorem 3). It rises with the score.
double focal_log_odds(double score, double gamma);

/// The score whose log odds are those of `share`, between 0 and 1.
double focal_score_of(double share, double gamma);

}  // namespace kolosal::model
