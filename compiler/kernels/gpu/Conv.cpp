//===- Conv.cpp - a causal convolution of each channel, one row --------------------------------------------------===//
//
// A channel is one thread's, which writes its input to its line of the sequence's state and sums over the lines that
// positions up to the row's have left, the oldest first. Lines before position 0 count as zero, so a state needs no
// clearing.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Kernel.h"
#include "compiler/kernels/gpu/Math.h"

namespace lathe::gpu {

void writeKernel(const ConvKernel &k, TileCall &call) {
  Code &code = call.code;
  const Array &x = call.array("x"), &w = call.array("w"), &state = call.array("state"), &y = call.array("y");
  V zero = code.i32(0);
  V position = call.array("positions").at({zero}), block = call.array("blocks").at({zero});
  code.eachOf(panelsOf(k.channels) * kPanelRows, [&](V i) {
    V lane = i % kPanelRows, part = i / double(kPanelRows);
    V latest = x.at({min(i, double(k.channels - 1))});
    V sum = k.bias ? call.array("bias").at({lane, part}) : code.f32(0);
    for (int64_t before = k.width - 1; before >= 0; --before) {
      V line = (position + double(k.width - before)) % k.width;
      V input = latest;
      if (before)
        input = select(position >= double(before), state.at({lane, line, part, block}), code.f32(0));
      else
        state.store({lane, line, part, block}, latest);
      sum = sum + w.at({lane, code.i32(k.width - 1 - before), part}) * input;
    }
    y.store({lane, part}, activate(k.activation, sum));
  });
}

} // namespace lathe::gpu
