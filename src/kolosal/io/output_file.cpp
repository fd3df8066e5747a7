#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/output_file_internal.hpp"

namespace kolosal::io {

class OutputFile::Compressor {
 public:
  virtual ~Compressor() = default;
  virtual void write(OutputFile& out, std::string_view bytes, bool last) = 0;
};

class OutputFile::Gzip final : public Compressor {
 public:
  Gzip() : output_(256 << 10) {
    if (deflateInit2(&stream_, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw Error(ErrorCode::kMemory, "no memory to compress with gzip");
  }
  ~Gzip() override { deflateEnd(&stream_); }

  void write(OutputFile& out, std::string_view bytes, bool last) override {
    do {
      const std::string_view part = bytes.substr(0, std::size_t{1} << 30);
      bytes.remove_prefix(part.size());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      int status = Z_OK;
      do {
        stream_.next_out = reinterpret_cast<Bytef*>(output_.data());
        stream_.avail_out = static_cast<uInt>(output_.size());
        status = deflate(&stream_, last && bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
        out.write_plain(output_.data(), output_.size() - stream_.avail_out);
      } while (stream_.avail_out == 0 && status != Z_STREAM_END);
    } while (!bytes.empty());
  }

 private:
  z_stream stream_{};
  std::vector<char> output_;
};

class OutputFile::Zstd final : public Compressor {
 public:
  Zstd() : output_(ZSTD_CStreamOutSize()), stream_(ZSTD_createCStream()) {
    if (!stream_) throw Error(ErrorCode::kMemory, "no memory to compress with zstd");
  }
  ~Zstd() override { ZSTD_freeCStream(stream_); }

  void write(OutputFile& out, std::string_view bytes, bool last) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer buffer{output_.data(), output_.size(), 0};
      const std::size_t left =
          ZSTD_compressStream2(stream_, &buffer, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left))
        throw Error(ErrorCode::kIo, "cannot compress {}: {}", out.path_.string(), ZSTD_getErrorName(left));
      out.write_plain(output_.data(), buffer.pos);
      if (last ? left == 0 : in.pos == in.size) return;
    }
  }

 private:
  std::vector<char> output_;
  ZSTD_CStream* stream_;
};

OutputFile::OutputFile(const std::filesystem::path& path) : path_(path) {
  if (path == "-") {
    path_ = "standard output";
    fd_ = STDOUT_FILENO;
    return;
  }
  struct stat status{};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    throw Error(ErrorCode::kIo, "cannot write {}: it is a folder; name a file in it", path.string());
  if (path.extension() == ".gz") compressor_ = std::make_unique<Gzip>();
  if (path.extension() == ".zst") compressor_ = std::make_unique<Zstd>();
  // Devices and pipes can not be renamed over.
  if (exists && !S_ISREG(status.st_mode)) {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    temporary_ = path;
    temporary_ += fmt::format(".{}.tmp", ::getpid());
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (fd_ < 0) {
    const int reason = errno;
    temporary_.clear();
    fail(reason);
  }
  // Replacing a file keeps who may read it.
  if (exists && !temporary_.empty() && ::fchmod(fd_, status.st_mode & 07777) != 0) fail(errno);
}

OutputFile::~OutputFile() {
  if (fd_ > 2) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::fail(int reason) const {
  throw Error(ErrorCode::kIo, "cannot write {}: {}", path_.string(), strerror(reason));
}

void OutputFile::write_plain(const char* bytes, std::size_t n) {
  while (n > 0) {
    const ssize_t written = ::write(fd_, bytes, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    bytes += written;
    n -= static_cast<std::size_t>(written);
  }
}

void OutputFile::write(std::string_view bytes) {
  if (compressor_)
    compressor_->write(*this, bytes, false);
  else
    write_plain(bytes.data(), bytes.size());
}

void OutputFile::close() {
  if (fd_ < 0) return;
  if (compressor_) compressor_->write(*this, {}, true);
  if (!temporary_.empty() && ::fsync(fd_) != 0) fail(errno);
  const int fd = fd_;
  fd_ = -1;
  if (fd > 2 && ::close(fd) != 0) fail(errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  temporary_.clear();
}

std::filesystem::path without_compression(const std::filesystem::path& path) {
  return path.extension() == ".gz" || path.extension() == ".zst"
             ? std::filesystem::path(path).replace_extension()
             : path;
}

}  // namespace kolosal::io
