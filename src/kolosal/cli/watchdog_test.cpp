#include "kolosal/cli/watchdog.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"

namespace kolosal::cli {
namespace {

namespace fs = std::filesystem;

constexpr auto kLong = std::chrono::seconds(20);

class WatchdogTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_ = fs::temp_directory_path() / fmt::format("kolosal_watchdog_{}", getpid());
  fs::path model_ = folder_ / "model.kolosal";
};

// What a run does that never comes back: it holds on until somebody ends the process.
void hang() {
  std::this_thread::sleep_for(kLong);
  std::fputs("nobody ended it\n", stderr);
}

TEST_F(WatchdogTest, TheLastCheckpointIsTheResultOfARunThatDoesNotComeBack) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(Clock::system().now_s(), model_, [] { std::fputs("the checkpoint\n", stderr); });
        watchdog.has_model();
        hang();
      },
      testing::ExitedWithCode(0), "^the checkpoint\n$");
}

TEST_F(WatchdogTest, AWriteThatIsCutOffLeavesNothingBeside) {
  const fs::path model = model_;
  std::ofstream(model) << "whole";
  EXPECT_EXIT(
      {
        std::ofstream(model.parent_path() / (".model.kolosal." + std::to_string(getpid()) + "-1.tmp"))
            << "half";
        Watchdog watchdog(Clock::system().now_s(), model, [] { std::fputs("done\n", stderr); });
        watchdog.has_model();
        hang();
      },
      testing::ExitedWithCode(0), "done");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename().string());
  EXPECT_EQ(names, std::vector<std::string>{"model.kolosal"});
}

TEST_F(WatchdogTest, WaitsForAModelWhenTheBudgetPassesBeforeThereIsOne) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(0, model_, [] { std::fputs("the first model\n", stderr); });
        std::this_thread::sleep_for(std::chrono::milliseconds(600));
        std::fputs("still here, ", stderr);
        watchdog.has_model();
        hang();
      },
      testing::ExitedWithCode(0), "^still here, the first model\n$");
}

TEST_F(WatchdogTest, ARunThatClaimsTheEndIsNotDisturbed) {
  bool reported = false;
  {
    Watchdog watchdog(Clock::system().now_s(), model_, [&] { reported = true; });
    watchdog.has_model();
    watchdog.claim();
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
  }
  EXPECT_FALSE(reported);
}

TEST_F(WatchdogTest, AReportThatFailsSaysSoInTheExitCode) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(Clock::system().now_s(), model_,
                          [] { throw std::runtime_error("the pipe is gone"); });
        watchdog.has_model();
        hang();
      },
      testing::ExitedWithCode(1), "error: the pipe is gone");
}

}  // namespace
}  // namespace kolosal::cli
