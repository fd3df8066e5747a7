#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kolosal/automl/problem.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::service {

struct BenchmarkRequest {
  std::vector<std::filesystem::path> data;
  io::ReadOptions read;
  automl::ProblemOptions problem;  ///< Without a target: the last column of each table.
  /// Names of learners, with parameters as in "lightgbm:boosting=dart", and "automl". Empty: all that fit the
  /// task.
  std::vector<std::string> models;
  double budget_s = 30;  ///< Of each model on each table, over all folds.
  std::size_t n_folds = 3;
  std::uint64_t seed = 0;
};

/// How one model did on one table. Figures are means over the folds that ended.
struct BenchmarkRow {
  std::string model;  ///< Name of the learner, or "automl".
  std::string view;   ///< How the table looked to it; "" for automl.
  std::vector<double> fold_scores;
  double score = 0;      ///< NaN when no fold ended.
  double deviation = 0;  ///< Standard deviation over the folds; NaN with fewer than two.
  /// Seconds to fit one fold, preprocessing apart: on one thread, above 4 million cells on all of them; of
  /// automl the time of the whole search.
  double fit_s = 0;
  double predict_us_per_row = 0;  ///< Of one thread.
  std::size_t memory_bytes = 0;   ///< What fitting took above what was there, at most; 0: not known.
  std::size_t model_bytes = 0;
  std::string note;
};

struct TableBenchmark {
  std::filesystem::path data;
  std::string target, task, metric;
  bool higher_is_better = true;
  std::size_t n_rows = 0, n_columns = 0, n_folds = 0;
  std::vector<BenchmarkRow> rows;  ///< In the order of order_rows().
  std::vector<std::string> notes;
  std::string error;  ///< Why the table could not be used; then there are no rows.
};

/// The best first. Means of fewer folds are of other rows, so those models come behind; without any score
/// last.
void order_rows(TableBenchmark& table);

struct BenchmarkReport {
  std::vector<TableBenchmark> tables;
  double budget_s = 0;
  std::size_t n_threads = 1;
  bool interrupted = false;
};

/// Cross-validates every learner, with its first settings of the portfolio, and automl on tables: the same
/// folds for all, one after the other. automl searches anew within the training rows of each fold, so that
/// its score owes nothing to the rows it is judged on.
///
/// Budget:  a model that has used its seconds stops with what it has, or is left out of the folds it did not
///          reach; its note says so. context.cancel ends all soon, and the report has what there is.
/// progress: a line for the user when a model has ended on a table.
/// @throws Error kInvalidParameter for a model that does not exist; kNotFound and others when the only table
/// can not be used (of several, the others go on).
BenchmarkReport run_benchmark(const BenchmarkRequest& request, const Context& context,
                              const std::function<void(const std::string&)>& progress);

/// Models by their mean rank over the tables (1 is best): name, mean rank, number of tables; best first.
struct MeanRank {
  std::string model;
  double rank = 0;
  std::size_t n_tables = 0;
};
std::vector<MeanRank> mean_ranks(const BenchmarkReport& report);

nlohmann::json to_json(const BenchmarkReport& report);
/// One HTML file with plots that needs nothing else.
std::string benchmark_page(const BenchmarkReport& report);

}  // namespace kolosal::service
