#include "kolosal/automl/valid_rows.hpp"

#include <gtest/gtest.h>

namespace kolosal::automl {
namespace {

using data::Task;

TEST(FoldLoss, IsTheLossThatTrialsAreComparedBy) {
  const std::vector<double> values = {10, 1, 20, 2, 40}, weights = {1, 2, 1, 3, 1};
  const std::vector<pipeline::Split> splits = {{{0, 1, 3}, {4, 2}}, {{0, 2, 4}, {3, 1}}};
  ValidRows valid({Task::kRegression, values, weights, 0}, splits);  // rows 1, 2, 3, 4
  const std::vector<double> all = {1.5, 26, 2.5, 30};
  const FoldLoss plain(valid, splits[0].valid);
  EXPECT_DOUBLE_EQ(plain.of_all(all), (10 * 10 + 6 * 6) / 2.0);
  EXPECT_EQ(plain.of_all(all), plain(std::vector<double>{30, 26}));

  valid.use_relative_losses();
  const std::vector<double> relative = {valid.loss_y.weights[3], valid.loss_y.weights[1]};
  ASSERT_LT(relative[0], relative[1]);  // an error of a large number counts less
  const FoldLoss by_size(valid, splits[0].valid);
  EXPECT_DOUBLE_EQ(by_size.of_all(all), (relative[0] * 100 + relative[1] * 36) / (relative[0] + relative[1]));
}

}  // namespace
}  // namespace kolosal::automl
