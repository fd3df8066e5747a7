#include "kolosal/core/library.hpp"
#include "kolosal/io/formats/arrow_files.hpp"
#include "kolosal/io/formats/arrow_library_internal.hpp"

namespace kolosal::io {
namespace {

constexpr std::string_view kNames[] = {"libkolosal_arrow.so"};

std::string unusable(std::string_view reason) {
  return fmt::format(
      "Parquet and Arrow files need libkolosal_arrow.so with libarrow.so.2600 and libparquet.so.2600 beside "
      "it: {}. They "
      "come with the program, in its folder lib: put them there, or name their folder in "
      "KOLOSAL_LIBRARY_PATH, or "
      "use CSV",
      reason);
}

const std::expected<ArrowLibrary, std::string>& loaded() {
  static const auto library = load_arrow_library(library_folders());
  return library;
}

}  // namespace

std::expected<ArrowLibrary, std::string> load_arrow_library(std::span<const std::filesystem::path> folders) {
  const auto library = open_library(kNames, folders);
  if (!library) return std::unexpected(unusable(library.error()));
  try {
    const int abi = library->function<int()>("kolosal_arrow_abi")();
    if (abi != KOLOSAL_ARROW_ABI)
      return std::unexpected(
          unusable(fmt::format("{} is of another version of the program", library->path())));
    return ArrowLibrary{
        library->function<decltype(kolosal_arrow_open)>("kolosal_arrow_open"),
        library->function<decltype(kolosal_arrow_create)>("kolosal_arrow_create"),
        library->function<decltype(kolosal_arrow_write)>("kolosal_arrow_write"),
        library->function<decltype(kolosal_arrow_close)>("kolosal_arrow_close"),
        library->function<decltype(kolosal_arrow_free)>("kolosal_arrow_free"),
        library->function<decltype(kolosal_arrow_version)>("kolosal_arrow_version"),
    };
  } catch (const Error& error) {
    return std::unexpected(unusable(error.what()));
  }
}

const ArrowLibrary& arrow_library() {
  if (!loaded()) throw Error(ErrorCode::kUnsupported, loaded().error());
  return *loaded();
}

std::expected<std::string, std::string> arrow_library_version() {
  if (!loaded()) return std::unexpected(loaded().error());
  return loaded()->version();
}

const char* shown_format(const std::string& format) { return format == "parquet" ? "Parquet" : "Arrow"; }

ErrorCode arrow_error_code(int status) {
  switch (status) {
    case kKolosalArrowIo:
      return ErrorCode::kIo;
    case kKolosalArrowMemory:
      return ErrorCode::kMemory;
    case kKolosalArrowUnsupported:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kData;
  }
}

}  // namespace kolosal::io
