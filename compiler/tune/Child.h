//===- Child.h - work that may crash or hang, in a process of its own -----------------------------------*- C++ -*-===//
//
// A fork that runs a function and hands its text back; it sees all that the parent had. A fork takes the calling thread
// alone, so the parent must have no others: it makes none that outlive a call, and runs no model itself. (Running
// `lathe` anew would need the model read and fused again for each candidate.)
//
// The child is a process group of its own: Ctrl-C reaches the parent alone, and what ends the child ends what it has
// started (ld.lld) too. It dies when the parent does.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_CHILD_H
#define LATHE_COMPILER_TUNE_CHILD_H

#include "llvm/Support/Error.h"
#include <functional>
#include <string>

namespace lathe::tune {

/// How a child ended.
struct ChildEnd {
  enum Kind {
    Answered, ///< `text` is what the function returned
    Failed,   ///< the function's error, or an exit without an answer: `text` says which
    Crashed,  ///< "signal 11 (Segmentation fault)", with the last line that it wrote to stderr
    TimedOut, ///< after the time that it had
    Stopped   ///< because stop() said so
  } kind = Failed;
  std::string text;
  double seconds = 0;
};

struct ChildLimits {
  double seconds = 60;
  std::function<bool()> stop = {}; ///< asked a few times a second
};

ChildEnd runInChild(const std::function<llvm::Expected<std::string>()> &body, const ChildLimits &limits);

} // namespace lathe::tune

#endif
