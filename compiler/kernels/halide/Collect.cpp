//===- Collect.cpp - the weighted sum of a row's choices: the mathematics ---------------------------------------===//
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

CollectStages lathe::defineKernel(const CollectKernel &k, KernelBuilder &kernel) {
  CollectStages s;
  s.choice = RDom(0, static_cast<int>(k.choices), "choice");
  Expr place = unsafe_promise_clamped(kernel.in("places")(s.choice), 0, static_cast<int>(k.places) - 1);
  s.row = Func("row");
  s.row(s.i) = 0.0f;
  s.row(s.i) = strict_float(s.row(s.i) + kernel.in("weights")(s.choice) * kernel.in("x")(s.i, place));
  s.output = quantizeRow(kernel, s.row, k.output, k.columns);
  return s;
}
