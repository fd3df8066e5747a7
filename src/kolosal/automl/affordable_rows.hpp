#pragma once

#include "kolosal/automl/events.hpp"
#include "kolosal/automl/options.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"

namespace kolosal::automl {

/// The rows for which there is time: the table itself, or a random part of it, so that the steps before the
/// first fit take at most a quarter of what is left of a time budget. The user is told.
data::Frame affordable_rows(const data::Frame& table, const RunOptions& options, const Context& context,
                            const EventSink& sink);

}  // namespace kolosal::automl
