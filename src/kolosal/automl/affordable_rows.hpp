#pragma once

#include "kolosal/automl/events.hpp"
#include "kolosal/automl/options.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::automl {

/// The rows for which there is time and memory: the table itself, or a random part of it, so that the steps
/// before the first fit take at most a quarter of what is left of a time budget, and a booster's fit stays
/// within the memory limit. The user is told. The table is given back column by column, so that at no moment
/// there are two of it.
/// @throws Error kMemory when the limit holds not even a few rows.
data::Frame affordable_rows(data::Frame table, const RunOptions& options, const Context& context,
                            const EventSink& sink);

}  // namespace kolosal::automl
