#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/schema.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/infer/session.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/transform/drift.hpp"

namespace kolosal::service {

struct EvaluateRequest {
  std::filesystem::path model;
  std::filesystem::path data;
  std::vector<std::string> metrics;  ///< Names; empty: all of the task.
  std::string weight;                ///< Column of row weights; "" = every row counts 1.
  io::ReadOptions read;
};

struct MetricScore {
  std::string name;
  std::string summary;
  bool higher_is_better = true;
  double value = 0;  ///< NaN where the rows do not define it (one class only).
};

struct Evaluation {
  data::Task task = data::Task::kRegression;
  std::string target;
  std::size_t n_rows = 0;  ///< That have a target.
  std::size_t n_without_target = 0;
  std::vector<MetricScore> scores;
  std::vector<std::string> classes;
  std::vector<double> confusion;  ///< n_classes x n_classes, true class by row; empty for regression.
  data::ConformReport conform;
  transform::DriftReport drift;  ///< As in PredictReport.
  std::vector<std::string> notes;
};

nlohmann::json to_json(const Evaluation& evaluation);

/// Scores a model on a table with known targets, batch by batch; only the predictions are kept.
/// @throws Error kData when a column is absent, no row has a target, or a class is unknown to the model;
/// kInvalidParameter for a metric of another task.
Evaluation evaluate_file(const EvaluateRequest& request, const Context& context);

// What evaluate_file() does with its table, for other rows.

/// The table of a request, with the columns that the model needs as it has them.
/// @throws Error kData when one is absent.
std::unique_ptr<io::TableStream> open_evaluation_rows(const EvaluateRequest& request,
                                                      const infer::Session& session, const Context& context);
Evaluation evaluate_rows(const EvaluateRequest& request, const infer::Session& session, io::TableStream& rows,
                         const Context& context);

}  // namespace kolosal::service
