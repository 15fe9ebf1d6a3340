//===- Command.h - what the commands of `lathe` have in common ----------------------------------------*- C++ -*-===//
//
// One file a command. Each adds its subcommand and options to the CLI11 application and, when it is chosen, runs and
// puts its llvm::Error where main finds it. Exit codes: 0; 1, the input is wrong; 2, the command line is wrong
// (UsageError and CLI11's own); 128 + the signal, interrupted. Results go to stdout; errors, summaries and progress to
// stderr.
//
// The commands are in two programs. `lathe` has those that need the runtime alone and starts in a few milliseconds;
// `lathe-compiler`, beside it, has the compiler, and with it MLIR, LLVM and Halide, which take some 35 ms to load.
// People call `lathe`: where a command line needs the compiler, `lathe` becomes `lathe-compiler` by exec (HandOver.h).
// Commands that need it for some of what they do (eval, tokenize) are in both, and in `lathe` give NeedsCompiler where
// they would.
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

/// In `lathe`: what the command line asks for is in `lathe-compiler`. Nothing has been read from stdin or written.
class NeedsCompiler : public llvm::ErrorInfo<NeedsCompiler> {
public:
  static char ID;
  void log(llvm::raw_ostream &out) const override { out << "needs lathe-compiler"; }
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

/// How a program is to be built, whatever the model.
struct ProgramFlags {
  std::string cache;       ///< --kv: a name of CacheFormat, or "" for what fits the weights
  std::string activations; ///< --activations: a name of ActFormat, or "" for the target's choice
};

void addProgramFlags(CLI::App &command, ProgramFlags &program);

/// A usage error that names an option of compilations that was given for a bundle, which is compiled already.
llvm::Error refuseFlags(llvm::StringRef bundle, const InputOptions &input, const ProgramFlags &program);

/// A command that only `lathe-compiler` has, as `lathe --help` shows it.
struct CompilerCommand {
  const char *name, *help;
};
inline constexpr CompilerCommand
    kCompile = {"compile", "compile a model into a bundle, or print a stage of the way there"},
    kInspect = {"inspect", "show what a model or a bundle is made of, or several side by side"},
    kTune = {"tune", "find faster schedules for a model's kernels on this machine, by measuring them in the model"},
    kVerify = {"verify", "check a bundle: its weights' hash, and its program against the reference interpreter, phase "
                         "by phase"};

void addCompile(CLI::App &app, Outcome &outcome);
void addRun(CLI::App &app, Outcome &outcome);
void addBench(CLI::App &app, Outcome &outcome);
void addPerplexity(CLI::App &app, Outcome &outcome);
void addInspect(CLI::App &app, Outcome &outcome);
void addTune(CLI::App &app, Outcome &outcome);
void addVerify(CLI::App &app, Outcome &outcome);

} // namespace lathe::cli

#endif
