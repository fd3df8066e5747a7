#include "kolosal/automl/kept_rows.hpp"

#include "kolosal/core/error.hpp"
#include "kolosal/pipeline/kept_rows.hpp"

namespace kolosal::automl {

data::Frame kept_rows_of(const data::Frame& table, const RunOptions& options, Problem& problem) {
  if (options.n_kept_rows > problem.n_rows())
    problem.notes.push_back(fmt::format("--keep-rows {}: the table has {} rows with a target, all are kept",
                                        options.n_kept_rows, problem.n_rows()));
  auto rows = pipeline::draw_kept_rows(problem.target_view(), options.n_kept_rows, options.seed);
  data::Frame out = problem.features.take(rows);
  for (std::uint32_t& row : rows) row = problem.table_row(row);
  const std::string& target = options.problem.target;
  out.add(target, table.column(target).take(rows));
  return out;
}

}  // namespace kolosal::automl
