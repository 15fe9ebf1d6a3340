#include "tools/run/Run.h"
#include <csignal>
#include <utility>

namespace lathe::cli {

namespace {
// A signal handler can reach nothing but globals.
volatile std::sig_atomic_t sawSignal = 0;
bool noticing = false;
struct sigaction before[NSIG];

void notice(int signal) {
  sawSignal = signal;
  sigaction(signal, &before[signal], nullptr);
}
} // namespace

void noticeInterrupts() {
  if (std::exchange(noticing, true))
    return;
  struct sigaction action = {};
  action.sa_handler = notice; // without SA_RESTART: a blocking read ends with EINTR
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    sigaction(signal, nullptr, &before[signal]);
    if (signal != SIGHUP || before[signal].sa_handler != SIG_IGN) // nohup
      sigaction(signal, &action, nullptr);
  }
}

int interrupted() { return sawSignal; }

} // namespace lathe::cli
