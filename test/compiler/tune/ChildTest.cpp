//===- ChildTest.cpp - work that crashes and hangs ----------------------------------------------------------------===//
#include "compiler/tune/Child.h"
#include "compiler/support/Error.h"
#include <csignal>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace lathe;
using namespace lathe::tune;
using testing::HasSubstr;

using Text = llvm::Expected<std::string>;

TEST(Child, Answers) {
  const std::string large(1 << 20, 'x'); // more than a pipe holds
  const ChildEnd end = runInChild([&]() -> Text { return large; }, {});
  EXPECT_EQ(end.kind, ChildEnd::Answered) << end.text;
  EXPECT_EQ(end.text, large);
}

TEST(Child, ChangesNothingHere) {
  int value = 1;
  runInChild([&]() -> Text { return std::to_string(value = 2); }, {});
  EXPECT_EQ(value, 1);
}

TEST(Child, TellsItsError) {
  const ChildEnd end = runInChild([]() -> Text { return makeError("no such tile"); }, {});
  EXPECT_EQ(end.kind, ChildEnd::Failed);
  EXPECT_EQ(end.text, "no such tile");
}

TEST(Child, MayCrash) {
  const ChildEnd end = runInChild(
      []() -> Text {
        fprintf(stderr, "Internal error: a bound\n");
        raise(SIGKILL);
        return "";
      },
      {});
  EXPECT_EQ(end.kind, ChildEnd::Crashed);
  EXPECT_THAT(end.text, HasSubstr("signal 9"));
  EXPECT_THAT(end.text, HasSubstr("Internal error: a bound"));
}

TEST(Child, MayExit) {
  const ChildEnd end = runInChild([]() -> Text { _exit(3); }, {});
  EXPECT_EQ(end.kind, ChildEnd::Failed);
  EXPECT_THAT(end.text, HasSubstr("exit 3 without an answer"));
}

TEST(Child, MayHangWithWhatItHasStarted) {
  const ChildEnd end = runInChild(
      []() -> Text {
        if (fork() == 0) // holds the pipe open
          std::this_thread::sleep_for(std::chrono::seconds(100));
        std::this_thread::sleep_for(std::chrono::seconds(100));
        return "";
      },
      {.seconds = 0.2});
  EXPECT_EQ(end.kind, ChildEnd::TimedOut);
  EXPECT_LT(end.seconds, 20);
}

TEST(Child, MayBeStopped) {
  const ChildEnd end = runInChild(
      []() -> Text {
        std::this_thread::sleep_for(std::chrono::seconds(100));
        return "";
      },
      {.seconds = 50, .stop = [] { return true; }});
  EXPECT_EQ(end.kind, ChildEnd::Stopped);
}

TEST(Child, IsNotMadeFromAProcessOfThreads) {
  std::atomic<bool> done = false;
  std::thread other([&] { done.wait(false); });
  const ChildEnd end = runInChild([]() -> Text { return ""; }, {});
  done = true;
  done.notify_all();
  other.join();
  EXPECT_EQ(end.kind, ChildEnd::Failed);
  EXPECT_THAT(end.text, HasSubstr("2 threads"));
}
