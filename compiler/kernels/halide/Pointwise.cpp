//===- Pointwise.cpp - rows element by element: the mathematics -------------------------------------------------===//
//
// The same operations in the same order as the linear kernel's epilogue: what fuses in one kind of step and not in
// another has the same bits.
//
//===------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

PointwiseStages lathe::defineKernel(const PointwiseKernel &k, KernelBuilder &kernel) {
  PointwiseStages s;
  Var i("i");
  const float value = static_cast<float>(k.value);
  Expr x = kernel.in("x")(i), result;
  switch (k.kind) {
  case Pointwise::Add: {
    Expr z = kernel.in("z")(i);
    result = x + (k.value == 1 ? z : z * value);
    break;
  }
  case Pointwise::Glu:
    result = gatedUnit(k.activation, x, kernel.in("z")(i), k.shape);
    break;
  case Pointwise::Activate:
    result = k.activation == Activation::XIELU
                 ? xielu(x, kernel.load("positive", {0}), kernel.load("negative", {0}), k.shape)
                 : activate(k.activation, x, k.shape);
    break;
  case Pointwise::Scale:
    result = k.value == 1 ? x : x * value;
    if (k.weights)
      result = result * kernel.in("weight")(k.weights == 1 ? Expr(0) : Expr(i));
    break;
  case Pointwise::Softcap:
    result = softcap(x, k.value);
    break;
  case Pointwise::Clip:
    result = clamp(x, -value, value);
    break;
  case Pointwise::Gate:
    result = sigmoid(kernel.in("z")(0)) * x;
    break;
  }
  s.row = Func("row");
  s.row(i) = strict_float(result);
  s.output = quantizeRow(kernel, s.row, k.output, k.columns);
  return s;
}
