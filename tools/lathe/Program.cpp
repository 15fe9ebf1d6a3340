#include "tools/lathe/Program.h"
#include "Commit.h"
#include "tools/run/Run.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <new>

namespace lathe::cli {
namespace {

enum ExitCode { Success = 0, WrongInput = 1, WrongUsage = 2, AfterSignal = 128 };

/// One line on stderr, whatever the message has in it.
int complain(std::string message, int code) {
  for (char &c : message)
    if (c == '\n' || c == '\r')
      c = ' ';
  llvm::outs().flush();
  llvm::errs() << "lathe: " << message << '\n';
  return code;
}

int runGuarded(const std::function<int()> &body) {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return complain("out of memory", WrongInput);
  } catch (const std::exception &unforeseen) {
    return complain(unforeseen.what(), WrongInput);
  }
}

/// The last look at stdout, which results go to; a success that it lost is none. An error that LLVM's streams keep
/// would end the process with LLVM's words; what stderr could not take decides nothing.
int closeStreams(int code) {
  llvm::outs().flush();
  std::error_code problem = llvm::outs().error();
  llvm::outs().clear_error();
  lathe::Result<void> flushed = flushStdout(); // --help
  if (code == Success && problem)
    code = complain("stdout: cannot be written: " + problem.message(), WrongInput);
  else if (code == Success && !flushed)
    code = complain(flushed.message(), WrongInput);
  llvm::errs().clear_error();
  return code;
}

} // namespace

int runProgram(const std::function<int()> &body) {
  holdStandardStreams();
  return closeStreams(runGuarded(body));
}

std::unique_ptr<CLI::App> makeApp() {
  auto app = std::make_unique<CLI::App>("Compiles language models into native programs, and runs them.", "lathe");
  app->set_version_flag("--version", LATHE_VERSION);
  app->require_subcommand(1);
  return app;
}

std::optional<int> parseAndRun(CLI::App &app, int argc, char **argv) {
  auto named = [&](const CLI::App *command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(named).empty())
    return complain(std::string("no command '") + argv[1] + "'; see 'lathe --help'", WrongUsage);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &asked) { // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError &wrong) {
    return complain(std::string(wrong.what()) + "; see 'lathe --help'", WrongUsage);
  }
  return std::nullopt;
}

int report(llvm::Error error) {
  if (!error)
    return Success;
  int code = error.isA<UsageError>() ? WrongUsage : error.isA<Interrupted>() ? AfterSignal + interrupted() : WrongInput;
  return complain(llvm::toString(std::move(error)), code);
}

std::string besideProgram(llvm::StringRef name) {
  llvm::SmallString<128> path(llvm::sys::fs::getMainExecutable(nullptr, nullptr));
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

const char *buildName() { return LATHE_VERSION "-" LATHE_COMMIT; }

} // namespace lathe::cli
