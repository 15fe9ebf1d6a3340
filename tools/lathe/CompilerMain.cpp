//===- CompilerMain.cpp - lathe-compiler: the commands of lathe that need the compiler --------------------------===//
//
// `lathe` becomes this program (Command.h), and says first which build it is of. Help and errors speak of `lathe`.
//
//===----------------------------------------------------------------------------------------------------------------===//
#include "tools/lathe/EvalSource.h"
#include "tools/lathe/Program.h"
#include "tools/lathe/TokenizeSource.h"

using namespace lathe::cli;

static llvm::Error checkSender(int argc, char **argv) {
  llvm::StringRef sender = argc > 1 ? argv[1] : "";
  if (!sender.consume_front(kHandedOver))
    return llvm::make_error<UsageError>(
        "lathe-compiler is run by lathe, which has all commands; 'lathe --help' lists them");
  if (sender != buildName())
    return lathe::makeError("{0} is of the build {1}, and lathe of {2}; both of one build would be right", argv[0],
                            buildName(), sender);
  return llvm::Error::success();
}

static int runCommandLine(int argc, char **argv) {
  if (llvm::Error wrong = checkSender(argc, argv))
    return report(std::move(wrong));
  auto app = makeApp();
  Outcome outcome;
  addCompile(*app, outcome);
  addEval(*app, outcome, evaluateSource);
  addInspect(*app, outcome);
  addTokenize(*app, outcome, tokenizerOfCheckpoint);
  addTune(*app, outcome);
  addVerify(*app, outcome);
  if (std::optional<int> ended = parseAndRun(*app, argc - 1, argv + 1))
    return *ended;
  return report(std::move(outcome.error));
}

int main(int argc, char **argv) {
  return runProgram([=] { return runCommandLine(argc, argv); });
}
