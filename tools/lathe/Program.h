//===- Program.h - from the command line to an exit code ----------------------------------------------*- C++ -*-===//
//
// What `lathe` and `lathe-compiler` have around their commands: whatever goes wrong becomes one line on stderr and an
// exit code, and the last look is at stdout.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_PROGRAM_H
#define LATHE_TOOLS_LATHE_PROGRAM_H

#include "tools/lathe/Command.h"
#include <optional>

namespace lathe::cli {

/// What main does: holds the standard streams, runs `body`, answers what it throws, and closes the streams. Returns the
/// exit code.
int runProgram(const std::function<int()> &body);

/// `lathe`, still without commands, in either program.
std::unique_ptr<CLI::App> makeApp();

/// Parses the command line and runs the command that it names, which leaves its error in the Outcome. An exit code
/// where the command line is wrong or asks for help.
std::optional<int> parseAndRun(CLI::App &app, int argc, char **argv);

/// One line on stderr and the exit code for an error; 0 for success.
int report(llvm::Error error);

/// The path of a file that comes with this program, beside it.
std::string besideProgram(llvm::StringRef name);

/// Version and commit: `lathe` and `lathe-compiler` work together where they are of one build.
const char *buildName();

/// How the first word of `lathe-compiler`'s command line begins; buildName() ends it, and the words that `lathe` was
/// called with follow.
inline constexpr char kHandedOver[] = "--handed-over-by=";

} // namespace lathe::cli

#endif
