#include "kolosal/ensemble/stacking.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kolosal/core/random.hpp"
#include "kolosal/metric/metric.hpp"

namespace kolosal::ensemble {
namespace {

using data::TargetView;
using data::Task;
using ::testing::ElementsAre;

using Predictions = std::vector<std::vector<double>>;

std::vector<std::span<const double>> spans(const Predictions& predictions) {
  return {predictions.begin(), predictions.end()};
}

double loss_at(const TargetView& y, const Predictions& predictions, const std::vector<double>& weights) {
  std::vector<double> blended(predictions.front().size());
  for (std::size_t c = 0; c < weights.size(); ++c)
    for (std::size_t i = 0; i < blended.size(); ++i) blended[i] += weights[c] * predictions[c][i];
  return metric::training_loss(y, blended);
}

TEST(ConvexStacking, IndependentErrorsGetWeightsByTheirVariance) {
  Rng rng(1);
  std::vector<double> y(4000);
  Predictions predictions(2, std::vector<double>(y.size()));
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = rng.normal();
    predictions[0][i] = y[i] + rng.normal();
    predictions[1][i] = y[i] + 2 * rng.normal();
  }
  const auto found = convex_stacking({Task::kRegression, y, {}, 0}, spans(predictions), {}, {});
  ASSERT_THAT(found.members, ElementsAre(0, 1));
  EXPECT_NEAR(found.weights[0], 0.8, 0.03);  // 1 / 1 against 1 / 4
}

TEST(ConvexStacking, NoOtherWeightsOnAGridHaveASmallerLoss) {
  for (const Task task : {Task::kRegression, Task::kBinary, Task::kMulticlass}) {
    SCOPED_TRACE(data::task_name(task));
    Rng rng(5);
    constexpr std::size_t kRows = 600;
    const std::size_t width = task == Task::kMulticlass ? 3 : 1;
    std::vector<double> y(kRows);
    Predictions predictions(3, std::vector<double>(kRows * width));
    for (std::size_t i = 0; i < kRows; ++i) {
      y[i] = task == Task::kRegression ? rng.normal()
                                       : static_cast<double>(rng.below(task == Task::kBinary ? 2 : 3));
      for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::size_t k = 0; k < width; ++k) {
          const double signal = task == Task::kRegression                                            ? y[i]
                                : static_cast<double>(y[i]) == static_cast<double>(k + (width == 1)) ? 1
                                                                                                     : -1;
          const double noisy = signal + (0.8 + 0.3 * static_cast<double>(c)) * rng.normal();
          sum += predictions[c][i * width + k] =
              task == Task::kRegression ? noisy : 1 / (1 + std::exp(-noisy));
        }
        for (std::size_t k = 0; k < width && width > 1; ++k) predictions[c][i * width + k] /= sum;
      }
    }
    const TargetView view{task, y, {}, task == Task::kRegression ? 0U : task == Task::kBinary ? 2U : 3U};
    StackingParams params;
    params.minimum_weight = 0;
    params.max_iterations = 2000;
    const double loss = convex_stacking(view, spans(predictions), params, {}).loss;
    for (int a = 0; a <= 20; ++a)
      for (int b = 0; a + b <= 20; ++b)
        EXPECT_GE(loss_at(view, predictions, {a / 20.0, b / 20.0, (20 - a - b) / 20.0}), loss - 1e-5);
  }
}

TEST(CrossFittedLoss, SeesThroughWeightsThatFitNoise) {
  // Forty candidates that know nothing: the best of them on the rows at hand is worse than it looks.
  Rng rng(9);
  std::vector<double> y(120);
  Predictions predictions(40, std::vector<double>(y.size()));
  for (double& value : y) value = rng.normal();
  for (auto& candidate : predictions)
    for (double& value : candidate) value = 0.5 * rng.normal();
  const TargetView view{Task::kRegression, y, {}, 0};
  const auto weigh = [](const TargetView& some, const std::vector<std::span<const double>>& candidates) {
    return convex_stacking(some, candidates, {}, {});
  };
  EXPECT_GT(cross_fitted_loss(view, spans(predictions), 5, weigh, {}),
            1.05 * weigh(view, spans(predictions)).loss);
}

}  // namespace
}  // namespace kolosal::ensemble
