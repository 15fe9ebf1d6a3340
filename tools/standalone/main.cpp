//===- main.cpp - a model as a program of its own ----------------------------------------------------------------===//
//
// What `lathe run` does with a bundle, with its flags, for the one model that the program carries.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "tools/run/Run.h"
#include "tools/standalone/SelfModel.h"
#include <cstdio>

using namespace lathe;

static int end(const char *program, const cli::RunEnd &end) {
  if (!end.message.empty())
    std::fprintf(stderr, "%s: %s\n", program, end.message.c_str());
  return end.exit;
}

static int generate(int argc, char **argv) {
  CLI::App app("Generates text with the model that this program carries.");
  cli::RunOptions options;
  cli::addRunFlags(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    const bool help = error.get_exit_code() == 0;
    return help ? app.exit(error) : end(argv[0], {2, std::string(error.what()) + "; see --help"});
  }
  if (cli::RunEnd check = cli::checkRun(options); check.exit)
    return end(argv[0], check);
  ModelOptions chosen;
  if (!options.device.empty()) {
    Result<std::shared_ptr<const Device>> device = findDevice(options.device);
    if (!device)
      return end(argv[0], {1, "--device: " + device.message()});
    chosen.device = device.take();
  }
  Result<std::shared_ptr<const Model>> model = openExecutable("/proc/self/exe", chosen);
  if (!model)
    return end(argv[0], {1, model.message()});
  return end(argv[0], cli::run(*model, argv[0], options));
}

int main(int argc, char **argv) {
  cli::holdStandardStreams();
  int code = generate(argc, argv);
  if (Result<void> flushed = cli::flushStdout(); !flushed && code == 0) // --help
    code = end(argv[0], {1, flushed.message()});
  return code;
}
