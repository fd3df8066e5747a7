#pragma once

#include <vector>

#include "kolosal/cli/command.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/io/table_writer.hpp"

namespace kolosal::cli {

/// Appends the options that tell how an input table is read.
void add_read_options(std::vector<Option>& options);
/// @throws Error kInvalidParameter naming the flag and the value.
io::ReadOptions read_options(const Config& config);

/// Appends the options that tell how a result table is written.
void add_write_options(std::vector<Option>& options);
/// --batch-rows: of commands that read a table piece by piece.
void add_batch_options(std::vector<Option>& options);
io::WriteOptions write_options(const Config& config);

}  // namespace kolosal::cli
