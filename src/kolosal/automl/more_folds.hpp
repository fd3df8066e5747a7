#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/automl/assembly.hpp"
#include "kolosal/automl/stage.hpp"

namespace kolosal::automl {

/// Fits the members of a blend on further folds of a small table, so that each becomes the mean of more fits.
/// Scores and weights stay those of the folds that the search saw: a longer run is judged by the same rows in
/// the same parts as a shorter one.
class MoreFolds {
 public:
  /// splits: dealt anew. The stage must outlive this.
  MoreFolds(const Stage& stage, std::vector<pipeline::Split> splits);
  MoreFolds(const MoreFolds&) = delete;
  MoreFolds& operator=(const MoreFolds&) = delete;

  /// Seconds that they will take for these members, on n_threads.
  double expected_s(const std::vector<TrialResult>& members, std::size_t n_threads) const;

  /// By index into the results. Fold after fold for all members; what can not end in time, or fails, is left
  /// out; note() tells of failures. context: with the deadline and the seed of the run.
  std::map<std::size_t, std::vector<artifact::Node>> run(const Blend& blend,
                                                         const std::vector<TrialResult>& results,
                                                         const Context& context,
                                                         const std::function<void(std::string)>& note);

 private:
  const Stage& stage_;
  std::vector<pipeline::Split> splits_;
  FeatureStore store_;  // with a cache of its own: what is made of a fold goes by the fold's number
};

}  // namespace kolosal::automl
