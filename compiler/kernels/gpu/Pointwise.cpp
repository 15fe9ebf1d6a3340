//===- Pointwise.cpp - rows element by element ------------------------------------------------------------------===//
//
// The same operations in the same order as the linear kernel's epilogue: what fuses in one kind of step and not in
// another has the same bits.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Math.h"
#include "compiler/kernels/gpu/Row.h"

namespace lathe::gpu {

void writeKernel(const PointwiseKernel &k, TileCall &call) {
  const auto value = static_cast<float>(k.value);
  V zero = call.code.i32(0);
  auto one = [&](const char *name) { return call.array(name).at({zero}); };
  const bool pairs = k.kind == Pointwise::Add || k.kind == Pointwise::Glu;
  // Few at once: an activation is long.
  writeColumns(call, k.output, k.columns, 8, [&](const Columns &mine) {
    std::vector<V> values = loadColumns(call.array("x"), mine), z, weight;
    if (pairs)
      z = loadColumns(call.array("z"), mine);
    if (k.weights > 1)
      weight = loadColumns(call.array("weight"), mine);
    for (size_t i = 0; i < values.size(); ++i) {
      V &x = values[i];
      switch (k.kind) {
      case Pointwise::Add:
        x = x + (k.value == 1 ? z[i] : z[i] * value);
        break;
      case Pointwise::Glu:
        x = gatedUnit(k.activation, x, z[i], k.shape);
        break;
      case Pointwise::Activate:
        x = k.activation == Activation::XIELU ? xielu(x, one("positive"), one("negative"), k.shape)
                                              : activate(k.activation, x, k.shape);
        break;
      case Pointwise::Scale:
        x = k.value == 1 ? x : x * value;
        if (k.weights)
          x = x * (k.weights == 1 ? one("weight") : weight[i]);
        break;
      case Pointwise::Softcap:
        x = softcap(x, k.value);
        break;
      case Pointwise::Clip:
        x = clamp(x, -value, value);
        break;
      case Pointwise::Gate:
        x = sigmoid(one("z")) * x;
        break;
      }
    }
    return values;
  });
}

} // namespace lathe::gpu
