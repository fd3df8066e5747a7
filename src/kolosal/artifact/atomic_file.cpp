#include "kolosal/artifact/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "kolosal/core/error.hpp"

namespace kolosal::artifact {
namespace {

// Linux writes at most 2 GiB at once.
constexpr std::size_t kMaxWriteBytes = std::size_t{1} << 30;

std::string reason(int error) {
  switch (error) {
    case ENOSPC:
      return "the disk is full";
    case EDQUOT:
      return "the disk quota is used up";
    case EACCES:
    case EPERM:
      return "permission denied";
    case EROFS:
      return "the file system is read-only";
    case ENOENT:
      return "the folder does not exist";
    case ENOTDIR:
      return "a part of the path is no folder";
    default:
      return std::generic_category().message(error);
  }
}

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error(ErrorCode::kIo, "can not write '{}': {}", path.string(), reason(error));
}

// An open file that is gone unless it is committed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    static std::atomic<unsigned> counter{0};
    // A name that is taken belongs to a process that died; the next number is free.
    for (int attempt = 0; attempt < 1000; ++attempt) {
      path_ = target.parent_path() /
              fmt::format(".{}.{}-{}.tmp", target.filename().string(), getpid(), counter++);
      file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file_ >= 0 || errno != EEXIST) break;
    }
    if (file_ < 0) fail(target_, errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (file_ >= 0) close(file_);
    if (!committed_) unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_, bytes.data(), std::min(bytes.size(), kMaxWriteBytes));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(target_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  void commit(bool durable) {
    if (durable && fsync(file_) != 0) fail(target_, errno);
    const int closed = close(file_);
    file_ = -1;
    if (closed != 0) fail(target_, errno);
    if (rename(path_.c_str(), target_.c_str()) != 0) fail(target_, errno);
    committed_ = true;
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  int file_ = -1;
  bool committed_ = false;
};

// The rename itself is durable once the folder is on the disk. Some file systems can not sync a folder
// (EINVAL).
void sync_folder(const std::filesystem::path& target) {
  const auto folder = target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;  // a folder that may be written but not read: the file is in place all the same
  const int failed = fsync(file) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;
  close(file);
  if (failed != 0) fail(target, failed);
}

// The file behind a symbolic link, so that the link stays one. Refuses folders and devices: rename would
// replace them.
std::filesystem::path real_target(const std::filesystem::path& path) {
  if (path.empty() || !path.has_filename())
    throw Error(ErrorCode::kIo, "can not write '{}': it is no file name", path.string());
  std::error_code ignored;  // what does not exist (yet) is no failure here
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status))
    throw Error(ErrorCode::kIo, "can not write '{}': it is a folder", path.string());
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw Error(ErrorCode::kIo, "can not write '{}': it is no regular file", path.string());
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, ignored))) return path;
  const auto real = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? path : real;
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes,
                           bool durable) {
  write_pieces_atomically(path, [&](const ByteSink& sink) { sink(bytes); }, durable);
}

void write_pieces_atomically(const std::filesystem::path& path,
                             const std::function<void(const ByteSink&)>& produce, bool durable) {
  const auto target = real_target(path);
  {
    TemporaryFile file(target);
    produce([&](std::span<const std::byte> bytes) { file.write(bytes); });
    file.commit(durable);
  }
  if (durable) sync_folder(target);
}

}  // namespace kolosal::artifact
