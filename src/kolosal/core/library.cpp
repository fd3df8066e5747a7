#include "kolosal/core/library.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "kolosal/core/error.hpp"

namespace kolosal {
namespace {

std::string last_loader_error() {
  const char* text = dlerror();
  return text ? text : "unknown reason";
}

std::string joined(std::span<const std::filesystem::path> folders) {
  std::string out;
  for (const auto& folder : folders) out += folder.string() + ", ";
  return out;
}

}  // namespace

void* Library::find(const char* symbol) const { return dlsym(handle_, symbol); }

void* Library::required(const char* symbol) const {
  if (void* address = find(symbol)) return address;
  throw Error(ErrorCode::kUnsupported, "{} has no function {}: it is not the version this program needs",
              path_, symbol);
}

std::vector<std::filesystem::path> library_folders() {
  std::vector<std::filesystem::path> out;
  if (const char* list = std::getenv("KOLOSAL_LIBRARY_PATH")) {
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::string_view folder = rest.substr(0, rest.find(':'));
      if (!folder.empty()) out.emplace_back(folder);
      rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    }
  }
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto folder = program.parent_path();
    out.push_back(folder.parent_path() / "lib");
    out.push_back(folder);
  }
  return out;
}

std::expected<Library, std::string> open_library(std::span<const std::string_view> names,
                                                 std::span<const std::filesystem::path> folders) {
  for (const auto& folder : folders) {
    for (const std::string_view name : names) {
      const auto file = folder / name;
      std::error_code error;
      if (!std::filesystem::exists(file, error)) continue;
      if (void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) return Library(handle, file.string());
      return std::unexpected(fmt::format("{} can not be opened: {}", file.string(), last_loader_error()));
    }
  }
  for (const std::string_view name : names) {
    const std::string bare(name);
    if (void* handle = dlopen(bare.c_str(), RTLD_NOW | RTLD_LOCAL)) return Library(handle, bare);
    dlerror();  // "not found" is what the sentence below says; the system's wording adds nothing
  }
  return std::unexpected(fmt::format("{} was not found in {}nor by the system's loader",
                                     names.empty() ? "a library without a name" : names.front(),
                                     joined(folders)));
}

std::expected<Library, std::string> open_library(std::span<const std::string_view> names) {
  return open_library(names, library_folders());
}

}  // namespace kolosal
