//===- Embed.cpp - one row out of a packed table ----------------------------------------------------------------===//
#include "compiler/kernels/gpu/Decode.h"

namespace lathe::gpu {

void writeKernel(const EmbedKernel &k, TileCall &call) {
  V id = call.array("ids").at({call.code.i32(0)}) + double(k.offset);
  V row = id % kPanelRows, panel = id / double(kPanelRows);
  writeRow(call, ActFormat::F32, k.columns, [&](V column) {
    V value = elementAt(call, k.format, row, panel, column);
    return k.scale == 1 ? value : value * static_cast<float>(k.scale);
  });
}

} // namespace lathe::gpu
