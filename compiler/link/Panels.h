//===- Panels.h - stored rows to packed panels and back -----------------------------------------------*- C++ -*-===//
//
// A panel holds 16 rows side by side; compiler/layout/Packed.h says how its bytes lie. Codes and scales move as they
// are stored and none is rounded, so that the numbers that come back are the checkpoint's, bit for bit.
//
//      rows (GGUF blocks)                       panel (Q4_0)
//      row 0   d q[32]  d q[32]  …              step 0: codes of 16 rows | d of 16 rows
//      row 1   d q[32]  d q[32]  …       ->     step 1: codes of 16 rows | d of 16 rows
//      …                                        …
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_PANELS_H
#define LATHE_COMPILER_LINK_PANELS_H

#include "compiler/layout/Rows.h"
#include "compiler/spec/Weights.h"
#include "llvm/ADT/ArrayRef.h"

namespace lathe {

/// One row of a checkpoint; without blocks it is padding, a row of zeros (integer formats: scale 0, minimum 0).
struct StoredRow {
  const uint8_t *blocks = nullptr;
  Format format = Format::F32;
};

/// Writes one panel, panelBytes(format, columns) bytes, of exactly 16 rows of `columns` numbers, a multiple of
/// packedColumns(format). Each row is stored in a format that packedFor packs as `format`.
void packPanel(PackedFormat format, int64_t columns, llvm::ArrayRef<StoredRow> rows, uint8_t *panel);

/// The `columns` numbers of one of the 16 rows.
void unpackPanelRow(PackedFormat format, int64_t columns, const uint8_t *panel, int64_t row, float *out);

} // namespace lathe

#endif
