#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace kolosal::io {

/// A sequence of bytes that is read once, from start to end.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads up to n bytes; fewer only at the end. @throws Error naming the path.
  virtual std::size_t read(char* buffer, std::size_t n) = 0;
};

/// An opened input, decompressed and in UTF-8 (unless it is in no known encoding: the reader checks).
struct OpenedSource {
  std::unique_ptr<ByteSource> bytes;
  std::string compression;  ///< "gzip", "zstd" or ""
  std::string encoding;     ///< "utf-8", "latin-1", "utf-16"
  bool is_file = false;     ///< A regular file: can be opened again, and its size is known.
};

/// Opens a file, or the standard input for "-". Compression is known by the first bytes; a byte order mark is
/// dropped. `encoding` "" leaves the bytes as they are (for formats that are not text).
/// @throws Error kNotFound, kIo, kData for a folder, kInvalidParameter for an unknown encoding.
OpenedSource open_source(const std::filesystem::path& path, const std::string& encoding);

/// The first bytes (at most n) of an input, decompressed, without consuming it. Of the standard input: as
/// they come, compressed or not. Empty for pipes with a name, which can not be looked at.
std::string peek_content(const std::filesystem::path& path, std::size_t n);

/// The whole content of an input. A plain file is mapped, all else is read into memory.
struct Content {
  const char* data = "";
  std::size_t size = 0;
  std::shared_ptr<const void> owner;
  std::string compression;
  std::string encoding;
  bool is_mapped = false;

  std::string_view text() const { return {data, size}; }
};

/// @throws Error as open_source(); kMemory when the decompressed content is larger than the limit.
Content load_content(const std::filesystem::path& path, const std::string& encoding,
                     std::size_t memory_limit_bytes);

/// The path as messages show it: "standard input" for "-".
std::string shown_path(const std::filesystem::path& path);

/// "1.5 GB"
std::string shown_bytes(std::size_t n_bytes);

}  // namespace kolosal::io
