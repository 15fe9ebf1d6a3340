//===- Main.cpp - lathe-opt: the dialect and its passes on the command line --------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/ErrorHandling.h"
#include <cstdlib>

/// A full disk is no crash of the compiler, as LLVM's own words would have it.
static void complain(void *, const char *reason, bool) {
  llvm::errs() << "lathe-opt: " << reason << '\n';
  std::_Exit(1);
}

int main(int argc, char **argv) {
  llvm::install_fatal_error_handler(complain);
  mlir::DialectRegistry dialects;
  dialects.insert<lathe::ir::LatheDialect, mlir::func::FuncDialect>();
  mlir::registerCSEPass();
  mlir::registerCanonicalizerPass();
  lathe::registerFusionPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Lathe's optimiser driver\n", dialects));
}
