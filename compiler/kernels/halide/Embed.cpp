//===- Embed.cpp - one row out of a packed table: the mathematics -----------------------------------------------===//
#include "compiler/kernels/halide/Decode.h"
#include "compiler/kernels/halide/Stages.h"

using namespace Halide;
using namespace lathe;

/// Element `column` of row `row` (in its panel) of panel `panel`.
static Expr element(const KernelBuilder &kernel, PackedFormat format, Expr row, Expr panel, Expr column) {
  if (!isInteger(format))
    return cast<float>(kernel.in("w")(row, column, panel));
  const PanelLayout &layout = panelLayout(format);
  Expr step = column / static_cast<int>(kGroup), place = column % static_cast<int>(kGroup);
  Expr group = place / static_cast<int>(layout.group);
  Expr code = codeAt(kernel, format, place % 4, row, place / 4, step, panel);
  Expr value = scaleAt(kernel, format, row, group, step, panel) * cast<float>(cast<int32_t>(code) - layout.zero);
  return layout.minimum ? value + minimumAt(kernel, format, row, group, step, panel) : value;
}

EmbedStages lathe::defineKernel(const EmbedKernel &k, KernelBuilder &kernel) {
  EmbedStages stages;
  Expr id = unsafe_promise_clamped(kernel.load("ids", {0}) + static_cast<int>(k.offset), 0,
                                   static_cast<int>(k.vocabulary) - 1);
  stages.y = Func("y_out");
  Expr value = element(kernel, k.format, id % 16, id / 16, stages.i);
  stages.y(stages.i) = strict_float(k.scale == 1 ? value : value * static_cast<float>(k.scale));
  kernel.out("y", stages.y);
  return stages;
}
