//===- Bundle.h - the last stage: objects, tables and weights become a bundle -------------------------*- C++ -*-===//
//
//   auto staging = StagingFolder::create("smollm2");
//   writeBundle(input, **staging, options);   // model.so, weights.bin
//   ...verify what is in (*staging)->path()...
//   (*staging)->commit();                     // smollm2/ is there, whole
//
// The build id is a hash of the packed data, the tables and the kernels' objects: it depends on nothing else, so equal
// models compile to equal bytes wherever their files lie.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_BUNDLE_H
#define LATHE_COMPILER_LINK_BUNDLE_H

#include "compiler/link/Linker.h"
#include "compiler/link/Pack.h"
#include "compiler/link/Staging.h"
#include "compiler/link/Tables.h"

namespace lathe {

/// What a bundle is made of; all of it outlives the call.
struct BundleInput {
  const std::vector<LinkedVariant> &variants; ///< the best first
  const std::vector<ObjectBytes> &objects;    ///< ELF objects that define the kernels' functions
  const ModelInfo &info;
  const WeightSource &weights;
  llvm::StringRef tokenizer; ///< tokenizer_abi.h's blob; empty: none
  bool programOnly = false;  ///< no weights.bin: lathe-random-weights makes one where the bundle is measured
};

/// Writes model.so and weights.bin to the staging folder.
llvm::Error writeBundle(const BundleInput &input, StagingFolder &staging, const PackOptions &options = {});

/// Makes one program (kProgramFile, runtime/abi/executable_abi.h) of `standalone`, the program that comes with Lathe,
/// and of the bundle in the staging folder.
llvm::Error writeExecutable(StagingFolder &staging, llvm::StringRef standalone);

/// Layout and tables as writeBundle makes them, but for the build id: what --emit=link shows without writing a bundle.
/// `tokenizerBytes` is the size of the blob.
llvm::Error printBundle(const std::vector<LinkedVariant> &variants, const ModelInfo &info, uint64_t tokenizerBytes,
                        llvm::raw_ostream &out);

} // namespace lathe

#endif
