//===- Builder.h - from a kernel's description to a Halide pipeline -----------------------------------*- C++ -*-===//
//
// A family's mathematics is written as Halide Funcs (the algorithm), and handed to its directives as stages (Stages.h):
//
//   NormStages lathe::defineKernel(const NormKernel &k, KernelBuilder &kernel) {
//     NormStages s;
//     Halide::ImageParam x = kernel.in("x");
//     s.row(s.i) = ...x(s.i)...;
//     kernel.out("y", s.row);
//     return s;
//   }
//
// in() and out() give every dimension the constant bounds and stride of signature(), so that a kernel's code has no
// checks and no address arithmetic left. Outputs must not overlap inputs. A kernel never allocates: keep what it stores
// between loops in MemoryType::Stack or Register with constant bounds (compiler/object refuses anything else).
//
// Floating point: Halide's operations may be contracted into fused multiply-adds and reassociated by LLVM, and assume
// that there are no infinities and NaNs. Wrap what depends on order, rounding or infinities in Halide::strict_float(),
// which also forbids the fused form.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_HALIDE_BUILDER_H
#define LATHE_COMPILER_KERNELS_HALIDE_BUILDER_H

#include "compiler/kernels/Signature.h"
#include "compiler/target/Target.h"
#include <Halide.h>
#include <map>
#include <string>
#include <vector>

namespace lathe {

/// A pipeline, ready to compile once its stages are scheduled.
struct Built {
  Halide::Pipeline pipeline;
  std::vector<Halide::Argument> arguments; ///< inputs, in signature order; the pipeline's outputs follow in theirs
};

/// For serial tile functions without runtime, assertions or bounds queries.
Halide::Target halideTarget(const TargetDesc &target);
Halide::Type halideType(ElementType type);

class KernelBuilder {
public:
  KernelBuilder(const KernelDesc &kernel, const TargetDesc &target);

  /// The input of that name. Name Funcs otherwise: inputs and Funcs share one space of names.
  Halide::ImageParam in(const std::string &name) const;
  /// One element of an input, for the bounds of a reduction too (which may not call a Func, as in("…")(…) does).
  Halide::Expr load(const std::string &name, const std::vector<Halide::Expr> &index) const;
  /// Extent of a dimension of an argument.
  int extent(const std::string &name, int dimension) const;
  /// Makes `func` the output of that name; gives its buffer the signature's bounds and strides.
  void out(const std::string &name, Halide::Func func);
  /// All outputs must have been given.
  Built finish();

  const TargetDesc target;

private:
  std::vector<Argument> arguments;
  std::map<std::string, Halide::ImageParam> inputs;
  std::map<std::string, Halide::Func> outputs;
};

} // namespace lathe

#endif
