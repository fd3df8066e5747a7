#include "kolosal/service/training.hpp"

#include <cmath>
#include <limits>

#include "kolosal/automl/nested.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/service/output_place.hpp"

namespace kolosal::service {
namespace {

/// The target column again, with every cell as the file has it, when typing has changed how its classes are
/// written.
data::Frame with_class_names(data::Frame table, const TrainRequest& request, const Context& context) {
  const auto& target = request.run.problem.target;
  const auto at = table.find(target);
  if (!at || request.data == "-" || request.run.problem.task == "regression") return table;
  const data::Column& column = table.column(*at);
  const bool is_bool = column.type() == data::ColumnType::kBool;
  const bool is_float = column.type() == data::ColumnType::kFloat64;
  if (!is_bool && !is_float) return table;
  if (is_float) {
    // Only a float column of two values (or one that the user calls classes) is a class.
    const bool asked = request.run.problem.task != "auto";
    double seen[2];
    std::size_t n = 0;
    for (std::size_t i = 0; i < column.size() && n < 3; ++i) {
      const double value = column.number(i);
      if (std::isnan(value) || (n > 0 && value == seen[0]) || (n > 1 && value == seen[1])) continue;
      if (n < 2) seen[n] = value;
      ++n;
    }
    if (n > 2 && !asked) return table;
  }
  io::ReadOptions options = request.read;
  options.columns = {target};
  options.types[target] = "category";
  const data::Frame names = io::read_table(request.data, options, context);
  if (names.n_rows() != table.n_rows()) return table;
  std::vector<std::string> all = table.names();
  std::vector<data::Column> columns;
  for (std::size_t i = 0; i < table.n_columns(); ++i)
    columns.push_back(i == *at ? names.column(0) : table.column(i));
  return {std::move(all), std::move(columns)};
}

}  // namespace

automl::RunResult train(const TrainRequest& request, const Context& context, const automl::EventSink& sink) {
  check_output_place(request.run.output, "the model");  // found out now and not after an hour
  if (sink) {
    automl::Event event;
    event.kind = automl::Event::Kind::kPhase;
    event.phase = event.message = "read";
    event.score = event.best_score = std::numeric_limits<double>::quiet_NaN();
    event.elapsed_s = Clock::system().now_s();
    event.remaining_s = context.deadline.remaining_s();
    sink(event);
  }
  io::ReadReport report;
  data::Frame table = io::read_table(request.data, request.read, context, &report);
  table = with_class_names(std::move(table), request, context);
  automl::RunOptions options = request.run;
  if (options.data_name.empty()) options.data_name = request.data.filename().string();
  if (!request.test_data.empty())
    options.test_rows =
        std::make_shared<const data::Frame>(io::read_table(request.test_data, request.read, context));
  if (options.n_nested > 0) return automl::run_nested(std::move(table), options, context, sink);
  return automl::run(std::move(table), options, context, sink);
}

}  // namespace kolosal::service
