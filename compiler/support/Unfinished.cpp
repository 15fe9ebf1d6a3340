#include "compiler/support/Unfinished.h"
#include <atomic>
#include <cstring>
#include <mutex>
#include <signal.h>
#include <unistd.h>

namespace lathe {

/// An entry of the list, which only grows: an entry without a path is free for the next one.
struct Listed {
  std::atomic<char *> path;
  Listed *next;
};

// A signal handler can reach nothing but globals, and may neither lock nor allocate.
static std::atomic<Listed *> list;
static std::atomic<bool> ending;

static void removeAndEnd(int signal) {
  ending = true; // from here on no path is freed
  // A folder's files may be listed behind it. Two levels of folders are in use; one pass more for a file that a child
  // process makes meanwhile.
  for (int pass = 0; pass < 4; ++pass)
    for (Listed *entry = list; entry; entry = entry->next)
      if (const char *path = entry->path)
        if (unlink(path) != 0)
          rmdir(path);
  _exit(128 + signal);
}

static void installHandler() {
  struct sigaction action = {}, before = {};
  action.sa_handler = removeAndEnd;
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&action.sa_mask, signal);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN)
    sigaction(SIGHUP, &action, nullptr);
}

Unfinished::Unfinished(llvm::StringRef path) : name(strdup(path.str().c_str())) {
  static std::once_flag once;
  std::call_once(once, installHandler);
  for (entry = list; entry; entry = entry->next) {
    char *none = nullptr;
    if (entry->path.compare_exchange_strong(none, name))
      return;
  }
  entry = new Listed{name, list};
  while (!list.compare_exchange_weak(entry->next, entry))
    ;
}

Unfinished::~Unfinished() {
  entry->path = nullptr;
  if (!ending)
    free(name);
}

} // namespace lathe
