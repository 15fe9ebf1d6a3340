//===- Bundle.h - a bundle on the command line --------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_BUNDLE_H
#define LATHE_TOOLS_LATHE_BUNDLE_H

#include "runtime/lathe.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <CLI/CLI.hpp>
#include <memory>

namespace lathe::cli {

/// A bundle and what it takes to run it.
struct OpenBundle {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Context> context;
};

/// How a bundle is run.
struct DeviceFlags {
  unsigned threads = 0;    ///< workers; 0: all cores
  std::string target = {}; ///< of the variant; empty: the best that this machine runs
  std::string device = {}; ///< findDevice's name for it; empty: any of this machine
};
void addTargetFlag(CLI::App &command, std::string &target);
void addDeviceFlags(CLI::App &command, DeviceFlags &flags);

/// Whether `path` is a folder that `lathe compile` wrote, rather than an input of the compiler.
bool isBundle(llvm::StringRef path);

/// Opens a bundle to run it. An error says what is wrong, or that `path` is not a bundle and how to make one of it.
llvm::Expected<std::shared_ptr<const Model>> openModel(llvm::StringRef path, const DeviceFlags &flags);
/// Opens a bundle to look at it, whatever machine it is for.
llvm::Expected<std::shared_ptr<const Model>> openToRead(llvm::StringRef path, const std::string &target = {});

/// The same, with a context. `cachePages`: of its context (ContextOptions).
llvm::Expected<OpenBundle> openBundle(llvm::StringRef path, const DeviceFlags &flags, uint32_t cachePages = 0);

/// What a phase does in any layer: "layers.3.mlp.down" -> "mlp.down"; a name outside of the layers as it is.
llvm::StringRef withoutLayer(llvm::StringRef phase);

} // namespace lathe::cli

#endif
