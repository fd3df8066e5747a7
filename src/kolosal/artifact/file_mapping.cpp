#include "kolosal/artifact/file_mapping.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "kolosal/core/error.hpp"

namespace kolosal::artifact {
namespace {

// Closes a file at the end of its scope.
struct OpenFile {
  int number = -1;
  ~OpenFile() {
    if (number >= 0) close(number);
  }
};

}  // namespace

FileMapping map_model_file(const std::filesystem::path& file_path) {
  const std::string path = file_path.string();
  const OpenFile file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error(ErrorCode::kNotFound, "there is no model file '{}'", path);
    throw Error(ErrorCode::kIo, "can not read '{}': {}", path, std::generic_category().message(errno));
  }
  struct stat status{};
  if (fstat(file.number, &status) != 0)
    throw Error(ErrorCode::kIo, "can not read '{}': {}", path, std::generic_category().message(errno));
  if (S_ISDIR(status.st_mode)) throw Error(ErrorCode::kIo, "'{}' is a folder, not a model file", path);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorCode::kIo, "'{}' is no regular file; a model is mapped, not read", path);
  const auto n_bytes = static_cast<std::size_t>(status.st_size);
  if (n_bytes == 0) return {};
  void* data = mmap(nullptr, n_bytes, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (data == MAP_FAILED)
    throw Error(ErrorCode::kIo, "can not read '{}': {}", path, std::generic_category().message(errno));
  std::shared_ptr<const void> owner(data,
                                    [n_bytes](const void* p) { munmap(const_cast<void*>(p), n_bytes); });
  return {std::move(owner), {static_cast<const std::byte*>(data), n_bytes}};
}

}  // namespace kolosal::artifact
