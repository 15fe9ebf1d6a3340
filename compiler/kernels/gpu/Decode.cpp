//===- Decode.cpp - numbers of packed matrices as expressions ---------------------------------------------------===//
#include "compiler/kernels/gpu/Decode.h"

namespace lathe::gpu {

/// The bits of a quad's codes that lie in a plane.
static V planeAt(const TileCall &call, const char *name, int bits, V c, V n, V quad, V step, V panel) {
  const int quads = 8 / bits; // of a line
  V line = call.array(name).at({c, n, quad / double(quads), step, panel});
  return bits == 8 ? line : shiftRight(line, (quad % quads) * double(bits)) & ((1 << bits) - 1);
}

/// Magnitudes 0, 1, 2, 3, 4, 6, 8, 12 have steps of 1, from 4 on of 2, from 6 on of 4.
V doubledE2M1(V bits) {
  auto beyond = [](V value, int limit) { return max(value, limit) - limit; };
  V place = bits & 7;
  V magnitude = place + beyond(place, 4) + beyond(place, 6) * 2;
  return select(bits >= 8, 12 - magnitude, 12 + magnitude);
}

V codeAt(const TileCall &call, PackedFormat format, V c, V n, V quad, V step, V panel) {
  const PanelLayout &layout = panelLayout(format);
  V code = planeAt(call, "w", layout.lowBits, c, n, quad, step, panel);
  if (layout.highBits)
    code = code | planeAt(call, "wh", layout.highBits, c, n, quad, step, panel) << layout.lowBits;
  return layout.evenly ? code : doubledE2M1(code);
}

static V factorAt(const TileCall &call, PackedFormat format, const char *name, const char *ofGroup, V n, V group, V step,
                  V panel) {
  const PanelLayout &layout = panelLayout(format);
  if (layout.blockScales)
    return halfToF32(call.array(name).at({n, step / double(kBlock / kGroup), panel})) *
           toF32(call.array(ofGroup).at({n, group, step, panel}));
  V bits = call.array(name).at({n, group, step, panel});
  return layout.brain ? brainToF32(bits) : halfToF32(bits);
}

V scaleAt(const TileCall &call, PackedFormat format, V n, V group, V step, V panel) {
  return factorAt(call, format, "d", "s", n, group, step, panel);
}

V minimumAt(const TileCall &call, PackedFormat format, V n, V group, V step, V panel) {
  return factorAt(call, format, "m", "t", n, group, step, panel);
}

V elementAt(const TileCall &call, PackedFormat format, V n, V panel, V column) {
  if (!isInteger(format))
    return call.array("w").at({n, column, panel});
  const PanelLayout &layout = panelLayout(format);
  V step = column / double(kGroup), place = column % kGroup, group = place / double(layout.group);
  V code = codeAt(call, format, place % 4, n, place / 4, step, panel);
  V value = scaleAt(call, format, n, group, step, panel) * toF32(code - layout.zero);
  return layout.minimum ? value + minimumAt(call, format, n, group, step, panel) : value;
}

} // namespace lathe::gpu
