//===- Combine.cpp - joins the partial softmaxes of a row's splits: the mathematics -----------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

CombineStages lathe::defineKernel(const CombineKernel &k, KernelBuilder &kernel) {
  CombineStages s;
  const int size = static_cast<int>(k.headSize);
  const int maxSplits = static_cast<int>(k.maxSplits);
  ImageParam partial = kernel.in("partial");
  Expr last = kernel.load("positions", {0}) / static_cast<int>(k.splitPositions);
  s.splits = RDom(0, unsafe_promise_clamped(last + 1, 1, maxSplits), "splits");

  // An unseen split has high -inf and sum 0, which strict operations take as it is.
  s.high = Func("high");
  s.high(s.h) = k.sinks ? Expr(kernel.in("sinks")(s.h)) : Expr(-1e30f);
  s.high(s.h) = strict_float(max(s.high(s.h), partial(0, s.h, s.splits)));
  s.weight = Func("weight");
  s.weight(s.h, s.s) = exponential(strict_float(partial(0, s.h, s.s) - s.high(s.h)));
  s.sum = Func("sum");
  s.sum(s.h) = k.sinks ? exponential(strict_float(kernel.in("sinks")(s.h) - s.high(s.h))) : Expr(0.0f);
  s.sum(s.h) += s.weight(s.h, s.splits) * partial(1, s.h, s.splits);
  s.mixed = Func("mixed");
  s.mixed(s.c, s.h) = 0.0f;
  s.mixed(s.c, s.h) += s.weight(s.h, s.splits) * partial(2 + s.c, s.h, s.splits);

  s.row = Func("row");
  s.row(s.i) = strict_float(s.mixed(s.i % size, s.i / size) / s.sum(s.i / size));
  s.output = quantizeRow(kernel, s.row, k.output, k.heads * k.headSize);
  return s;
}
