#pragma once

#include <filesystem>

#include "kolosal/automl/run.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/io/table_reader.hpp"

namespace kolosal::service {

struct TrainRequest {
  std::filesystem::path data;
  std::filesystem::path test_data;  ///< Rows to come, compared with those of the table; empty: none.
  io::ReadOptions read;
  automl::RunOptions run;
};

/// Reads the table and runs the search on it.
///
/// Class names in the model are those of the file ("Yes", "1.0"), even where the column was typed as bool or
/// float.
/// @throws Error of io::read_table() and automl::run(); kMemory when the table can not be worked on within
/// the limit; kIo when the model can not be written (found before the search starts).
automl::RunResult train(const TrainRequest& request, const Context& context, const automl::EventSink& sink);

}  // namespace kolosal::service
