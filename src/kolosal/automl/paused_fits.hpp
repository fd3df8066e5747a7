#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "kolosal/automl/feature_store.hpp"
#include "kolosal/model/estimator.hpp"

namespace kolosal::automl {

/// A fit on one fold that goes on where it stopped. Members are destroyed from the last to the first: the
/// rounds need the others.
struct OpenFit {
  std::shared_ptr<const FoldFeatures> features;
  std::unique_ptr<model::Estimator> estimator;
  std::shared_ptr<const model::Prepared> prepared;
  std::unique_ptr<model::RoundwiseFit> rounds;  ///< null: the learner has none
  double seconds = 0;                           ///< of one thread, so far
};

/// Boosters that were paused, in memory, so that a later trial can continue them. When they take more than
/// there is room for, those furthest behind are given up: continuing one of them means to fit it anew, with
/// the same result.
///
/// Threads: all members may be called from many threads.
class PausedFits {
 public:
  void set_max_bytes(std::size_t max_bytes);
  /// bytes: what it holds, estimated. behind: its loss divided by the one it was to reach.
  void keep(std::size_t trial, std::size_t fold, OpenFit fit, std::size_t bytes, double behind);
  /// Empty when it was given up, or never kept.
  std::optional<OpenFit> take(std::size_t trial, std::size_t fold);
  void clear();

 private:
  struct Entry {
    OpenFit fit;
    std::size_t bytes;
    double behind;
  };
  void make_room();

  std::mutex mutex_;
  std::size_t max_bytes_ = 0;
  std::size_t bytes_ = 0;
  std::map<std::pair<std::size_t, std::size_t>, Entry> entries_;  // by trial and fold
};

}  // namespace kolosal::automl
