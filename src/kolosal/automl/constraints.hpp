#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/automl/portfolio.hpp"
#include "kolosal/automl/problem.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/model/monotone.hpp"
#include "kolosal/pipeline/model.hpp"

namespace kolosal::automl {

/// What the model must keep to. Part of the search: what can not keep to it is not tried.
struct Constraints {
  bool ensemble = true;        ///< false: one learner, refitted on all rows.
  bool interpretable = false;  ///< One tree or one linear model.
  std::vector<model::MonotoneColumn> monotone;
  std::optional<double> max_latency_us;          ///< Of one row, from raw cells to prediction, on one thread.
  std::optional<std::uint64_t> max_model_bytes;  ///< Of the model file.
  /// That the loaded model takes while it predicts one row, beside the program's own.
  std::optional<std::uint64_t> max_memory_bytes;

  bool is_single() const { return !ensemble || interpretable; }
  bool has_limits() const { return max_latency_us || max_model_bytes || max_memory_bytes; }
  /// Learners are fitted once more on all rows, so that none is the mean of its folds.
  bool wants_one_fit() const { return is_single() || has_limits(); }
};

/// As a run's settings hold them; {} for none.
nlohmann::json to_json(const Constraints& constraints);

/// @throws Error kInvalidParameter, kData for constraints that contradict each other or the problem: columns
/// that are not there or have no order, a direction for more than two classes.
void check_constraints(const Constraints& constraints, const Problem& problem);

/// What a user should know of monotone columns that are not among those of the base: no learner reads them.
std::vector<std::string> unread_monotone(const Constraints& constraints, const data::Frame& base);

/// The portfolio for the shape under the constraints; with the learners it would not try when every_learner.
/// `columns`: of the table after the base steps.
std::vector<Candidate> constrained_portfolio(const TableShape& shape, const Constraints& constraints,
                                             const std::vector<std::string>& columns, bool every_learner);

/// A candidate of another run is given the directions of this one's columns, on a view that can keep to them.
/// False when it can not keep to the constraints.
bool keep_to(const Constraints& constraints, const TableShape& shape, const std::vector<std::string>& columns,
             Candidate& candidate);

/// Views that boosters may have in place of each other under the constraints.
std::vector<std::string> constrained_views(std::vector<std::string> views, const Constraints& constraints);

/// How far a model is from the limits: 1 or less keeps to all.
struct Excess {
  double ratio = 0;     ///< largest of value / limit
  std::string message;  ///< "--max-latency-us 50: 80.2 us", of that one
};
/// What a model takes, as measured; what no constraint asks about may be 0.
struct ModelNeeds {
  double latency_us = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t memory_bytes = 0;
};
Excess excess_of(const Constraints& constraints, const ModelNeeds& needs);

/// Measures what the constraints ask about, on the model file and rows of the table.
ModelNeeds measure_needs(const Constraints& constraints, const std::filesystem::path& model,
                         const data::Frame& features, const Context& context);

/// Median time of a prediction of one row, over up to 200 rows of the table, in microseconds.
double one_row_latency_us(const pipeline::Model& model, const data::Frame& features, const Context& context);

/// Bytes that the process holds more once a model is loaded and has predicted a row of the table. Exact only
/// while no other thread allocates.
std::uint64_t loaded_bytes(const std::filesystem::path& model, const data::Frame& features,
                           const Context& context);

}  // namespace kolosal::automl
