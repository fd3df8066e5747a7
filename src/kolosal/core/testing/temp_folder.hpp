#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace kolosal {

/// A new empty folder that is removed, with all in it, at the end of the scope.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The path of a file in it, as a string: what most functions under test take.
  std::string file(std::string_view name) const { return (path_ / name).string(); }
  /// Writes a file (folders on the way are made) and gives its path.
  std::string write(std::string_view name, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

/// The whole content of a file. Fails the test when it can not be read.
std::string read_text(const std::filesystem::path& file);

/// A file below tests/data: the environment variable KOLOSAL_TEST_FILES, or tests/data of the current folder.
std::filesystem::path test_data(std::string_view name);

}  // namespace kolosal
