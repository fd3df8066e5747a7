#pragma once

#include <vector>

#include "kolosal/model/mlp_input.hpp"
#include "kolosal/model/mlp_predictor.hpp"

namespace kolosal::model {

/// An estimator that predicts by networks, for those who ask for them (dynamic_cast).
class NetworkLearner {
 public:
  virtual ~NetworkLearner() = default;
  /// Of the last fit or load.
  virtual const MlpInput& input() const = 0;
  virtual const std::vector<MlpPredictor>& networks() const = 0;
};

}  // namespace kolosal::model
