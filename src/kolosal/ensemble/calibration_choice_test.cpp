#include "kolosal/ensemble/calibration_choice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/thread_pool.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;
using model::CalibrationKind;

const metric::Metric& log_loss(Task task) { return metric::metric_for("log_loss", task); }

/// Rows whose chance of class 1 is known, and what a model that errs by `distort` says of them.
struct Binary {
  std::vector<double> y, prediction, truth;
  Binary(std::size_t n, std::uint64_t seed, const std::function<double(double)>& distort) {
    Rng rng(seed);
    for (std::size_t i = 0; i < n; ++i) {
      truth.push_back(0.02 + 0.96 * rng.uniform());
      y.push_back(rng.uniform() < truth.back() ? 1 : 0);
      prediction.push_back(distort(truth.back()));
    }
  }
  TargetView view() const { return {Task::kBinary, y, {}, 2}; }
  CalibrationChoice choice(const metric::Metric& metric, const Context& context = {}) const {
    return choose_calibration(view(), prediction, metric, context);
  }
};

double power_of_odds(double p, double power, double factor = 1) {
  const double odds = factor * std::pow(p / (1 - p), power);
  return odds / (1 + odds);
}

double steps(double p) {
  return p < 0.3 ? 0.55 * p : p < 0.6 ? 0.165 + 0.05 * (p - 0.3) : 0.18 + 2 * (p - 0.6);
}

/// The kind is the simplest that undoes the distortion, and the loss comes near that of the true chances.
TEST(CalibrationChoice, TakesTheSimplestKindThatHelps) {
  struct Case {
    const char* name;
    std::function<double(double)> distort;
    CalibrationKind wanted;
  };
  const Case cases[] = {
      {"honest", [](double p) { return p; }, CalibrationKind::kNone},
      {"too sure", [](double p) { return power_of_odds(p, 2.5); }, CalibrationKind::kTemperature},
      {"too sure and shifted", [](double p) { return power_of_odds(p, 2, 6); }, CalibrationKind::kPlatt},
      {"one-sided", [](double p) { return p * p * p; }, CalibrationKind::kBeta},
      {"in steps", steps, CalibrationKind::kIsotonic},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Binary data(8000, 3, c.distort);
    const auto got = data.choice(log_loss(Task::kBinary));
    EXPECT_EQ(model::calibration_name(got.calibrator.kind), model::calibration_name(c.wanted));
    const double best = metric::training_loss(data.view(), data.truth);
    EXPECT_NEAR(got.loss, best, 0.005);
    EXPECT_EQ(got.loss, metric::training_loss(data.view(), got.prediction));
    EXPECT_LE(got.loss, got.loss_before);
    // And new rows are told their true chances.
    std::vector<double> p = {c.distort(0.2), c.distort(0.8)};
    got.calibrator.apply(p, 1);
    EXPECT_NEAR(p[0], 0.2, 0.05);
    EXPECT_NEAR(p[1], 0.8, 0.05);
  }
}

TEST(CalibrationChoice, StepsAreNotTakenWhereTheRankingCounts) {
  const Binary data(8000, 3, steps);
  const auto got = data.choice(metric::metric_for("roc_auc", Task::kBinary));
  EXPECT_TRUE(got.calibrator.keeps_order());
  EXPECT_NE(got.calibrator.kind, CalibrationKind::kNone);
}

TEST(CalibrationChoice, FewRowsGetFewNumbers) {
  const auto kind = [](std::size_t n) {
    return Binary(n, 4, [](double p) { return power_of_odds(p, 4, 30); })
        .choice(log_loss(Task::kBinary))
        .calibrator.kind;
  };
  EXPECT_EQ(kind(15), CalibrationKind::kNone);
  EXPECT_EQ(kind(60), CalibrationKind::kTemperature);
  EXPECT_EQ(kind(400), CalibrationKind::kPlatt);
}

TEST(CalibrationChoice, ManyRowsOrThreadsAreNoMatter) {
  ThreadPool pool(3);
  const Binary data(50'000, 5, [](double p) { return power_of_odds(p, 2.5); });
  const auto one = data.choice(log_loss(Task::kBinary));
  const auto many = data.choice(log_loss(Task::kBinary), Context{&pool, 3});
  EXPECT_EQ(one.prediction, many.prediction);
  EXPECT_EQ(one.calibrator.parameters, many.calibrator.parameters);
  EXPECT_NEAR(one.calibrator.parameters.at(0), 2.5, 0.1);
}

TEST(CalibrationChoice, UnusableRowsAreLeftOut) {
  Binary data(2000, 6, [](double p) { return power_of_odds(p, 2.5); });
  const auto before = data.choice(log_loss(Task::kBinary));
  data.y.push_back(1);
  data.prediction.push_back(std::numeric_limits<double>::quiet_NaN());
  std::vector<double> weights(data.y.size(), 1.0);
  data.y.push_back(1);
  data.prediction.push_back(1e-9);
  weights.push_back(0);
  const TargetView y{Task::kBinary, data.y, weights, 2};
  // NaN spoils the loss of all rows, so the last one is taken away for it.
  const auto got = choose_calibration(y, data.prediction, log_loss(Task::kBinary), Context());
  EXPECT_EQ(got.calibrator.parameters, before.calibrator.parameters);
}

/// Three classes; the model believes too much in the first.
struct Multiclass {
  std::vector<double> y, prediction;
  Multiclass(std::size_t n, double power, double factor) {
    Rng rng(9);
    for (std::size_t i = 0; i < n; ++i) {
      double row[3], sum = 0;
      for (double& p : row) sum += p = std::exp(1.5 * rng.normal());
      double u = rng.uniform() * sum;
      std::size_t c = 0;
      while (c < 2 && u >= row[c]) u -= row[c++];
      y.push_back(static_cast<double>(c));
      row[0] *= factor;
      double total = 0;
      for (double& p : row) total += p = std::pow(p, power);
      for (const double p : row) prediction.push_back(p / total);
    }
  }
  TargetView view() const { return {Task::kMulticlass, y, {}, 3}; }
};

TEST(CalibrationChoice, OfManyClassesIsByClassOnlyWhereItPays) {
  const auto& metric = log_loss(Task::kMulticlass);
  const auto kind = [&](const Multiclass& data) {
    const auto got = choose_calibration(data.view(), data.prediction, metric, Context());
    EXPECT_LE(got.loss, got.loss_before);
    for (std::size_t i = 0; i < got.prediction.size(); i += 3)
      EXPECT_NEAR(got.prediction[i] + got.prediction[i + 1] + got.prediction[i + 2], 1, 1e-9);
    return got.calibrator.kind;
  };
  EXPECT_EQ(kind(Multiclass(5000, 1, 1)), CalibrationKind::kNone);
  EXPECT_EQ(kind(Multiclass(5000, 2, 1)), CalibrationKind::kTemperature);
  EXPECT_EQ(kind(Multiclass(5000, 1, 5)), CalibrationKind::kPlattPerClass);
  EXPECT_EQ(kind(Multiclass(50, 1, 5)), CalibrationKind::kTemperature) << "too few rows of a class";
}

}  // namespace
}  // namespace kolosal::ensemble
