#pragma once

#include <filesystem>
#include <string>

namespace kolosal::service {

/// Finds out before the work, and not after an hour of it, that its result can not be written. `what` is for
/// the message: "the model".
/// @throws Error kIo when the file is a folder, or its folder does not exist or may not be written in.
void check_output_place(const std::filesystem::path& file, const std::string& what);

}  // namespace kolosal::service
