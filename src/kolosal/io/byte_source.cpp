#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "kolosal/core/error.hpp"
#include "kolosal/io/byte_source_internal.hpp"
#include "kolosal/io/cell_internal.hpp"

namespace kolosal::io {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;

/// A file descriptor that is closed at the end, except the standard input.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ > 2) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Descriptor open_for_reading(const std::filesystem::path& path, struct stat& status) {
  int fd = 0;
  if (path != "-") {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      const int reason = errno;
      if (reason == ENOENT || reason == ENOTDIR)
        throw Error(ErrorCode::kNotFound, "file not found: {}", path.string());
      throw Error(ErrorCode::kIo, "cannot open {}: {}", path.string(), strerror(reason));
    }
  }
  Descriptor out(fd);
  if (::fstat(fd, &status) != 0)
    throw Error(ErrorCode::kIo, "cannot read {}: {}", shown_path(path), strerror(errno));
  if (S_ISDIR(status.st_mode))
    throw Error(ErrorCode::kData, "{} is a folder, not a file; name one file in it", shown_path(path));
  return out;
}

// What peek_content() has read of the standard input, which every process has once. Given out first.
std::string& standard_input_head() {
  static std::string head;
  return head;
}

class FileSource final : public ByteSource {
 public:
  FileSource(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  std::size_t read(char* buffer, std::size_t n) override {
    std::size_t done = 0;
    if (std::string& head = standard_input_head(); fd_.get() == 0 && !head.empty()) {
      done = std::min(n, head.size());
      std::copy_n(head.data(), done, buffer);
      head.erase(0, done);
    }
    while (done < n) {
      const ssize_t got = ::read(fd_.get(), buffer + done, n - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(ErrorCode::kIo, "cannot read {}: {}", path_, strerror(errno));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

 private:
  Descriptor fd_;
  std::string path_;
};

/// Another source with a look at its first bytes.
class PeekSource final : public ByteSource {
 public:
  explicit PeekSource(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)) {}

  /// The first bytes; fewer than n only when the source is shorter.
  std::string_view peek(std::size_t n) {
    if (head_.size() < n) {
      const std::size_t had = head_.size();
      head_.resize(n);
      head_.resize(had + inner_->read(head_.data() + had, n - had));
    }
    return std::string_view(head_).substr(0, n);
  }
  void skip(std::size_t n) { position_ += n; }

  std::size_t read(char* buffer, std::size_t n) override {
    const std::size_t from_head = std::min(n, head_.size() - position_);
    std::copy_n(head_.data() + position_, from_head, buffer);
    position_ += from_head;
    return from_head < n ? from_head + inner_->read(buffer + from_head, n - from_head) : n;
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  std::string head_;
  std::size_t position_ = 0;
};

/// Gzip, also several members one after the other.
class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> inner, std::string path)
      : inner_(std::move(inner)), path_(std::move(path)), input_(kBlockBytes) {
    // 15: the largest window; + 16: a gzip header is demanded.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK)
      throw Error(ErrorCode::kMemory, "no memory to decompress {}", path_);
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  std::size_t read(char* buffer, std::size_t n) override {
    std::size_t done = 0;
    while (done < n && !ended_) {
      if (stream_.avail_in == 0) {
        stream_.avail_in = static_cast<uInt>(inner_->read(input_.data(), input_.size()));
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        n_read_ += stream_.avail_in;
        if (stream_.avail_in == 0) {
          if (!between_members_) throw Error(ErrorCode::kData, cut_message());
          ended_ = true;
          break;
        }
      }
      if (between_members_ && !start_member()) break;
      const uInt room = static_cast<uInt>(std::min<std::size_t>(n - done, 1U << 30));
      stream_.next_out = reinterpret_cast<Bytef*>(buffer + done);
      stream_.avail_out = room;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        between_members_ = true;
        first_member_ = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        throw Error(ErrorCode::kData, "{} is damaged: the gzip data is wrong near byte {} ({})", path_,
                    n_read_ - stream_.avail_in, stream_.msg ? stream_.msg : "checksum");
      }
    }
    return done;
  }

 private:
  // False at the end: zeros may follow the last member (tape blocks), and nothing else.
  bool start_member() {
    if (!first_member_) {
      while (stream_.avail_in > 0 && *stream_.next_in == 0) {
        ++stream_.next_in;
        --stream_.avail_in;
      }
      if (stream_.avail_in == 0) return true;
      if (*stream_.next_in != 0x1f)
        throw Error(ErrorCode::kData, "{} is damaged: bytes that are no gzip data follow at byte {}", path_,
                    n_read_ - stream_.avail_in);
      inflateReset(&stream_);
    }
    between_members_ = false;
    return true;
  }

  std::string cut_message() const {
    return fmt::format(
        "{} is cut off: its gzip data ends too early, after {} bytes; copy or download it again", path_,
        n_read_);
  }

  std::unique_ptr<ByteSource> inner_;
  std::string path_;
  std::vector<char> input_;
  z_stream stream_{};
  std::size_t n_read_ = 0;
  bool first_member_ = true;
  bool between_members_ = false;
  bool ended_ = false;
};

/// Zstandard, also several frames one after the other.
class ZstdSource final : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> inner, std::string path)
      : inner_(std::move(inner)),
        path_(std::move(path)),
        buffer_(ZSTD_DStreamInSize()),
        stream_(ZSTD_createDStream()) {
    if (!stream_) throw Error(ErrorCode::kMemory, "no memory to decompress {}", path_);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  std::size_t read(char* buffer, std::size_t n) override {
    ZSTD_outBuffer out{buffer, n, 0};
    while (out.pos < n) {
      if (input_.pos == input_.size) {
        input_ = {buffer_.data(), inner_->read(buffer_.data(), buffer_.size()), 0};
        n_read_ += input_.size;
      }
      // With no input left, what the decoder still holds must come out before the end is the end.
      const bool no_input = input_.size == 0;
      const std::size_t before = out.pos;
      if (no_input && frame_ended_) break;
      const std::size_t status = ZSTD_decompressStream(stream_, &out, &input_);
      if (ZSTD_isError(status))
        throw Error(ErrorCode::kData, "{} is damaged: the zstd data is wrong near byte {} ({})", path_,
                    n_read_ - (input_.size - input_.pos), ZSTD_getErrorName(status));
      frame_ended_ = status == 0;
      if (no_input && !frame_ended_ && out.pos == before)
        throw Error(ErrorCode::kData,
                    "{} is cut off: its zstd data ends too early, after {} bytes; copy or download it again",
                    path_, n_read_);
    }
    return out.pos;
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  std::string path_;
  std::vector<char> buffer_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  ZSTD_DStream* stream_;
  std::size_t n_read_ = 0;
  bool frame_ended_ = false;
};

/// Latin-1 or UTF-16 to UTF-8.
class RecodingSource final : public ByteSource {
 public:
  enum class From { kLatin1, kUtf16Little, kUtf16Big };
  RecodingSource(std::unique_ptr<ByteSource> inner, From from, std::string path)
      : inner_(std::move(inner)), from_(from), path_(std::move(path)), input_(kBlockBytes) {}

  std::size_t read(char* buffer, std::size_t n) override {
    std::size_t done = 0;
    while (done < n) {
      if (position_ == output_.size() && !refill()) break;
      const std::size_t part = std::min(n - done, output_.size() - position_);
      std::copy_n(output_.data() + position_, part, buffer + done);
      position_ += part;
      done += part;
    }
    return done;
  }

 private:
  bool refill() {
    output_.clear();
    position_ = 0;
    const std::size_t n = inner_->read(input_.data(), input_.size());
    if (from_ == From::kLatin1) {
      for (std::size_t i = 0; i < n; ++i) append_utf8(output_, static_cast<unsigned char>(input_[i]));
      return n > 0;
    }
    if (n % 2 != 0)
      throw Error(ErrorCode::kData, "{} is cut off: UTF-16 text has an odd number of bytes", path_);
    for (std::size_t i = 0; i < n; i += 2) add_unit(input_[i], input_[i + 1]);
    n_units_ += n / 2;
    if (n == 0 && high_ != 0) bad_surrogate();
    return n > 0;
  }

  void add_unit(char first, char second) {
    const auto a = static_cast<unsigned char>(first), b = static_cast<unsigned char>(second);
    const std::uint32_t unit = from_ == From::kUtf16Little ? a | b << 8U : b | a << 8U;
    const bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if ((high_ != 0) != is_low) bad_surrogate();
    if (unit >= 0xD800 && unit < 0xDC00) {
      high_ = unit;
    } else if (is_low) {
      append_utf8(output_, 0x10000 + ((high_ - 0xD800) << 10) + (unit - 0xDC00));
      high_ = 0;
    } else {
      append_utf8(output_, unit);
    }
  }

  [[noreturn]] void bad_surrogate() const {
    throw Error(ErrorCode::kData, "{} is no valid UTF-16: half a surrogate pair after byte {}", path_,
                n_units_ * 2);
  }

  std::unique_ptr<ByteSource> inner_;
  From from_;
  std::string path_;
  std::vector<char> input_;
  std::string output_;
  std::size_t position_ = 0;
  std::uint32_t high_ = 0;
  std::size_t n_units_ = 0;
};

std::unique_ptr<ByteSource> recode(std::unique_ptr<ByteSource> inner, const std::string& path,
                                   OpenedSource& out) {
  auto peek = std::make_unique<PeekSource>(std::move(inner));
  const std::string_view head = peek->peek(4);
  using From = RecodingSource::From;
  if (head.starts_with("\xEF\xBB\xBF")) {
    peek->skip(3);
    out.encoding = "utf-8";
    return peek;
  }
  if (head.starts_with(std::string_view("\xFF\xFE\0\0", 4)) ||
      head.starts_with(std::string_view("\0\0\xFE\xFF", 4)))
    throw Error(ErrorCode::kData, "{} is UTF-32 text, which is not read; save it as UTF-8", path);
  const bool little = head.starts_with("\xFF\xFE");
  if (little || head.starts_with("\xFE\xFF")) {
    peek->skip(2);
    out.encoding = "utf-16";
    return std::make_unique<RecodingSource>(std::move(peek), little ? From::kUtf16Little : From::kUtf16Big,
                                            path);
  }
  if (out.encoding == "latin-1")
    return std::make_unique<RecodingSource>(std::move(peek), From::kLatin1, path);
  return peek;
}

std::string checked_encoding(const std::string& name) {
  std::string lower;
  for (const char c : name) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  if (lower.empty() || lower == "utf-8" || lower == "utf8") return lower.empty() ? "" : "utf-8";
  if (lower == "latin-1" || lower == "latin1" || lower == "iso-8859-1") return "latin-1";
  throw Error(ErrorCode::kInvalidParameter, "unknown encoding: '{}'; known are utf-8 and latin-1", name);
}

/// Memory from realloc, which moves large blocks without copying them.
class GrowingBuffer {
 public:
  GrowingBuffer() = default;
  ~GrowingBuffer() { std::free(data_); }
  GrowingBuffer(const GrowingBuffer&) = delete;
  GrowingBuffer& operator=(const GrowingBuffer&) = delete;

  char* room(std::size_t n) {
    if (size_ + n > capacity_) {
      capacity_ = std::max(size_ + n, capacity_ + capacity_ / 2);
      void* const moved = std::realloc(data_, capacity_);
      if (!moved) throw Error(ErrorCode::kMemory, "no memory for {} more bytes", n);
      data_ = static_cast<char*>(moved);
    }
    return data_ + size_;
  }
  void added(std::size_t n) { size_ += n; }
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// A mapped file.
class Mapping {
 public:
  Mapping(void* address, std::size_t size) : address_(address), size_(size) {}
  ~Mapping() { ::munmap(address_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

 private:
  void* address_;
  std::size_t size_;
};

// A regular file that is neither compressed nor to be recoded, as it is on disk. Empty owner: it is not such
// a file.
Content map_content(const std::filesystem::path& path, const std::string& encoding) {
  Content out;
  struct stat status{};
  const Descriptor fd = open_for_reading(path, status);
  if (path == "-" || !S_ISREG(status.st_mode) || status.st_size == 0) return out;
  const std::size_t size = static_cast<std::size_t>(status.st_size);
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) return out;
  auto mapping = std::make_shared<Mapping>(address, size);
  ::madvise(address, size, MADV_WILLNEED);
  std::string_view text(static_cast<const char*>(address), size);
  const bool compressed = text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd");
  const bool wide = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") ||
                    text.starts_with(std::string_view("\0\0\xFE\xFF", 4));
  const bool marked = text.starts_with("\xEF\xBB\xBF");
  if (compressed || wide || (encoding == "latin-1" && !marked)) return out;
  if (marked) text.remove_prefix(3);
  out.data = text.data();
  out.size = text.size();
  out.encoding = "utf-8";
  out.owner = std::move(mapping);
  out.is_mapped = true;
  return out;
}

}  // namespace

std::string shown_path(const std::filesystem::path& path) {
  return path == "-" ? "standard input" : path.string();
}

std::string shown_bytes(std::size_t n_bytes) {
  double value = static_cast<double>(n_bytes);
  const char* const units[] = {"bytes", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (value >= 1000 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", n_bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

OpenedSource open_source(const std::filesystem::path& path, const std::string& encoding) {
  OpenedSource out;
  out.encoding = checked_encoding(encoding);
  struct stat status{};
  Descriptor fd = open_for_reading(path, status);
  out.is_file = path != "-" && S_ISREG(status.st_mode);
  // The system reads ahead while we parse.
  if (out.is_file) ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const std::string shown = shown_path(path);
  auto peek = std::make_unique<PeekSource>(std::make_unique<FileSource>(std::move(fd), shown));
  const std::string_view head = peek->peek(4);
  std::unique_ptr<ByteSource> bytes;
  if (head.starts_with("\x1f\x8b")) {
    out.compression = "gzip";
    bytes = std::make_unique<GzipSource>(std::move(peek), shown);
  } else if (head.starts_with("\x28\xb5\x2f\xfd")) {
    out.compression = "zstd";
    bytes = std::make_unique<ZstdSource>(std::move(peek), shown);
  } else {
    bytes = std::move(peek);
  }
  out.bytes = out.encoding.empty() ? std::move(bytes) : recode(std::move(bytes), shown, out);
  return out;
}

std::string peek_content(const std::filesystem::path& path, std::size_t n) {
  std::string out(n, '\0');
  if (path == "-") {
    struct stat status{};
    FileSource input(open_for_reading(path, status), shown_path(path));
    out.resize(input.read(out.data(), n));
    standard_input_head() = out;
    return out;
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return {};
  const OpenedSource source = open_source(path, "");
  out.resize(source.bytes->read(out.data(), n));
  return out;
}

Content load_content(const std::filesystem::path& path, const std::string& encoding,
                     std::size_t memory_limit_bytes) {
  Content out = map_content(path, checked_encoding(encoding));
  if (out.owner) return out;
  OpenedSource source = open_source(path, encoding);
  auto buffer = std::make_shared<GrowingBuffer>();
  for (;;) {
    constexpr std::size_t kStep = 4 << 20;
    const std::size_t got = source.bytes->read(buffer->room(kStep), kStep);
    buffer->added(got);
    if (buffer->size() > memory_limit_bytes)
      throw Error(
          ErrorCode::kMemory,
          "{} does not fit into memory: its content is larger than the limit of {}; raise the limit or read "
          "fewer rows",
          shown_path(path), shown_bytes(memory_limit_bytes));
    if (got < kStep) break;
  }
  if (buffer->size() > 0) out.data = buffer->data();
  out.size = buffer->size();
  out.compression = source.compression;
  out.encoding = source.encoding;
  out.owner = std::move(buffer);
  return out;
}

}  // namespace kolosal::io
