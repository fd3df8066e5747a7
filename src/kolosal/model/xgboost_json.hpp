#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kolosal/model/forest.hpp"

namespace kolosal::model {

/// What a file of XGBoost holds.
struct XgboostModel {
  Forest forest;          ///< With the link of the objective; dart's weights are in the leaves.
  std::string objective;  ///< "binary:logistic"
  std::string version;    ///< "3.2.0"
  std::vector<std::string> feature_names;  ///< Empty when it was trained without.
  std::vector<std::string>
      feature_types;  ///< "float", "int", "i", "q", "c" (categories); empty as the names.
  std::vector<std::vector<std::string>> levels;  ///< By feature, where the file has them; else empty.
  /// Of gblinear, which has no trees: n_features x n_outputs coefficients, then n_outputs intercepts.
  std::vector<double> linear;
  /// Rounds of which predictions are made: up to the best one when it was stopped early through
  /// scikit-learn's interface, as that does; else all.
  std::size_t n_rounds = 0;
  std::size_t n_rounds_left_out = 0;
};

/// Reads what XGBoost saves as JSON or UBJSON. Every index is checked: the bytes may be anything.
/// @throws Error kModel when it is damaged, or not of the form that is known here; kUnsupported for an
/// objective or kind of tree that is known and can not be done.
XgboostModel read_xgboost(std::span<const std::byte> file, bool is_ubjson);

/// A model that XGBoost saved as UBJSON just now, as a Forest of its first n_rounds rounds. The link is the
/// caller's, and decides how XGBoost's base score, which is a prediction, becomes a raw sum. gain: when not
/// null, gets the summed split gain of each feature.
/// @throws Error kModel when the model is not of the form that is known here.
Forest forest_from_xgboost(std::span<const std::byte> ubjson, std::size_t n_rounds, Link link,
                           std::vector<double>* gain = nullptr);

}  // namespace kolosal::model
