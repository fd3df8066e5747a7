#pragma once

#include <span>

namespace kolosal::model {

/// 1 / (1 + exp(-z)), without overflow.
double sigmoid(double z);

/// Turns scores into probabilities, in place. Returns log(sum of exp(score)).
double softmax(std::span<double> scores);

/// Scores of rows (n_rows x n_outputs) into probabilities, in place: sigmoid() for one output, else
/// softmax().
void scores_to_probabilities(std::span<double> scores, std::size_t n_outputs);

}  // namespace kolosal::model
