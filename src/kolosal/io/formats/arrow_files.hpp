#pragma once

#include <expected>
#include <string>

namespace kolosal::io {

/// The version of the Arrow library behind Parquet and Arrow files ("26.0.1"), or why these formats can not
/// be used here.
std::expected<std::string, std::string> arrow_library_version();

}  // namespace kolosal::io
