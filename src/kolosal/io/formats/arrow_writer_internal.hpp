#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "kolosal/io/table_writer.hpp"

namespace kolosal::io {

/// A writer of "parquet" or "arrow". To the standard output, "arrow" is an IPC stream, which readers can take
/// as it comes.
/// @throws Error kIo when the place can not be written to, kUnsupported without the Arrow library.
std::unique_ptr<TableWriter> make_arrow_writer(const std::filesystem::path& path, const std::string& format);

}  // namespace kolosal::io
