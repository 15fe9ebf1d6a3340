//===- OutputTest.cpp - files appear whole or not at all, and what is no file stays what it is --------------------===//
#include "compiler/support/Output.h"
#include "compiler/support/Unfinished.h"
#include "test/TemporaryFolder.h"
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace lathe;
using testing::HasSubstr;
namespace files = std::filesystem;

namespace {

std::string message(llvm::Error error) { return error ? llvm::toString(std::move(error)) : ""; }

std::string read(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Writes `text`; "" or what went wrong.
std::string put(const std::string &path, const std::string &text) {
  return message(writeFile(path, [&](llvm::raw_ostream &out) {
    out << text;
    return llvm::Error::success();
  }));
}

class Output : public testing::Test {
protected:
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto &entry : files::directory_iterator(folder.path))
      names.push_back(entry.path().filename());
    return names;
  }
  mode_t mode(const std::string &name) const {
    struct stat status = {};
    ::stat(folder.file(name).c_str(), &status);
    return status.st_mode & 07777;
  }

  test::TemporaryFolder folder;
};

/// How a child process that runs `body` ended, as a shell reports it.
template <typename Body> int inChild(Body body) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

TEST_F(Output, ReplacesAFileWhole) {
  EXPECT_EQ(put(folder.file("new"), "one"), "");
  EXPECT_EQ(read(folder.file("new")), "one");
  chmod(folder.file("new").c_str(), 0640);
  std::ifstream open(folder.file("new"));
  EXPECT_EQ(put(folder.file("new"), "another"), "");
  EXPECT_EQ(read(folder.file("new")), "another");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(open), {}), "one") << "the old file was written into";
  EXPECT_EQ(mode("new"), 0640u);
  EXPECT_THAT(entries(), testing::ElementsAre("new"));
}

TEST_F(Output, KeepsTheOldFileOnFailure) {
  folder.write("old", "precious");
  EXPECT_EQ(message(writeFile(folder.file("old"),
                              [](llvm::raw_ostream &out) -> llvm::Error {
                                out << "half";
                                return llvm::createStringError("stopped");
                              })),
            "stopped");
  // A limit on the size of files stands for a full disk: the write fails midway.
  EXPECT_EQ(inChild([&] {
              signal(SIGXFSZ, SIG_IGN);
              rlimit limit = {100000, 100000};
              setrlimit(RLIMIT_FSIZE, &limit);
              _exit(put(folder.file("old"), std::string(1 << 20, 'x')) == folder.file("old") + ": File too large" ? 7
                                                                                                                  : 8);
            }),
            7);
  EXPECT_EQ(read(folder.file("old")), "precious");
  EXPECT_THAT(entries(), testing::ElementsAre("old"));
}

TEST_F(Output, FollowsLinks) {
  files::create_directory(folder / "below");
  folder.write("below/file", "old");
  files::create_symlink("below/second", folder / "first");
  files::create_symlink("file", folder / "below/second");
  files::create_symlink(folder / "later", folder / "dangling");
  files::create_symlink("loop", folder / "loop");
  EXPECT_EQ(put(folder.file("first"), "new"), "");
  EXPECT_EQ(put(folder.file("dangling"), "newer"), "");
  EXPECT_TRUE(files::is_symlink(folder / "first") && files::is_symlink(folder / "below/second") &&
              files::is_symlink(folder / "dangling"));
  EXPECT_EQ(read(folder.file("below/file")), "new");
  EXPECT_EQ(read(folder.file("later")), "newer");
  EXPECT_EQ(put(folder.file("loop"), "x"), folder.file("loop") + ": Too many levels of symbolic links");
}

TEST_F(Output, LeavesAPipeAPipe) {
  ASSERT_EQ(mkfifo(folder.file("pipe").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = read(folder.file("pipe")); });
  EXPECT_EQ(put(folder.file("pipe"), "through"), "");
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(files::is_fifo(folder / "pipe"));
}

TEST_F(Output, LeavesADeviceADevice) {
  files::create_symlink("/dev/full", folder / "link");
  for (const std::string &name : {std::string("/dev/full"), folder.file("link")})
    EXPECT_EQ(put(name, std::string(1 << 20, 'x')), name + ": No space left on device");
  EXPECT_TRUE(files::is_character_file("/dev/full"));
  EXPECT_TRUE(files::is_symlink(folder / "link"));
}

TEST_F(Output, GoesOnAtTheEndOfAnOpenFile) {
  int fd = ::open(folder.write("log", "before ").c_str(), O_WRONLY | O_APPEND);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(put("/proc/self/fd/" + std::to_string(fd), "after"), "");
  close(fd);
  EXPECT_EQ(read(folder.file("log")), "before after");
  EXPECT_THAT(entries(), testing::ElementsAre("log"));
}

TEST_F(Output, NamesWhatCannotBeWritten) {
  EXPECT_EQ(put(folder.file("no/file"), "x"), folder.file("no/file") + ": No such file or directory");
  EXPECT_EQ(put(folder.path, "x"), folder.path + ": Is a directory");
  folder.write("file", "x");
  EXPECT_EQ(put(folder.file("file/below"), "x"), folder.file("file/below") + ": Not a directory");
}

TEST_F(Output, LeavesNothingWhenInterrupted) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    auto interrupt = [&] {
      (void)put(folder.file("out"), "old");
      (void)message(writeFile(folder.file("out"), [&](llvm::raw_ostream &out) {
        out << std::string(1 << 20, 'x');
        raise(signal);
        return llvm::Error::success();
      }));
    };
    EXPECT_EQ(inChild(interrupt), 128 + signal);
    EXPECT_THAT(entries(), testing::ElementsAre("out"));
    EXPECT_EQ(read(folder.file("out")), "old");
  }
}

TEST_F(Output, AFolderGoesAfterItsFiles) {
  EXPECT_EQ(inChild([&] {
              Unfinished outer(folder.file("outer")), inner(folder.file("outer/inner"));
              Unfinished part(folder.file("outer/inner/part"));
              files::create_directories(folder / "outer/inner");
              folder.write("outer/inner/part", "x");
              {
                Unfinished finished(folder.file("finished"));
              }
              folder.write("finished", "x");
              raise(SIGTERM);
            }),
            128 + SIGTERM);
  EXPECT_THAT(entries(), testing::ElementsAre("finished"));
}

TEST_F(Output, NohupStays) {
  EXPECT_EQ(inChild([&] {
              signal(SIGHUP, SIG_IGN);
              Unfinished part(folder.write("part", "x"));
              raise(SIGHUP);
              _exit(files::exists(folder / "part") ? 7 : 8);
            }),
            7);
}
