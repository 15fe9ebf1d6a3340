//===- Conv.cpp - a causal convolution of each channel, one row: the mathematics ---------------------------------===//
//
// A row first writes its input to its line of the sequence's state, then sums over the lines that positions up to its
// own have left, the oldest first. Lines before position 0 count as zero, so a state needs no clearing.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

ConvStages lathe::defineKernel(const ConvKernel &k, KernelBuilder &kernel) {
  ConvStages s;
  const int width = static_cast<int>(k.width), panel = static_cast<int>(kPanelRows);
  ImageParam x = kernel.in("x"), w = kernel.in("w");
  Expr position = kernel.load("positions", {0});
  Expr block = unsafe_promise_clamped(kernel.load("blocks", {0}), 0, kernel.extent("state", 3) - 1);
  auto line = [&](int before) { return unsafe_promise_clamped((position + width - before) % width, 0, width - 1); };

  s.state = Func("state_out");
  s.state(s.lane, s.n, s.part, s.block) = undef<float>();
  s.state(s.lane, line(0), s.part, block) = x(min(s.part * panel + s.lane, static_cast<int>(k.channels) - 1));
  Expr sum = k.bias ? kernel.in("bias")(s.lane, s.part) : Expr(0.0f);
  for (int before = width - 1; before >= 0; --before)
    sum += w(s.lane, width - 1 - before, s.part) *
           select(position >= before, s.state(s.lane, line(before), s.part, block), 0.0f);
  s.y = Func("y_out");
  s.y(s.lane, s.part) = activate(k.activation, sum);
  kernel.out("state", s.state);
  kernel.out("y", s.y);
  return s;
}
