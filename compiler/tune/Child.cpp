//===- Child.cpp - work that may crash or hang, in a process of its own -------------------------------------------===//
#include "compiler/tune/Child.h"
#include "compiler/support/Error.h"
#include "compiler/support/MemoryFile.h"
#include "llvm/ADT/ScopeExit.h"
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lathe::tune {
namespace {

constexpr int kPollMilliseconds = 20;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

size_t threadsOfProcess() {
  std::error_code problem;
  std::filesystem::directory_iterator tasks("/proc/self/task", problem), end;
  return problem ? 1 : size_t(std::distance(tasks, end));
}

bool writeAll(int fd, llvm::StringRef text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    text = text.drop_front(size_t(written));
  }
  return true;
}

/// The child's life. The first byte that it writes says whether an answer or an error follows.
[[noreturn]] void live(const std::function<llvm::Expected<std::string>()> &body, int pipe, const std::string &log,
                       pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(1);
  const rlimit noCore = {0, 0};
  setrlimit(RLIMIT_CORE, &noCore);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGABRT, SIGSEGV})
    ::signal(signal, SIG_DFL);
  if (const int fd = ::open(log.c_str(), O_WRONLY | O_CLOEXEC); fd >= 0)
    dup2(fd, STDERR_FILENO);
  if (const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC); fd >= 0) {
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
  }
  llvm::Expected<std::string> answer = body();
  const bool answered = bool(answer);
  const std::string text = answered ? "+" + *answer : "-" + llvm::toString(answer.takeError());
  _exit(writeAll(pipe, text) && answered ? 0 : 1); // no destructor of the parent's runs twice
}

std::string lastLine(llvm::StringRef text) {
  return text.trim().rsplit('\n').second.empty() ? text.trim().str() : text.trim().rsplit('\n').second.str();
}

} // namespace

ChildEnd runInChild(const std::function<llvm::Expected<std::string>()> &body, const ChildLimits &limits) {
  const double start = now();
  ChildEnd end;
  llvm::scope_exit timed([&] { end.seconds = now() - start; });
  if (const size_t threads = threadsOfProcess(); threads != 1) {
    end.text = llvm::formatv("a process of {0} threads cannot be forked", threads).str();
    return end;
  }
  MemoryFile log;
  int ends[2];
  if (!log || ::pipe2(ends, O_CLOEXEC) != 0) {
    end.text = std::string("no pipe to a child: ") + std::strerror(errno);
    return end;
  }
  const std::string logPath = log.path();
  const pid_t parent = getpid(), child = fork();
  if (child == 0)
    live(body, ends[1], logPath, parent);
  ::close(ends[1]);
  llvm::scope_exit closing([&] { ::close(ends[0]); });
  if (child < 0) {
    end.text = std::string("no child: ") + std::strerror(errno);
    return end;
  }
  setpgid(child, child); // whichever of the two comes first

  std::string text;
  bool killed = false;
  for (char buffer[4096];;) {
    pollfd readable = {ends[0], POLLIN, 0};
    if (::poll(&readable, 1, kPollMilliseconds) > 0) {
      const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
      if (got > 0)
        text.append(buffer, size_t(got));
      else if (got == 0 || errno != EINTR)
        break;
    }
    const bool late = now() - start > limits.seconds, stop = !late && limits.stop && limits.stop();
    if (killed || (!late && !stop))
      continue;
    end.kind = late ? ChildEnd::TimedOut : ChildEnd::Stopped;
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
    killed = true;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  kill(-child, SIGKILL); // what it may have left behind
  if (killed) {
    end.text =
        end.kind == ChildEnd::TimedOut ? llvm::formatv("not done after {0:f0} s", limits.seconds).str() : "stopped";
    return end;
  }
  if (WIFSIGNALED(status)) {
    end.kind = ChildEnd::Crashed;
    const std::string said = lastLine(log.bytes());
    end.text = llvm::formatv("signal {0} ({1}){2}", WTERMSIG(status), strsignal(WTERMSIG(status)),
                             said.empty() ? "" : ": " + printable(said))
                   .str();
    return end;
  }
  if (!text.empty() && text[0] == '+' && WEXITSTATUS(status) == 0) {
    end.kind = ChildEnd::Answered;
    end.text = text.substr(1);
    return end;
  }
  const std::string said = lastLine(log.bytes());
  end.text = !text.empty() && text[0] == '-' ? text.substr(1)
                                             : llvm::formatv("exit {0} without an answer{1}", WEXITSTATUS(status),
                                                             said.empty() ? "" : ": " + printable(said))
                                                   .str();
  return end;
}

} // namespace lathe::tune
