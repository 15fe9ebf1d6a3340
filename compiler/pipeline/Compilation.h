//===- Compilation.h - what the stages hand to one another --------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_PIPELINE_COMPILATION_H
#define LATHE_COMPILER_PIPELINE_COMPILATION_H

#include "compiler/fusion/Passes.h"
#include "compiler/kernels/Program.h"
#include "compiler/link/Bundle.h"
#include "compiler/object/Object.h"
#include "compiler/schedule/Schedule.h"
#include "compiler/spec/Input.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <functional>

namespace lathe {

struct PipelineOptions {
  InputOptions input;
  std::vector<TargetDesc> targets = {hostTarget()}; ///< one variant each, the best first
  int64_t sequences = 0;                  ///< of one step at most; 0: as many as the backend's plan has
  std::optional<ActFormat> activations;   ///< of linears of integer formats; absent: as the backend's plan has them
  std::optional<CacheFormat> cache;   ///< of the KV cache; absent: f32 when all matrices are f32, else f16
  const Backend *backend = nullptr;   ///< null: the one for each target's device
  std::vector<std::string> schedules; ///< files of records, beside those that the compiler carries; later ones go first
  unsigned jobs = 0;                  ///< threads; 0: one for each core
  std::string cacheDirectory;         ///< of compiled kernels; empty: none is kept
  /// The program lathe-standalone: the result is one program with the model behind it. Empty: it is a bundle.
  std::string standalone;
  bool programOnly = false; ///< BundleInput::programOnly
  /// Called with the stage that works and how far it is, from one thread at a time.
  std::function<void(llvm::StringRef stage, uint64_t done, uint64_t total)> progress;
};

/// The model on its way to one target.
struct Variant {
  TargetDesc target;
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< fusion
  ProgramSet set;                           ///< kernels; tiled by schedule
  std::vector<Scheduled> schedule;          ///< schedule
  std::vector<CompiledUnit> units;          ///< object
  std::vector<LinkedKernel> kernels;        ///< object, of the schedule
};

/// The targets that "a,b" names, the best first; "host" is this machine's. Fails, listing all, where one is not known.
llvm::Expected<std::vector<TargetDesc>> parseTargets(llvm::StringRef names);

/// The kernels of a schedule as the link stage takes them, from the units that were compiled of it.
std::vector<LinkedKernel> linkedKernels(llvm::ArrayRef<Scheduled> schedule, llvm::ArrayRef<CompiledUnit> units);

/// One run of the compiler: each stage fills what is its own and reads what is above.
struct Compilation {
  Compilation(std::string path, PipelineOptions options);

  const std::string path;
  const PipelineOptions options;

  // spec
  Input input;
  // import
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  // fusion to object
  std::vector<Variant> variants;
  std::vector<std::string> warnings; ///< for people: nothing is wrong with the result
  // link
  ModelInfo info;
  std::string tokenizer;                  ///< the blob
  std::unique_ptr<StagingFolder> staging; ///< where the bundle goes; null: it is only printed
};

} // namespace lathe

#endif
