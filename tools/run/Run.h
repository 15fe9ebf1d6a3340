//===- Run.h - a prompt goes in, text streams out -----------------------------------------------------*- C++ -*-===//
//
// What `lathe run DIR` does, and what a program that `lathe compile --executable` made does with the model it carries.
// It sees the runtime alone. Text goes to stdout as it comes, or with --json one object at the end; rates go to stderr.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_RUN_RUN_H
#define LATHE_TOOLS_RUN_RUN_H

#include "runtime/lathe.h"
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::cli {

struct RunOptions {
  std::optional<std::string> prompt, ids;
  std::string system;
  bool chat = false, json = false;
  size_t maxTokens = 512;
  unsigned threads = 0;
  std::string device; ///< findDevice's name for it; empty: any of this machine
  SamplerOptions sampling;
};

/// Adds the flags that fill `options`, which must live as long as `app`.
void addRunFlags(CLI::App &app, RunOptions &options);

/// --device, which findDevice looks up.
void addDeviceFlag(CLI::App &app, std::string &device);

/// How a run ended: an exit code (0; 1, the input is wrong or stdout can't be written; 2, the command line is wrong;
/// 128 + the signal, interrupted) and, for 1 and 2, one line for people.
struct RunEnd {
  int exit = 0;
  std::string message;
};

/// Whether `options` go together: looked at before a model is opened.
RunEnd checkRun(const RunOptions &options);
/// Runs `model`, called `name` in messages.
RunEnd run(std::shared_ptr<const Model> model, const std::string &name, const RunOptions &options);

/// Token ids between blanks or commas. Errors say `where` they stood.
Result<std::vector<int32_t>> parseIds(std::string_view text, std::string_view where);

/// From here on SIGINT (Ctrl-C), SIGTERM and SIGHUP are noticed rather than fatal: interrupted() is the signal, 0 before
/// one came. A second one does what the first did before this call: it ends the program.
void noticeInterrupts();
int interrupted();

/// For the start of main: gives the numbers of stdin, stdout and stderr that the caller has closed to nothing, so that no
/// file gets one and is written into. What then reads stdin or writes stdout fails; what stderr is told is lost.
void holdStandardStreams();
/// Flushes stdout; an error where something that was written to it did not get there.
Result<void> flushStdout();

} // namespace lathe::cli

#endif
