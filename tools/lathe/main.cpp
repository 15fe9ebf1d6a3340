//===- main.cpp - lathe: a model goes in, a native program comes out --------------------------------------------===//
//
// The commands that need no compiler; for the others it becomes `lathe-compiler` (Command.h).
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "tools/lathe/Eval.h"
#include "tools/lathe/HandOver.h"
#include "tools/lathe/Program.h"
#include "tools/lathe/Tokenize.h"

using namespace lathe::cli;

namespace {

/// What `lathe-compiler` does of the whole command line, options that stand before the command included.
bool isCompilers(const char *word) {
  for (const CompilerCommand &command : {kCompile, kInspect, kTune, kVerify})
    if (std::string_view(word) == command.name)
      return true;
  return false;
}

/// For --help.
void addName(CLI::App &app, const CompilerCommand &command) { app.add_subcommand(command.name, command.help); }

int runCommandLine(int argc, char **argv) {
  char **command = std::find_if(argv + 1, argv + argc, [](const char *word) { return word[0] != '-'; });
  if (command != argv + argc && isCompilers(*command))
    return report(handOver(argc, argv));
  auto app = makeApp();
  Outcome outcome;
  addName(*app, kCompile);
  addRun(*app, outcome);
  addEval(*app, outcome, /*byCompiler=*/nullptr);
  addBench(*app, outcome);
  addPerplexity(*app, outcome);
  addName(*app, kInspect);
  addTokenize(*app, outcome, /*ofCheckpoint=*/nullptr);
  addName(*app, kTune);
  addName(*app, kVerify);
  if (std::optional<int> ended = parseAndRun(*app, argc, argv))
    return *ended;
  if (!outcome.error.isA<NeedsCompiler>())
    return report(std::move(outcome.error));
  llvm::consumeError(std::move(outcome.error));
  return report(handOver(argc, argv));
}

} // namespace

int main(int argc, char **argv) {
  return runProgram([=] { return runCommandLine(argc, argv); });
}
