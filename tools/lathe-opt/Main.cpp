//===- Main.cpp - lathe-opt: the dialect and its passes on the command line --------------------------------------===//
#include "compiler/dialect/Lathe.h"
#ifdef LATHE_HAS_FUSION
#include "compiler/fusion/Passes.h"
#endif
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry dialects;
  dialects.insert<lathe::ir::LatheDialect, mlir::func::FuncDialect>();
  mlir::registerCSEPass();
  mlir::registerCanonicalizerPass();
#ifdef LATHE_HAS_FUSION
  lathe::registerFusionPasses();
#endif
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Lathe's optimiser driver\n", dialects));
}
