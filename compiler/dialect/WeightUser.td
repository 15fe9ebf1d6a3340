//===- WeightUser.td - which of an op's attributes name weights ------------------------------------*- tablegen -*-===//
#ifndef LATHE_COMPILER_DIALECT_WEIGHTUSER_TD
#define LATHE_COMPILER_DIALECT_WEIGHTUSER_TD

include "mlir/IR/OpBase.td"

def Lathe_WeightUser : OpInterface<"WeightUser"> {
  let cppNamespace = "::lathe::ir";
  let description = [{
    An op that reads weights. Passes that pack them and the stages behind ask this, so that an op is declared in one
    place: weights that it names but does not tell here are an error when the module is described.
  }];
  let methods = [InterfaceMethod<
      "What it names, in the order in which the bundle has it: attributes that are absent are left out.",
      "::llvm::SmallVector<::lathe::ir::WeightUse>", "weightUses", (ins)>];
}

#endif
