#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/run/Run.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace lathe::cli {

void addTargetFlag(CLI::App &command, std::string &target) {
  command.add_option("--target", target, "run the bundle's code for this target (default: the best that runs here)");
}

void addDeviceFlags(CLI::App &command, DeviceFlags &flags) {
  command.add_option("--threads", flags.threads, "workers (default: all cores)")->check(CLI::Range(1, 1024));
  addTargetFlag(command, flags.target);
  addDeviceFlag(command, flags.device);
}

bool isBundle(llvm::StringRef path) {
  for (const char *file : {"model.so", "weights.bin"}) {
    llvm::SmallString<256> name(path);
    llvm::sys::path::append(name, file);
    if (llvm::sys::fs::exists(name))
      return true;
  }
  return false;
}

static llvm::Expected<std::shared_ptr<const Model>> open(llvm::StringRef path, const ModelOptions &options) {
  if (!llvm::sys::fs::exists(path))
    return makeError("{0}: no such file or folder; a bundle, which 'lathe compile' writes, would be right", path);
  if (!isBundle(path))
    return makeError("{0}: not a bundle (no model.so, no weights.bin); 'lathe compile {0} -o DIR' makes one of a model",
                     path);
  Result<std::shared_ptr<const Model>> model = Model::open(path.str(), options);
  if (!model)
    return toLlvm(model.failure());
  return model.take();
}

llvm::Expected<std::shared_ptr<const Model>> openModel(llvm::StringRef path, const DeviceFlags &flags) {
  ModelOptions options{.target = flags.target};
  if (!flags.device.empty()) {
    Result<std::shared_ptr<const Device>> device = findDevice(flags.device);
    if (!device)
      return makeError("--device: {0}", device.message());
    options.device = device.take();
  }
  return open(path, options);
}

llvm::Expected<std::shared_ptr<const Model>> openToRead(llvm::StringRef path, const std::string &target) {
  return open(path, {.target = target, .toRun = false});
}

llvm::Expected<OpenBundle> openBundle(llvm::StringRef path, const DeviceFlags &flags, uint32_t cachePages) {
  llvm::Expected<std::shared_ptr<const Model>> model = openModel(path, flags);
  if (!model)
    return model.takeError();
  Result<std::unique_ptr<Context>> context = Context::create(*model, {.threads = flags.threads, .cachePages = cachePages});
  if (!context)
    return toLlvm(context.failure());
  return OpenBundle{std::move(*model), context.take()};
}

llvm::StringRef withoutLayer(llvm::StringRef phase) {
  llvm::StringRef rest = phase;
  bool inLayer = rest.consume_front("layers.") && rest.consume_front(rest.take_while(llvm::isDigit));
  return inLayer && rest.consume_front(".") ? rest : phase;
}

} // namespace lathe::cli
