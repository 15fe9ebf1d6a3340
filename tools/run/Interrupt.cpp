#include "tools/run/Run.h"
#include <csignal>

namespace lathe::cli {

namespace {
// A signal handler can reach nothing but a global.
volatile std::sig_atomic_t sawInterrupt = 0;
} // namespace

void noticeInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { sawInterrupt = 1; };
  action.sa_flags = SA_RESETHAND; // the second one is fatal; a blocking read ends with EINTR
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return sawInterrupt != 0; }

} // namespace lathe::cli
