#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kolosal {

/// A shared library that was opened while the program runs. It stays open until the process ends: the
/// learners' libraries start threads of their own, which do not survive being unloaded.
class Library {
 public:
  Library(void* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  /// The file it came from, or the bare name when the system's loader found it.
  const std::string& path() const { return path_; }

  /// The address of a symbol, null when the library does not have it.
  void* find(const char* symbol) const;

  /// The function of that name, as in `library.function<decltype(LGBM_GetLastError)>("LGBM_GetLastError")`.
  /// @throws Error kUnsupported naming the library and the symbol: it is another version than the one
  /// expected.
  template <typename Signature>
  Signature* function(const char* symbol) const {
    return reinterpret_cast<Signature*>(required(symbol));
  }

 private:
  void* required(const char* symbol) const;

  void* handle_;
  std::string path_;
};

/// The folders in which libraries are looked for, in order: those of the environment variable
/// KOLOSAL_LIBRARY_PATH (separated by colons), <folder of the program>/../lib, <folder of the program>.
std::vector<std::filesystem::path> library_folders();

/// Opens the first of `names` ("libxgboost.so.3", "libxgboost.so") found in `folders`, then asks the system's
/// loader for the bare names. A file that exists but can not be opened ends the search, and the loader's
/// reason is given: to take another copy silently would hide a broken set-up.
///
/// Returns the library, or the reason in one sentence: where it was looked for, or why it does not load.
std::expected<Library, std::string> open_library(std::span<const std::string_view> names,
                                                 std::span<const std::filesystem::path> folders);

/// The same in library_folders().
std::expected<Library, std::string> open_library(std::span<const std::string_view> names);

}  // namespace kolosal
