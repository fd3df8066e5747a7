#include "kolosal/service/output_place.hpp"

#include <unistd.h>

#include "kolosal/core/error.hpp"

namespace kolosal::service {

void check_output_place(const std::filesystem::path& file, const std::string& what) {
  if (std::filesystem::is_directory(file))
    throw Error(ErrorCode::kIo, "can not write {} to {}: it is a folder; give a file name", what,
                file.string());
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder))
    throw Error(ErrorCode::kIo, "can not write {} to {}: the folder {} does not exist", what, file.string(),
                folder.string());
  if (access(folder.c_str(), W_OK) != 0)
    throw Error(ErrorCode::kIo, "can not write {} to {}: no permission to write in {}", what, file.string(),
                folder.string());
}

}  // namespace kolosal::service
