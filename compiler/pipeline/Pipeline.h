//===- Pipeline.h - the road from an input to a bundle ------------------------------------------------*- C++ -*-===//
//
//   Compilation c("model.gguf", {.targets = *parseTargets("x86-64-v3,x86-64-v4-vnni")});
//   compile(c, "smollm2", [](Compilation &c) { return verify(c.staging->path(), …); });
//
// or, for --emit=object,asm:
//
//   emit(c, "object,asm", llvm::outs());
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_PIPELINE_PIPELINE_H
#define LATHE_COMPILER_PIPELINE_PIPELINE_H

#include "compiler/pipeline/Compilation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"

namespace lathe {

struct Stage {
  llvm::StringRef name;
  llvm::Error (*run)(Compilation &);
  llvm::Error (*print)(Compilation &, llvm::StringRef form, llvm::raw_ostream &);
  std::vector<llvm::StringRef> forms; ///< of --emit=NAME,FORM; the first is meant when none is given
};

/// In the order of the road.
llvm::ArrayRef<Stage> stages();

/// Runs all stages and leaves the bundle in the folder `output` (or a program there: PipelineOptions::standalone).
/// `verify`, if given, sees the finished compilation with the bundle still in c.staging; when it fails, as when a stage
/// does, nothing is left behind and an older bundle stays.
llvm::Error compile(Compilation &c, llvm::StringRef output,
                    const std::function<llvm::Error(Compilation &)> &verify = {});

/// Runs the stages up to the one that `what` names, "STAGE" or "STAGE,FORM", and prints what that made. Writes no
/// files.
llvm::Error emit(Compilation &c, llvm::StringRef what, llvm::raw_ostream &out);

} // namespace lathe

#endif
