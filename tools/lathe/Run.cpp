//===- Run.cpp - lathe run: generate text with a bundle ----------------------------------------------------------===//
#include "tools/run/Run.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"

namespace lathe::cli {
namespace {

struct Options {
  std::string bundle, target;
  RunOptions run;
};

llvm::Error toError(const RunEnd &end) {
  switch (end.exit) {
  case 0:
    return llvm::Error::success();
  case 1:
    return makeError("{0}", end.message);
  case 2:
    return llvm::make_error<UsageError>("run: " + end.message);
  default:
    return llvm::make_error<Interrupted>();
  }
}

llvm::Error runBundle(const Options &options) {
  if (llvm::Error error = toError(checkRun(options.run)))
    return error;
  llvm::Expected<std::shared_ptr<const Model>> model = openModel(options.bundle, {.threads = options.run.threads,
                                                                                             .target = options.target,
                                                                                             .device = options.run.device});
  if (!model)
    return model.takeError();
  return toError(run(std::move(*model), options.bundle, options.run));
}

} // namespace

void addRun(CLI::App &app, Outcome &outcome) {
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand("run", "generate text with a bundle");
  command->add_option("bundle", options->bundle, "what 'lathe compile' wrote")->required();
  addRunFlags(*command, options->run);
  addTargetFlag(*command, options->target);
  onChosen(*command, options, outcome, runBundle);
}

} // namespace lathe::cli
