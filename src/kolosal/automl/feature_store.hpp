#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "kolosal/automl/portfolio.hpp"
#include "kolosal/core/cache.hpp"
#include "kolosal/model/estimator.hpp"
#include "kolosal/pipeline/splitter.hpp"
#include "kolosal/transform/prefix_cache.hpp"

namespace kolosal::automl {

/// A table as one fold of one view sees it: all rows, and the steps that made the columns.
struct FoldFeatures {
  data::Frame frame;
  std::shared_ptr<const transform::Recipe> shared;    ///< of the view, the same for all folds
  std::shared_ptr<const transform::Recipe> per_fold;  ///< fitted on the fold's training rows
};

/// What the stores of a run keep: frames by table, rows and steps, so that views which start alike share
/// their start, and learners' prepared forms of them. Each keeps what was used last, up to max_bytes
/// (estimated); the rest is made again when needed.
struct FeatureCache {
  explicit FeatureCache(std::size_t max_bytes)
      // Learners that want the newest at the same time must not all make it, be it ever so large.
      : prefixes(max_bytes), prepared({.max_bytes = max_bytes, .keeps_newest = true}) {}

  transform::PrefixCache prefixes;
  Cache<std::string, model::Prepared> prepared;
};

/// {"steps": {"hits": ..., "misses": ..., "evictions": ..., "entries": ..., "bytes": ...}, "prepared": ...}
nlohmann::json counters_json(const FeatureCache& cache);

/// Makes each view of each fold once, and each learner's prepared form of it once, however many trials want
/// them.
///
/// Threads: all members may be called from many threads; who comes second waits for the first.
class FeatureStore {
 public:
  /// base: all rows after the base steps. All arguments outlive the store.
  FeatureStore(const data::Frame& base, const data::TargetView& y, const std::vector<pipeline::Split>& splits,
               std::vector<View> views, std::shared_ptr<FeatureCache> cache);

  /// fold: index into splits, or kAllRows for features fitted on every row (refit).
  std::shared_ptr<const FoldFeatures> features(const std::string& view, std::size_t fold,
                                               const Context& context);
  std::shared_ptr<const model::Prepared> prepared(const model::Estimator& estimator, const std::string& view,
                                                  std::size_t fold, const Context& context);

  /// The fitted steps that all folds of a view share.
  std::shared_ptr<const transform::Recipe> shared_recipe(const std::string& view, const Context& context);

  std::span<const std::uint32_t> train_rows(std::size_t fold) const;
  std::span<const std::uint32_t> valid_rows(std::size_t fold) const;

  static constexpr std::size_t kAllRows = ~std::size_t{0};

 private:
  struct Made {
    data::Frame frame;
    std::shared_ptr<const transform::Recipe> recipe;
  };
  /// What all folds share.
  Made shared(const View& view, const Context& context);
  std::string fold_key(const View& view, std::size_t fold) const;

  const data::Frame& base_;
  const data::TargetView& y_;
  const std::vector<pipeline::Split>& splits_;
  std::map<std::string, View> views_;
  std::vector<std::uint32_t> all_rows_;
  std::uint64_t fingerprint_;
  std::shared_ptr<FeatureCache> cache_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const transform::Recipe>> fitted_;  // shared parts; they are small
};

}  // namespace kolosal::automl
