#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace kolosal::io {

/// A file being written, compressed when its name ends with .gz or .zst.
///
/// The bytes go to a temporary name in the same folder; close() makes them durable and renames, so the file
/// is there whole or not at all. "-" is the standard output, without a temporary name.
class OutputFile {
 public:
  /// @throws Error kIo when the place can not be written to.
  explicit OutputFile(const std::filesystem::path& path);
  /// Without close(): removes the temporary file.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// @throws Error kIo naming the path and the reason.
  void write(std::string_view bytes);
  void close();

 private:
  class Compressor;
  class Gzip;
  class Zstd;
  void write_plain(const char* bytes, std::size_t n);
  [[noreturn]] void fail(int reason) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: written in place
  int fd_ = -1;
  std::unique_ptr<Compressor> compressor_;
};

/// The name without .gz and .zst.
std::filesystem::path without_compression(const std::filesystem::path& path);

}  // namespace kolosal::io
