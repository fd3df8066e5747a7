#include "kolosal/core/testing/temp_folder.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace kolosal {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "kolosal_test_XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder could be made: " + name);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code error;  // a folder that is left behind must not fail a test that has passed
  std::filesystem::remove_all(path_, error);
}

std::string TempFolder::write(std::string_view name, std::string_view text) const {
  const auto file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out.flush()) throw std::runtime_error("not written: " + file.string());
  return file.string();
}

std::string read_text(const std::filesystem::path& file) {
  const std::ifstream in(file, std::ios::binary);
  if (!in) {
    ADD_FAILURE() << "can not be read: " << file;
    return {};
  }
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::filesystem::path test_data(std::string_view name) {
  const char* folder = std::getenv("KOLOSAL_TEST_FILES");
  return std::filesystem::path(folder ? folder : "tests/data") / name;
}

}  // namespace kolosal
