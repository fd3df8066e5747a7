#include "kolosal/core/signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace kolosal {
namespace {

bool ignored_or_default(int signal, void (*handler)(int)) {
  struct sigaction now{};
  sigaction(signal, nullptr, &now);
  return now.sa_handler == handler;
}

TEST(SignalScope, TheFirstSignalSetsTheToken) {
  for (const int signal : {SIGINT, SIGTERM}) {
    CancelToken token;
    const SignalScope scope(token);
    EXPECT_FALSE(token.is_cancelled());
    ASSERT_EQ(raise(signal), 0);
    EXPECT_TRUE(token.is_cancelled());
  }
}

TEST(SignalScopeDeathTest, TheSecondSignalEndsTheProcessAtOnce) {
  EXPECT_EXIT(
      {
        CancelToken token;
        const SignalScope scope(token, "\033[?25h\n");
        raise(SIGINT);
        if (!token.is_cancelled()) _exit(1);
        raise(SIGTERM);
        _exit(2);
      },
      ::testing::ExitedWithCode(130), "");
}

TEST(SignalScope, AClosedPipeIsAnErrorOfTheWrite) {
  CancelToken token;
  const SignalScope scope(token);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
  EXPECT_FALSE(token.is_cancelled());
}

TEST(SignalScope, TheFormerHandlersComeBack) {
  {
    CancelToken token;
    const SignalScope scope(token);
    EXPECT_FALSE(ignored_or_default(SIGINT, SIG_DFL));
  }
  EXPECT_TRUE(ignored_or_default(SIGINT, SIG_DFL));
  EXPECT_TRUE(ignored_or_default(SIGTERM, SIG_DFL));
  EXPECT_TRUE(ignored_or_default(SIGPIPE, SIG_DFL));
}

TEST(SignalScope, EachScopeCountsAnew) {
  for (int i = 0; i < 3; ++i) {
    CancelToken token;
    const SignalScope scope(token);
    raise(SIGINT);
    EXPECT_TRUE(token.is_cancelled());
  }
}

}  // namespace
}  // namespace kolosal
