//===- Command.h - what the commands of `lathe` have in common ----------------------------------------*- C++ -*-===//
//
// One file a command. Each adds its subcommand and options to the CLI11 application and, when it is chosen, runs and
// puts its llvm::Error where main finds it. Exit codes: 0; 1, the input is wrong; 2, the command line is wrong
// (UsageError and CLI11's own); 128 + the signal, interrupted. Results go to stdout; errors, summaries and progress to stderr.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_COMMAND_H
#define LATHE_TOOLS_LATHE_COMMAND_H

#include "compiler/support/Error.h"
#include "runtime/core/Result.h"
#include "llvm/Support/Error.h"
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

namespace lathe {
struct InputOptions; // compiler/spec/Input.h
}

namespace lathe::cli {

/// The command line, not a file, is wrong: exit 2.
class UsageError : public llvm::ErrorInfo<UsageError> {
public:
  static char ID;
  explicit UsageError(std::string message) : text(std::move(message)) {}
  void log(llvm::raw_ostream &out) const override { out << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  std::string text;
};

/// A signal ended it, interrupted() says which: nothing more to say.
class Interrupted : public llvm::ErrorInfo<Interrupted> {
public:
  static char ID;
  void log(llvm::raw_ostream &out) const override { out << "interrupted"; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
};

/// The runtime's error as the compiler's.
inline llvm::Error toLlvm(const lathe::Error &error) { return makeError("{0}", error.message()); }

/// Where the chosen command leaves how it ended.
struct Outcome {
  llvm::Error error = llvm::Error::success();
};

/// Makes `command` run `body` on options that live as long as the command.
template <typename Options>
void onChosen(CLI::App &command, std::shared_ptr<Options> options, Outcome &outcome,
              llvm::Error (*body)(const Options &)) {
  command.callback([options, &outcome, body] {
    llvm::cantFail(std::move(outcome.error)); // success so far
    outcome.error = body(*options);
  });
}

/// The flags of every command that reads an input of the compiler.
void addInputFlags(CLI::App &command, InputOptions &input);

void addCompile(CLI::App &app, Outcome &outcome);
void addRun(CLI::App &app, Outcome &outcome);
void addEval(CLI::App &app, Outcome &outcome);
void addBench(CLI::App &app, Outcome &outcome);
void addInspect(CLI::App &app, Outcome &outcome);
void addTokenize(CLI::App &app, Outcome &outcome);
void addTune(CLI::App &app, Outcome &outcome);
void addVerify(CLI::App &app, Outcome &outcome);

} // namespace lathe::cli

#endif
