//===- Stages.h - one function a stage, and one that prints what it made ------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_PIPELINE_STAGES_H
#define LATHE_COMPILER_PIPELINE_STAGES_H

#include "compiler/pipeline/Compilation.h"
#include "llvm/Support/raw_ostream.h"

namespace lathe::stage {

llvm::Error spec(Compilation &c);
llvm::Error import(Compilation &c);
llvm::Error fusion(Compilation &c);
llvm::Error kernels(Compilation &c);
llvm::Error schedule(Compilation &c);
llvm::Error object(Compilation &c);
llvm::Error link(Compilation &c);

// `form` is one of the stage's forms (Pipeline.h).
llvm::Error printSpec(Compilation &c, llvm::StringRef form, llvm::raw_ostream &out);
llvm::Error printImport(Compilation &c, llvm::StringRef form, llvm::raw_ostream &out);
llvm::Error printFusion(Compilation &c, llvm::StringRef form, llvm::raw_ostream &out);
llvm::Error printKernels(Compilation &c, llvm::StringRef form, llvm::raw_ostream &out);
llvm::Error printSchedule(Compilation &c, llvm::StringRef form, llvm::raw_ostream &out);
llvm::Error printObject(Compilation &c, llvm::StringRef form, llvm::raw_ostream &out);
llvm::Error printLink(Compilation &c, llvm::StringRef form, llvm::raw_ostream &out);

} // namespace lathe::stage

#endif
