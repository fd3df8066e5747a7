#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace kolosal::model {

/// How probabilities are made honest after a model has given them. p is a probability of the model.
enum class CalibrationKind {
  kNone,
  kTemperature,    ///< p^(1/T), made to sum to 1 again (Guo et al., 2017).
  kPlatt,          ///< sigmoid(slope * logit(p) + offset) (Platt, 1999).
  kBeta,           ///< sigmoid(a * log p - b * log(1 - p) + c), a and b at least 0 (Kull et al., 2017).
  kIsotonic,       ///< A line through knots that never falls (Zadrozny and Elkan, 2002).
  kPlattPerClass,  ///< kPlatt of each class against the others, then divided by the sum over the classes.
};

/// "none", "temperature", "platt", "beta", "isotonic", "platt_per_class".
std::string_view calibration_name(CalibrationKind kind);

/// A fitted calibration of classification probabilities; ensemble/calibration.hpp fits them.
struct Calibrator {
  CalibrationKind kind = CalibrationKind::kNone;
  /// T; slope, offset; a, b, c; or slope and offset of each class.
  std::vector<double> parameters;
  std::vector<double> knots;    ///< kIsotonic: probabilities of the model, ascending.
  std::vector<double> heights;  ///< kIsotonic: what they become, never falling, between 0 and 1.

  static Calibrator temperature(double value);

  /// In place. Shapes: n_rows x n_outputs, row by row (1 output: the probability of class 1). NaN stays NaN.
  void apply(std::span<double> prediction, std::size_t n_outputs) const;
  /// Whether it leaves rows (two classes) or the classes of a row (more) in their order, with no new ties.
  bool keeps_order() const;
};

nlohmann::json to_json(const Calibrator& calibrator);
/// @throws Error kModel for what apply() could not work with; nlohmann::json::exception for another shape.
Calibrator calibrator_from_json(const nlohmann::json& json, std::size_t n_outputs);

/// log(p / (1 - p)), with p kept 1e-15 away from 0 and 1.
double clipped_logit(double p);

}  // namespace kolosal::model
