//===- Diagnostics.h - what MLIR complains of, as an error ----------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_DIALECT_DIAGNOSTICS_H
#define LATHE_COMPILER_DIALECT_DIAGNOSTICS_H

#include "compiler/support/Error.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

namespace lathe {

/// Keeps the first error that is reported while it lives, in place of printing it:
/// "layers.3.mlp.down: 'lathe.linear' op has …".
class FirstDiagnostic {
public:
  explicit FirstDiagnostic(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error && text.empty())
            text = print(diagnostic);
          return mlir::success();
        }) {}

  /// Success if what was watched went well, else the error with the diagnostic's words.
  llvm::Error take(llvm::LogicalResult result) const {
    return mlir::succeeded(result) ? llvm::Error::success() : makeError("{0}", text);
  }

private:
  /// A NameLoc's name is what people know; other locations say "-" or a line of a text.
  static std::string print(mlir::Diagnostic &diagnostic) {
    if (auto name = llvm::dyn_cast<mlir::NameLoc>(diagnostic.getLocation()))
      return llvm::formatv("{0}: {1}", name.getName().getValue(), diagnostic.str()).str();
    return llvm::formatv("{0}: {1}", diagnostic.getLocation(), diagnostic.str()).str();
  }

  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace lathe

#endif
