#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/io/table_writer.hpp"

namespace kolosal::service {

struct ConvertRequest {
  std::filesystem::path data;
  std::filesystem::path output;
  io::ReadOptions read;
  io::WriteOptions write;
};

struct ConvertReport {
  std::size_t n_rows = 0;
  std::size_t n_columns = 0;
  std::vector<std::string> notes;
};

/// Copies a table into another format, batch by batch. @throws Error of the reader and the writer;
/// kInterrupted.
ConvertReport convert_file(const ConvertRequest& request, const Context& context);

}  // namespace kolosal::service
