#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace kolosal::artifact {

/// A file's bytes, mapped for reading as long as `owner` lives. An empty file has neither.
struct FileMapping {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};

/// @throws Error kNotFound; kIo for what is no regular file or can not be read.
FileMapping map_model_file(const std::filesystem::path& path);

}  // namespace kolosal::artifact
