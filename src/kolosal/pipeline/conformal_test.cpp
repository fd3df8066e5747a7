#include "kolosal/pipeline/conformal.hpp"

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::pipeline {
namespace {

using data::TargetView;
using data::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Targets 0, and predictions that are their errors.
Conformal of_errors(const std::vector<double>& errors) {
  const std::vector<double> zeros(errors.size(), 0.0);
  return {TargetView{Task::kRegression, zeros, {}, 0}, errors};
}

TEST(Conformal, ScoreHasTheRankOfTheFiniteSample) {
  const Conformal nine = of_errors({-9, 8, -7, 6, 5, 4, -3, 2, 1});
  EXPECT_EQ(nine.score_at(0.5), 5) << "rank ceil(10 * 0.5)";
  EXPECT_EQ(nine.score_at(0.51), 6);
  EXPECT_EQ(nine.score_at(0.9), 9);
  EXPECT_EQ(nine.score_at(0.7), 7) << "10 * 0.7 is a little more than 7 in floating point";
  EXPECT_EQ(nine.score_at(0.01), 1);
}

TEST(Conformal, RefusesLevelsThatNobodyCanPromise) {
  const Conformal nine = of_errors({9, 8, 7, 6, 5, 4, 3, 2, 1});
  EXPECT_ERROR(nine.score_at(0.91), kInvalidParameter, HasSubstr("9 validation rows"));
  EXPECT_ERROR(nine.score_at(0.91), kInvalidParameter, HasSubstr("0.9000"));
  for (const double level : {0.0, 1.0, -0.5, 90.0, std::nan("")})
    EXPECT_ERROR(nine.score_at(level), kInvalidParameter, HasSubstr("between 0 and 1"));
}

TEST(Conformal, OfManyRowsIsATableThatErrsToTheSafeSide) {
  std::vector<double> errors(50'000);
  for (std::size_t i = 0; i < errors.size(); ++i) errors[i] = static_cast<double>((i * 7919) % 50'000 + 1);
  const Conformal many = of_errors(errors);
  for (const double level : {0.05, 0.5, 0.9, 0.95, 0.99}) {
    const double exact = std::ceil(50'001 * level);
    EXPECT_GE(many.score_at(level), exact);
    EXPECT_LE(many.score_at(level), exact + 50);
  }
  EXPECT_EQ(many.score_at(0.9999), std::ceil(50'001 * 0.9999)) << "the highest are all there";
  artifact::Node node;
  many.save(node);
  EXPECT_LE(node.array<double>("scores").size(), 1101U);
  EXPECT_EQ(Conformal::load(node).score_at(0.9), many.score_at(0.9));
}

TEST(Conformal, RowsWithoutWeightOrPredictionAreLeftOut) {
  const std::vector<double> y = {0, 0, 0}, p = {1, 100, std::nan("")}, weights = {5, 0, 1};
  EXPECT_EQ(Conformal({Task::kRegression, y, weights, 0}, p).n_rows(), 1U);
  EXPECT_TRUE(Conformal({Task::kRegression, {}, {}, 0}, {}).is_empty());
}

/// A share of at least the level; at most 1 / (n + 1) more, and what chance makes of 20,000 rows.
TEST(Conformal, CoversTheShareThatIsPromised) {
  for (const Task task : {Task::kRegression, Task::kBinary, Task::kMulticlass}) {
    Rng rng(8);
    const std::size_t n_outputs = task == Task::kMulticlass ? 4 : 1;
    std::vector<double> y, p;
    const auto draw = [&](std::size_t n) {
      y.clear(), p.clear();
      for (std::size_t i = 0; i < n; ++i) {
        if (task == Task::kRegression) {
          p.push_back(rng.normal());
          y.push_back(p.back() + std::exp(rng.normal()));
        } else if (task == Task::kBinary) {
          p.push_back(rng.uniform());
          y.push_back(rng.uniform() < std::sqrt(p.back()) ? 1 : 0);
        } else {
          double row[4], sum = 0;
          for (double& value : row) sum += value = std::exp(2 * rng.normal());
          double u = rng.uniform() * sum;
          std::size_t c = 0;
          while (c < 3 && u >= row[c]) u -= row[c++];
          y.push_back(static_cast<double>(c));
          for (const double value : row) p.push_back(std::pow(value / sum, 0.7));
        }
      }
      return TargetView{task, y, {}, task == Task::kRegression ? 0UL : task == Task::kBinary ? 2UL : 4UL};
    };
    const TargetView known = draw(4000);
    const Conformal fitted(known, p);
    draw(20'000);
    for (const double level : {0.5, 0.8, 0.9, 0.98}) {
      const double score = fitted.score_at(level);
      double n_inside = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto row = std::span(p).subspan(i * n_outputs, n_outputs);
        const auto set = conformal_set(row, score);
        n_inside += task == Task::kRegression ? std::fabs(y[i] - row[0]) <= score
                                              : std::ranges::count(set, static_cast<std::size_t>(y[i])) > 0;
      }
      const double share = n_inside / static_cast<double>(y.size());
      // Four deviations of the share among 20,000 rows and of the level that 4000 scores give.
      const double allowed = 4 * std::sqrt(level * (1 - level) * (1.0 / 20'000 + 1.0 / 4000));
      EXPECT_GT(share, level - allowed) << data::task_name(task) << level;
      // The most probable class is always inside: at low levels that is more than was asked.
      if (task == Task::kRegression || level >= 0.9) {
        EXPECT_LT(share, level + allowed + 0.002) << data::task_name(task) << level;
      }
    }
  }
}

TEST(ConformalSet, HasTheClassesThatAreProbableEnough) {
  EXPECT_THAT(conformal_set(std::vector<double>{0.3}, 0.5), ElementsAre(0));
  EXPECT_THAT(conformal_set(std::vector<double>{0.3}, 0.7), ElementsAre(0, 1));
  EXPECT_THAT(conformal_set(std::vector<double>{0.8}, 0.5), ElementsAre(1));
  EXPECT_THAT(conformal_set(std::vector<double>{0.25, 0.5, 0.25}, 0.75), ElementsAre(0, 1, 2));
  EXPECT_THAT(conformal_set(std::vector<double>{0.2, 0.5, 0.3}, 0.7), ElementsAre(1, 2));
  EXPECT_THAT(conformal_set(std::vector<double>{0.3, 0.4, 0.3}, 0.1), ElementsAre(1)) << "never empty";
}

TEST(ConformalSet, IsWrittenWithBars) {
  const std::vector<std::string> classes = {"low", "a|b", "c\\d"};
  EXPECT_EQ(joined_set(classes, std::vector<std::size_t>{0}), "low");
  EXPECT_EQ(joined_set(classes, std::vector<std::size_t>{0, 1, 2}), "low|a\\|b|c\\\\d");
}

}  // namespace
}  // namespace kolosal::pipeline
