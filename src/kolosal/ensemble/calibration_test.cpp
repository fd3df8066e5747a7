#include "kolosal/ensemble/calibration.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;

/// p^(1/T), normalized: the definition.
std::vector<double> cooled(std::vector<double> p, std::size_t n_outputs, double temperature) {
  for (std::size_t i = 0; i < p.size(); i += n_outputs) {
    double sum = n_outputs == 1 ? std::pow(1 - p[i], 1 / temperature) : 0;
    for (std::size_t k = i; k < i + n_outputs; ++k) sum += p[k] = std::pow(p[k], 1 / temperature);
    for (std::size_t k = i; k < i + n_outputs; ++k) p[k] /= sum;
  }
  return p;
}

/// Targets that are drawn from the probabilities; then the probabilities are raised to `power`.
struct Distorted {
  std::vector<double> y, prediction, weights;
  Distorted(std::size_t n, std::size_t n_outputs, double power) {
    Rng rng(n + n_outputs);
    for (std::size_t i = 0; i < n; ++i) {
      double u = rng.uniform();
      if (n_outputs == 1) {
        const double p = 0.02 + 0.96 * rng.uniform();
        y.push_back(u < p ? 1 : 0);
        prediction.push_back(p);
      } else {
        std::vector<double> row(n_outputs);
        double sum = 0;
        for (double& p : row) sum += p = std::exp(rng.normal());
        std::size_t c = 0;
        while (c + 1 < n_outputs && u >= row[c] / sum) u -= row[c++] / sum;
        y.push_back(static_cast<double>(c));
        for (const double p : row) prediction.push_back(p / sum);
      }
      weights.push_back(1 + rng.uniform());
    }
    prediction = cooled(prediction, n_outputs, 1 / power);
  }
};

TEST(Temperature, UndoesADistortion) {
  for (const std::size_t n_outputs : {1UL, 5UL})
    for (const double power : {0.4, 1.0, 2.5}) {
      const Distorted data(20'000, n_outputs, power);
      const TargetView y{n_outputs == 1 ? Task::kBinary : Task::kMulticlass,
                         data.y,
                         {},
                         std::max<std::size_t>(2, n_outputs)};
      EXPECT_NEAR(fit_temperature(y, data.prediction) / power, 1, 0.05);
    }
}

TEST(Temperature, HasTheSmallestLogLoss) {
  for (const std::size_t n_outputs : {1UL, 3UL}) {
    const Distorted data(5000, n_outputs, 1.7);
    const TargetView y{n_outputs == 1 ? Task::kBinary : Task::kMulticlass, data.y, data.weights,
                       std::max<std::size_t>(2, n_outputs)};
    const double best = fit_temperature(y, data.prediction);
    auto loss = [&](double t) { return metric::training_loss(y, cooled(data.prediction, n_outputs, t)); };
    EXPECT_LT(loss(best), loss(best * 1.02));
    EXPECT_LT(loss(best), loss(best / 1.02));
  }
}

TEST(Temperature, DoesNotRunAway) {
  const std::vector<double> y = {0, 1, 1}, right = {0.001, 0.999, 0.999}, wrong = {1, 0, 0};
  EXPECT_NEAR(fit_temperature({Task::kBinary, y, {}, 2}, right), 1, 0.05);
  EXPECT_LE(fit_temperature({Task::kBinary, y, {}, 2}, wrong), 10.0 + 1e-6);
  EXPECT_EQ(fit_temperature({Task::kBinary, {}, {}, 2}, {}), 1);
}

TEST(Temperature, LeavesOutRowsWithoutAPrediction) {
  Distorted data(500, 1, 2);
  const double before = fit_temperature({Task::kBinary, data.y, {}, 2}, data.prediction);
  data.y.push_back(1);
  data.prediction.push_back(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(fit_temperature({Task::kBinary, data.y, {}, 2}, data.prediction), before);
}

using model::CalibrationKind;
using model::Calibrator;
using nlohmann::json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pointwise;

std::vector<double> numbers(const json& list) { return list.get<std::vector<double>>(); }

/// tools/golden/calibration.py made the values.
TEST(Calibration, MatchesScikitLearnAndSciPy) {
  const json golden = json::parse(std::ifstream(test_data("calibration/golden.json")));
  const auto target = numbers(golden["target"]), weights = numbers(golden["weights"]);
  for (const json& c : golden["cases"]) {
    SCOPED_TRACE(c["name"].get<std::string>() + (c["weighted"].get<bool>() ? ", weighted" : ""));
    TargetView y{Task::kBinary, target, {}, 2};
    if (c["weighted"].get<bool>()) y.weights = weights;
    const auto prediction = numbers(c["prediction"]);
    const auto expect = [&](const Calibrator& calibrator, const char* key, double tolerance) {
      auto p = numbers(golden["new"]);
      calibrator.apply(p, 1);
      EXPECT_THAT(p, Pointwise(NanSensitiveDoubleNear(tolerance), numbers(c[key]))) << key;
    };
    // scikit-learn and SciPy stop at a slope of about 1e-5 and 1e-8.
    expect(fit_calibrator(CalibrationKind::kPlatt, y, prediction), "platt", 2e-5);
    expect(fit_calibrator(CalibrationKind::kIsotonic, y, prediction), "isotonic", 1e-12);
    expect(fit_beta_calibration(y, prediction, 0), "beta_0", 1e-6);
    expect(fit_calibrator(CalibrationKind::kBeta, y, prediction), "beta_1", 1e-6);
  }
  const auto classes = numbers(golden["per_class"]["target"]);
  auto p = numbers(golden["per_class"]["prediction"]);
  fit_calibrator(CalibrationKind::kPlattPerClass, {Task::kMulticlass, classes, weights, 3}, p).apply(p, 3);
  EXPECT_THAT(p, Pointwise(NanSensitiveDoubleNear(2e-5), numbers(golden["per_class"]["platt_per_class"])));
}

TEST(Calibration, OfSeparatedRowsStaysAwayFromCertainty) {
  std::vector<double> y, p;
  for (int i = 0; i < 50; ++i) {
    y.push_back(i < 25 ? 0 : 1);
    p.push_back(0.01 + 0.0196 * i);
  }
  for (const auto kind : {CalibrationKind::kPlatt, CalibrationKind::kBeta, CalibrationKind::kIsotonic}) {
    auto calibrated = p;
    fit_calibrator(kind, {Task::kBinary, y, {}, 2}, p).apply(calibrated, 1);
    EXPECT_GT(calibrated.front(), 1e-6) << model::calibration_name(kind);
    EXPECT_LT(calibrated.back(), 1 - 1e-6) << model::calibration_name(kind);
  }
}

TEST(Calibration, OfOnePredictionForAllRowsIsTheShareOfTheClass) {
  const std::vector<double> y = {1, 0, 0, 0, 1, 0, 0, 0}, p(8, 0.5);
  for (const auto kind : {CalibrationKind::kPlatt, CalibrationKind::kIsotonic}) {
    std::vector<double> calibrated = {0.5};
    fit_calibrator(kind, {Task::kBinary, y, {}, 2}, p).apply(calibrated, 1);
    EXPECT_NEAR(calibrated[0], 0.25, 0.05) << model::calibration_name(kind);
  }
}

}  // namespace
}  // namespace kolosal::ensemble
