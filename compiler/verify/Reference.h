//===- Reference.h - a model as the reference interpreter runs it -------------------------------------*- C++ -*-===//
//
// From an input of the compiler: the checkpoint's own weights. From a bundle: its spec and its packed weights, unpacked
// row by row, so that what a bundle computes can be checked where nothing but the bundle is left.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_VERIFY_REFERENCE_H
#define LATHE_COMPILER_VERIFY_REFERENCE_H

#include "compiler/reference/Interpreter.h"
#include "compiler/spec/Input.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/lathe.h"

namespace lathe {

/// A module with what keeps it and its weights alive.
struct ReferenceModel {
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  reference::WeightLookup weights;
  std::shared_ptr<const Model> bundle; ///< or
  std::shared_ptr<const Input> input;  ///< one of the two, which the weights belong to
};

/// How far the module went on its way.
enum class ReferenceLevel { Imported, Fused };

/// Of the KV cache.
CacheFormat cacheFormatOf(const lathe_variant &variant);

/// Weights of a checkpoint, exactly.
reference::WeightLookup lookupIn(const WeightSource &source);

/// Fails if the input has no weights.
llvm::Expected<ReferenceModel> referenceOf(std::shared_ptr<const Input> input, llvm::StringRef path,
                                           ReferenceLevel level);
/// Fails if the bundle's spec does not give the weights that the bundle has.
llvm::Expected<ReferenceModel> referenceOf(std::shared_ptr<const Model> bundle, llvm::StringRef path,
                                           ReferenceLevel level);

} // namespace lathe

#endif
