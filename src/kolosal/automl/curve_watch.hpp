#pragma once

#include <cstddef>
#include <vector>

namespace kolosal::automl {

/// Looks at a booster's validation loss every kRounds rounds and tells when it can not reach another's.
///
/// Losses fall ever slower. If the loss above the limit falls as rounds^-a, it has still to fall by
/// 1 / (2^a - 1) of what it fell in the last half of the rounds: by as much for a = 1, by 1.5 times as much
/// for a = 0.74. It is behind when even that leaves it above the loss to reach.
class CurveWatch {
 public:
  static constexpr std::size_t kRounds = 10;

  /// learning_rate: of the booster. Before the first 2.5 / learning_rate rounds a curve falls as fast as the
  /// rate lets it, and tells nothing.
  CurveWatch(double loss_to_reach, double learning_rate);
  /// loss: the best so far, kRounds rounds after the last call.
  bool is_behind(double loss);

 private:
  double loss_to_reach_;
  std::size_t n_least_looks_;
  std::vector<double> losses_;
};

}  // namespace kolosal::automl
