#include "tools/run/Run.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace lathe::cli {

void holdStandardStreams() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0) // opened the wrong way round, stdin and stdout go on failing
      (void)open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
}

Result<void> flushStdout() {
  if (std::fflush(stdout) != 0)
    return error("stdout: cannot be written: ", std::strerror(errno));
  if (std::ferror(stdout)) // a part before this one
    return error("stdout: cannot be written");
  return {};
}

} // namespace lathe::cli
