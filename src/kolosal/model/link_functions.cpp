#include "kolosal/model/link_functions.hpp"

#include <algorithm>
#include <cmath>

namespace kolosal::model {

double sigmoid(double z) {
  // exp() of a negative number only: no overflow.
  const double e = std::exp(-std::fabs(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

double softmax(std::span<double> scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
  return largest + std::log(sum);
}

void scores_to_probabilities(std::span<double> scores, std::size_t n_outputs) {
  if (n_outputs == 1) {
    for (double& value : scores) value = sigmoid(value);
  } else {
    for (std::size_t i = 0; i < scores.size(); i += n_outputs) softmax(scores.subspan(i, n_outputs));
  }
}

}  // namespace kolosal::model
