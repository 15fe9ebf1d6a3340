//===- Embed.cpp - one row out of a packed table: the mathematics -----------------------------------------------===//
#include "compiler/kernels/halide/Math.h"
#include "compiler/kernels/halide/Spaces.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

std::vector<lathe::Parameter> lathe::embedSpace(const EmbedKernel &, const TargetDesc &) { return {}; }

/// Element `column` of row `row` (in its panel) of panel `panel`: Kernel.h's layout read backwards.
static Expr element(const KernelBuilder &kernel, PackedFormat format, Expr row, Expr panel, Expr column) {
  ImageParam w = kernel.in("w");
  if (!isInteger(format))
    return cast<float>(w(row, column, panel));
  Expr group = column / 32, place = column % 32;
  Expr scale = fromHalfBits(kernel.in("d")(row, group, panel));
  if (format == PackedFormat::Q8_0)
    return scale * cast<float>(cast<int32_t>(w(place % 4, row, place / 4, group, panel)) - 128);
  Expr byte = cast<int32_t>(w(place % 4, row, place / 8, group, panel));
  Expr nibble = select(place % 8 < 4, byte & 15, byte >> 4);
  if (format == PackedFormat::Q4_0)
    return scale * cast<float>(nibble - 8);
  return scale * cast<float>(nibble) + fromHalfBits(kernel.in("m")(row, group, panel));
}

Built lathe::buildEmbed(const EmbedKernel &k, const TargetDesc &target, const Values &) {
  KernelBuilder kernel(k, target);
  EmbedStages stages;
  Expr id = unsafe_promise_clamped(kernel.load("ids", {0}) + static_cast<int>(k.offset), 0,
                                   static_cast<int>(k.vocabulary) - 1);
  stages.y = Func("y_out");
  Expr value = element(kernel, k.format, id % 16, id / 16, stages.i);
  stages.y(stages.i) = strict_float(k.scale == 1 ? value : value * static_cast<float>(k.scale));
  kernel.out("y", stages.y);
  scheduleEmbed(stages, k);
  return kernel.finish();
}
