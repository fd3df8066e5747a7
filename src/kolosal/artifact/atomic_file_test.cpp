#include "kolosal/artifact/atomic_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"

namespace kolosal::artifact {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    out.push_back(entry.path().filename().string());
  return out;
}

TEST(AtomicFile, ReplacesTheOldFile) {
  const TempFolder folder;
  const std::string path = folder.write("model", "old");
  write_file_atomically(path, bytes_of("new bytes"));
  EXPECT_EQ(read_text(path), "new bytes");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("model"));
}

TEST(AtomicFile, HonoursTheUmask) {
  const TempFolder folder;
  const mode_t before = umask(027);
  write_file_atomically(folder.file("model"), bytes_of("x"));
  umask(before);
  EXPECT_EQ(std::filesystem::status(folder.file("model")).permissions(), std::filesystem::perms(0640));
}

TEST(AtomicFile, WritesThroughALink) {
  const TempFolder folder;
  folder.write("real/model", "old");
  std::filesystem::create_symlink("real/model", folder.path() / "link");
  write_file_atomically(folder.path() / "link", bytes_of("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "link"));
  EXPECT_EQ(read_text(folder.path() / "real/model"), "new");
}

TEST(AtomicFile, NamesThePathAndTheReason) {
  const TempFolder folder;
  EXPECT_ERROR(write_file_atomically(folder.file("absent/model"), {}), kIo,
               HasSubstr("absent/model': the folder does not exist"));
  EXPECT_ERROR(write_file_atomically(folder.path(), {}), kIo, HasSubstr("is a folder"));
  EXPECT_ERROR(write_file_atomically("/dev/null", {}), kIo, HasSubstr("no regular file"));
  EXPECT_ERROR(write_file_atomically("", {}), kIo, HasSubstr("file name"));
  folder.write("file", "");
  EXPECT_ERROR(write_file_atomically(folder.file("file/model"), {}), kIo, HasSubstr("no folder"));
}

// A limit on the size of files fails in the middle of the write, as a full disk does.
TEST(AtomicFile, KeepsTheOldFileAndNothingElseWhenWritingFails) {
  const TempFolder folder;
  const std::string path = folder.write("model", "old");
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(path, std::vector<std::byte>(5000));
    } catch (const Error& error) {
      _exit(error.code() == ErrorCode::kIo ? 7 : 8);
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(read_text(path), "old");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("model"));
}

TEST(AtomicFile, LeavesNothingOnAFullDisk) {
  const TempFolder folder;
  if (mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "may not mount a small disk here";
  const std::string path = folder.write("model", "old");
  EXPECT_ERROR(write_file_atomically(path, std::vector<std::byte>(200'000)), kIo,
               HasSubstr("the disk is full"));
  EXPECT_EQ(read_text(path), "old");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("model"));
  umount(folder.path().c_str());
}

TEST(AtomicFile, ReadersSeeOneOfTheFilesWhole) {
  const TempFolder folder;
  const std::string path = folder.write("model", std::string(50'000, 'a'));
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i)
      write_file_atomically(path, bytes_of(std::string(50'000, i % 2 == 0 ? 'b' : 'a')));
  });
  for (int i = 0; i < 200; ++i) {
    const std::string text = read_text(path);
    EXPECT_EQ(text, std::string(50'000, text.empty() ? '?' : text[0]));
  }
  writer.join();
}

}  // namespace
}  // namespace kolosal::artifact
