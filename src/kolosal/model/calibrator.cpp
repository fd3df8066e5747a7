#include "kolosal/model/calibrator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/model/link_functions.hpp"

namespace kolosal::model {
namespace {

constexpr double kTiny = 1e-15;  // as in metric::training_loss

constexpr std::array<std::pair<CalibrationKind, std::string_view>, 6> kNames = {{
    {CalibrationKind::kNone, "none"},
    {CalibrationKind::kTemperature, "temperature"},
    {CalibrationKind::kPlatt, "platt"},
    {CalibrationKind::kBeta, "beta"},
    {CalibrationKind::kIsotonic, "isotonic"},
    {CalibrationKind::kPlattPerClass, "platt_per_class"},
}};

void apply_temperature(std::span<double> prediction, std::size_t n_outputs, double temperature) {
  const double power = 1 / temperature;
  if (n_outputs == 1) {
    for (double& p : prediction) p = 1 / (1 + std::exp(-power * clipped_logit(p)));
    return;
  }
  for (std::size_t begin = 0; begin < prediction.size(); begin += n_outputs) {
    double sum = 0;
    for (std::size_t k = begin; k < begin + n_outputs; ++k)
      sum += prediction[k] = std::pow(std::max(prediction[k], kTiny), power);
    for (std::size_t k = begin; k < begin + n_outputs; ++k) prediction[k] /= sum;
  }
}

void apply_per_class(std::span<double> prediction, std::size_t n_outputs, std::span<const double> scalings) {
  for (std::size_t begin = 0; begin < prediction.size(); begin += n_outputs) {
    const auto row = prediction.subspan(begin, n_outputs);
    double sum = 0;
    for (std::size_t k = 0; k < n_outputs; ++k)
      sum += row[k] = sigmoid(scalings[2 * k] * clipped_logit(row[k]) + scalings[2 * k + 1]);
    // No class is likely at all: then all are alike.
    for (double& p : row) p = sum == 0 ? 1 / static_cast<double>(n_outputs) : p / sum;
  }
}

/// Linear between the knots, level outside.
double height_at(double p, std::span<const double> knots, std::span<const double> heights) {
  if (std::isnan(p)) return p;
  const auto above = static_cast<std::size_t>(std::ranges::lower_bound(knots, p) - knots.begin());
  if (above == 0) return heights.front();
  if (above == knots.size()) return heights.back();
  const double share = (p - knots[above - 1]) / (knots[above] - knots[above - 1]);
  return heights[above - 1] + share * (heights[above] - heights[above - 1]);
}

std::size_t n_parameters(CalibrationKind kind, std::size_t n_outputs) {
  switch (kind) {
    case CalibrationKind::kTemperature:
      return 1;
    case CalibrationKind::kPlatt:
      return 2;
    case CalibrationKind::kBeta:
      return 3;
    case CalibrationKind::kPlattPerClass:
      return 2 * n_outputs;
    case CalibrationKind::kNone:
    case CalibrationKind::kIsotonic:
      break;
  }
  return 0;
}

void require(bool is_good, const Calibrator& calibrator, const char* what) {
  if (!is_good)
    throw Error(ErrorCode::kModel, "the calibration \"{}\" of the model {}",
                calibration_name(calibrator.kind), what);
}

void check(const Calibrator& calibrator, std::size_t n_outputs) {
  const CalibrationKind kind = calibrator.kind;
  const bool is_binary_kind =
      kind == CalibrationKind::kPlatt || kind == CalibrationKind::kBeta || kind == CalibrationKind::kIsotonic;
  require(!is_binary_kind || n_outputs == 1, calibrator, "is for two classes only");
  require(kind != CalibrationKind::kPlattPerClass || n_outputs > 1, calibrator,
          "is for more than two classes only");
  require(calibrator.parameters.size() == n_parameters(kind, n_outputs), calibrator,
          "has not as many parameters as it needs");
  require(std::ranges::all_of(calibrator.parameters, [](double x) { return std::isfinite(x); }), calibrator,
          "has a parameter that is not finite");
  require(kind != CalibrationKind::kTemperature || calibrator.parameters.front() > 0, calibrator,
          "must have a temperature above 0");
  if (kind != CalibrationKind::kIsotonic) return;
  const auto& knots = calibrator.knots;
  const auto& heights = calibrator.heights;
  require(!knots.empty() && knots.size() == heights.size(), calibrator, "needs a height for each knot");
  require(std::ranges::adjacent_find(knots, [](double a, double b) { return !(a < b); }) == knots.end(),
          calibrator, "has knots that do not rise");
  require(std::ranges::is_sorted(heights) && heights.front() >= 0 && heights.back() <= 1, calibrator,
          "has heights that fall or are no probabilities");
}

}  // namespace

std::string_view calibration_name(CalibrationKind kind) {
  return std::ranges::find(kNames, kind, [](const auto& pair) { return pair.first; })->second;
}

double clipped_logit(double p) {
  const double q = std::clamp(p, kTiny, 1 - kTiny);
  return std::log(q / (1 - q));
}

Calibrator Calibrator::temperature(double value) { return {CalibrationKind::kTemperature, {value}, {}, {}}; }

void Calibrator::apply(std::span<double> prediction, std::size_t n_outputs) const {
  switch (kind) {
    case CalibrationKind::kNone:
      return;
    case CalibrationKind::kTemperature:
      return apply_temperature(prediction, n_outputs, parameters[0]);
    case CalibrationKind::kPlatt:
      for (double& p : prediction) p = sigmoid(parameters[0] * clipped_logit(p) + parameters[1]);
      return;
    case CalibrationKind::kBeta:
      for (double& p : prediction) {
        const double q = std::clamp(p, kTiny, 1 - kTiny);
        p = sigmoid(parameters[0] * std::log(q) - parameters[1] * std::log(1 - q) + parameters[2]);
      }
      return;
    case CalibrationKind::kIsotonic:
      for (double& p : prediction) p = height_at(p, knots, heights);
      return;
    case CalibrationKind::kPlattPerClass:
      return apply_per_class(prediction, n_outputs, parameters);
  }
}

bool Calibrator::keeps_order() const {
  switch (kind) {
    case CalibrationKind::kNone:
    case CalibrationKind::kTemperature:
      return true;
    case CalibrationKind::kPlatt:
      return parameters[0] > 0;
    case CalibrationKind::kBeta:
      return parameters[0] > 0 || parameters[1] > 0;
    case CalibrationKind::kIsotonic:
    case CalibrationKind::kPlattPerClass:
      break;
  }
  return false;
}

nlohmann::json to_json(const Calibrator& calibrator) {
  nlohmann::json out = {{"kind", calibration_name(calibrator.kind)}};
  if (!calibrator.parameters.empty()) out["parameters"] = calibrator.parameters;
  if (calibrator.kind == CalibrationKind::kIsotonic) {
    out["knots"] = calibrator.knots;
    out["heights"] = calibrator.heights;
  }
  return out;
}

Calibrator calibrator_from_json(const nlohmann::json& json, std::size_t n_outputs) {
  Calibrator out;
  const auto name = json.at("kind").get<std::string>();
  const auto known = std::ranges::find(kNames, name, [](const auto& pair) { return pair.second; });
  if (known == kNames.end())
    throw Error(ErrorCode::kModel, "the model's calibration \"{}\" is unknown to this program", name);
  out.kind = known->first;
  out.parameters = json.value("parameters", std::vector<double>{});
  out.knots = json.value("knots", std::vector<double>{});
  out.heights = json.value("heights", std::vector<double>{});
  check(out, n_outputs);
  return out;
}

}  // namespace kolosal::model
