#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kolosal/automl/feature_store.hpp"
#include "kolosal/automl/search.hpp"

namespace kolosal::automl {

/// A share of the training rows together with all validation rows: one rung of successive halving. Small
/// tables have one stage, with all rows. The validation rows are the same in every stage, so their results
/// compare and blend.
struct Stage {
  std::size_t rung = 0;
  std::size_t n_train_rows = 0;  ///< of the first split
  data::Frame base;
  std::vector<double> target;
  std::vector<double> weights;
  std::vector<std::int64_t> groups;
  data::TargetView y;
  std::vector<pipeline::Split> splits;
  std::unique_ptr<ValidRows> valid;
  TableShape shape;
  std::vector<View> views;
  std::unique_ptr<FeatureStore> store;

  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
};

/// Training rows per rung: {n} for a table that is small enough, else 20,000, eight times as many, ... n.
std::vector<std::size_t> rung_sizes(std::size_t n_train_rows, std::size_t n_columns, bool is_hold_out);

/// A stage of the first n_train_rows of a random order (by seed) of the hold-out's training rows; with all of
/// them when n_train_rows is as many. thread_seconds: of the run, for the share that made features may cost.
std::unique_ptr<Stage> make_stage(std::size_t rung, std::size_t n_train_rows, const data::Frame& base,
                                  const data::TargetView& y, const std::vector<pipeline::Split>& splits,
                                  std::shared_ptr<FeatureCache> cache, std::uint64_t seed,
                                  const Context& context, double thread_seconds = kThreadSecondsOfTrials);

}  // namespace kolosal::automl
