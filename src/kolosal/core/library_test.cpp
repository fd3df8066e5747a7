#include "kolosal/core/library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "kolosal/core/error.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::string_view kMath[] = {"libm.so.6"};

TEST(Library, FindsFunctionsOfASystemLibrary) {
  const auto library = open_library(kMath, {});
  ASSERT_TRUE(library) << library.error();
  EXPECT_EQ(library->path(), "libm.so.6");
  EXPECT_DOUBLE_EQ(library->function<double(double)>("cbrt")(27.0), 3.0);
}

TEST(Library, NamesTheFunctionItDoesNotHave) {
  const auto library = open_library(kMath, {});
  ASSERT_TRUE(library) << library.error();
  EXPECT_EQ(library->find("no_such_function"), nullptr);
  try {
    library->function<void()>("no_such_function");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("libm.so.6"), HasSubstr("no_such_function")));
  }
}

TEST(Library, TellsWhereItLooked) {
  const std::string_view names[] = {"libkolosal_no_such_thing.so.9", "libkolosal_no_such_thing.so"};
  const std::filesystem::path folders[] = {"/nowhere/lib", "/elsewhere"};
  const auto library = open_library(names, folders);
  ASSERT_FALSE(library);
  EXPECT_EQ(
      library.error(),
      "libkolosal_no_such_thing.so.9 was not found in /nowhere/lib, /elsewhere, nor by the system's loader");
}

TEST(Library, ABrokenFileIsReportedAndNotPassedOver) {
  const TempFolder folder;
  folder.write("libm.so.6", "not a library at all");
  const std::filesystem::path folders[] = {folder.path()};
  const auto library = open_library(kMath, folders);
  ASSERT_FALSE(library);
  EXPECT_THAT(library.error(),
              AllOf(HasSubstr((folder.path() / "libm.so.6").string()), HasSubstr("can not be opened")));
}

TEST(Library, TheEnvironmentComesBeforeTheProgramsFolders) {
  ASSERT_EQ(setenv("KOLOSAL_LIBRARY_PATH", "/first::/second", 1), 0);
  const auto folders = library_folders();
  unsetenv("KOLOSAL_LIBRARY_PATH");
  ASSERT_EQ(folders.size(), 4U);
  EXPECT_EQ(folders[0], "/first");
  EXPECT_EQ(folders[1], "/second");
  EXPECT_EQ(folders[2].filename(), "lib");
  EXPECT_EQ(folders[2].parent_path(), folders[3].parent_path());
}

}  // namespace
}  // namespace kolosal
