#include "kolosal/automl/affordable_rows.hpp"

#include <algorithm>
#include <limits>

#include "kolosal/core/random.hpp"

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
  // Selection sampling (Knuth, algorithm S): ascending row numbers, each row with the same chance.
  Rng rng(derive_seed(options.seed, {"affordable"}));
  std::vector<std::uint32_t> rows;
  rows.reserve(n_rows);
  for (std::size_t i = 0; i < table.n_rows() && rows.size() < n_rows; ++i)
    if (rng.below(table.n_rows() - i) < n_rows - rows.size()) rows.push_back(static_cast<std::uint32_t>(i));
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
  return table.take(rows);
}

}  // namespace kolosal::automl
