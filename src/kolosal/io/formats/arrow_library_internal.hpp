#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>

#include "kolosal/core/error.hpp"
#include "kolosal/io/arrow_plugin/arrow_plugin.hpp"

namespace kolosal::io {

/// The functions of libkolosal_arrow.so.
struct ArrowLibrary {
  decltype(&kolosal_arrow_open) open = nullptr;
  decltype(&kolosal_arrow_create) create = nullptr;
  decltype(&kolosal_arrow_write) write = nullptr;
  decltype(&kolosal_arrow_close) close = nullptr;
  decltype(&kolosal_arrow_free) free = nullptr;
  decltype(&kolosal_arrow_version) version = nullptr;
};

/// Opens the library in one of the folders, or tells what is missing and how to get it.
std::expected<ArrowLibrary, std::string> load_arrow_library(std::span<const std::filesystem::path> folders);

/// The library of this process, opened on first use. @throws Error kUnsupported when it is missing.
const ArrowLibrary& arrow_library();

/// "Parquet" or "Arrow", for messages.
const char* shown_format(const std::string& format);

/// The code of an error that the library reports.
ErrorCode arrow_error_code(int status);

}  // namespace kolosal::io
