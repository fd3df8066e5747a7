#include "kolosal/automl/affordable_rows.hpp"

#include <algorithm>
#include <limits>

#include "kolosal/automl/memory_need.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/core/row_sample.hpp"

namespace kolosal::automl {
namespace {

/// Of which a model is still worth having.
constexpr std::size_t kFewestRows = 2'000;

std::size_t rows_in_time(const data::Frame& table, const RunOptions& options, const Context& context) {
  constexpr double kSecondsPerCell = 50e-9;  // of prepare(), on one slow core
  constexpr std::size_t kMinRows = 50'000;
  if (!options.time_budget_s || table.n_rows() <= kMinRows) return table.n_rows();
  const double n_cells = 0.25 * std::max(0.0, context.deadline.remaining_s()) / kSecondsPerCell;
  return std::max(kMinRows, static_cast<std::size_t>(n_cells / static_cast<double>(table.n_columns())));
}

void tell(const std::string& message, const Context& context, const EventSink& sink) {
  if (!sink) return;
  Event event;
  event.kind = Event::Kind::kNote;
  event.phase = "read";
  event.message = message;
  event.score = event.best_score = std::numeric_limits<double>::quiet_NaN();
  event.elapsed_s = Clock::system().now_s();
  event.remaining_s = context.deadline.remaining_s();
  sink(event);
}

/// The rows of the table, whose columns are let go one after the other.
data::Frame shrink(data::Frame table, std::span<const std::uint32_t> rows) {
  std::vector<std::string> names = table.names();
  std::vector<data::Column> columns = std::move(table).columns();
  for (data::Column& column : columns) column = column.take(rows);
  give_back_free_memory();
  return {std::move(names), std::move(columns)};
}

}  // namespace

data::Frame affordable_rows(data::Frame table, const RunOptions& options, const Context& context,
                            const EventSink& sink) {
  const std::size_t in_time = rows_in_time(table, options, context);
  const std::size_t in_memory = rows_within(context.memory_limit_bytes, table);
  if (in_memory < std::min(table.n_rows(), kFewestRows))
    throw Error(
        ErrorCode::kMemory,
        "the memory limit of {} holds only {} of the {} rows of the table ({} in memory) and a model's "
        "fit; raise --memory-limit",
        format_bytes(context.memory_limit_bytes), in_memory, table.n_rows(), format_bytes(table.n_bytes()));
  const std::size_t n_rows = std::min(in_time, in_memory);
  if (n_rows >= table.n_rows()) return table;
  tell(fmt::format("the {} is short for this table: {} of its {} rows, drawn at random, are used",
                   in_memory < in_time ? "memory" : "time", n_rows, table.n_rows()),
       context, sink);
  Rng rng(derive_seed(options.seed, {"affordable"}));
  const auto rows = draw_rows(table.n_rows(), n_rows, rng);
  return shrink(std::move(table), rows);
}

}  // namespace kolosal::automl
