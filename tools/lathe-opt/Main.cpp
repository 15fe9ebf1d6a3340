//===- Main.cpp - lathe-opt: the dialect and its passes on the command line --------------------------------------===//
#include "compiler/dialect/Lathe.h"
#include "compiler/fusion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry dialects;
  dialects.insert<lathe::ir::LatheDialect, mlir::func::FuncDialect>();
  mlir::registerCSEPass();
  mlir::registerCanonicalizerPass();
  lathe::registerFusionPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Lathe's optimiser driver\n", dialects));
}
