#include "kolosal/automl/affordable_rows.hpp"

#include <algorithm>
#include <limits>

#include "kolosal/core/row_sample.hpp"

namespace kolosal::automl {

data::Frame affordable_rows(const data::Frame& table, const RunOptions& options, const Context& context,
                            const EventSink& sink) {
  constexpr double kSecondsPerCell = 50e-9;  // of prepare(), on one slow core
  constexpr std::size_t kMinRows = 50'000;
  if (!options.time_budget_s || table.n_rows() <= kMinRows) return table;
  const double n_cells = 0.25 * std::max(0.0, context.deadline.remaining_s()) / kSecondsPerCell;
  const auto n_rows =
      std::max(kMinRows, static_cast<std::size_t>(n_cells / static_cast<double>(table.n_columns())));
  if (n_rows >= table.n_rows()) return table;
  Rng rng(derive_seed(options.seed, {"affordable"}));
  if (sink) {
    Event event;
    event.kind = Event::Kind::kNote;
    event.phase = "read";
    event.message =
        fmt::format("the time is short for this table: {} of its {} rows, drawn at random, are used", n_rows,
                    table.n_rows());
    event.score = event.best_score = std::numeric_limits<double>::quiet_NaN();
    event.elapsed_s = Clock::system().now_s();
    event.remaining_s = context.deadline.remaining_s();
    sink(event);
  }
  return table.take(draw_rows(table.n_rows(), n_rows, rng));
}

}  // namespace kolosal::automl
