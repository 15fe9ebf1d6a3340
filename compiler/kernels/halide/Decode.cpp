//===- Decode.cpp - numbers of packed matrices as expressions ---------------------------------------------------===//
#include "compiler/kernels/halide/Decode.h"
#include "compiler/kernels/halide/Math.h"

using namespace Halide;
using namespace lathe;

/// The bits of a quad's codes that lie in a plane. A quad that is known when the kernel is compiled leaves one shift.
static Expr planeAt(const KernelBuilder &kernel, const char *name, int bits, Expr c, Expr n, Expr quad, Expr step,
                    Expr panel) {
  const int quads = 8 / bits; // of a line
  Expr line = kernel.in(name)(c, n, quad / quads, step, panel);
  if (bits == 8)
    return line;
  return (line >> cast<uint8_t>(quad % quads * bits)) & cast<uint8_t>((1 << bits) - 1);
}

/// E2M1's four bits as 12 plus twice the number: magnitudes 0, 1, 2, 3, 4, 6, 8, 12 have steps of 1, from 4 on of 2,
/// from 6 on of 4.
static Expr doubledE2M1(Expr bits) {
  auto beyond = [](Expr value, int limit) { return max(value, cast<uint8_t>(limit)) - cast<uint8_t>(limit); };
  Expr place = bits & cast<uint8_t>(7);
  Expr magnitude = place + beyond(place, 4) + beyond(place, 6) * cast<uint8_t>(2);
  return select(bits >= cast<uint8_t>(8), cast<uint8_t>(12) - magnitude, cast<uint8_t>(12) + magnitude);
}

Expr lathe::codeAt(const KernelBuilder &kernel, PackedFormat format, Expr c, Expr n, Expr quad, Expr step, Expr panel) {
  const PanelLayout &layout = panelLayout(format);
  Expr code = planeAt(kernel, "w", layout.lowBits, c, n, quad, step, panel);
  if (layout.highBits)
    code = code | planeAt(kernel, "wh", layout.highBits, c, n, quad, step, panel) << cast<uint8_t>(layout.lowBits);
  return layout.evenly ? code : doubledE2M1(code);
}

static Expr factorAt(const KernelBuilder &kernel, PackedFormat format, const char *name, const char *ofGroup, Expr n,
                     Expr group, Expr step, Expr panel) {
  const PanelLayout &layout = panelLayout(format);
  if (layout.blockScales)
    return fromHalfBits(kernel.in(name)(n, step / static_cast<int>(kBlock / kGroup), panel)) *
           cast<float>(kernel.in(ofGroup)(n, group, step, panel));
  Expr bits = kernel.in(name)(n, group, step, panel);
  return layout.brain ? reinterpret<float>(cast<uint32_t>(bits) << 16) : fromHalfBits(bits);
}

Expr lathe::scaleAt(const KernelBuilder &kernel, PackedFormat format, Expr n, Expr group, Expr step, Expr panel) {
  return factorAt(kernel, format, "d", "s", n, group, step, panel);
}

Expr lathe::minimumAt(const KernelBuilder &kernel, PackedFormat format, Expr n, Expr group, Expr step, Expr panel) {
  return factorAt(kernel, format, "m", "t", n, group, step, panel);
}
