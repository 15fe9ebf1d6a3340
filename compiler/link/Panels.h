//===- Panels.h - stored rows to packed panels and back -----------------------------------------------*- C++ -*-===//
//
// A panel holds 16 rows side by side; compiler/kernels/Kernel.h says how its bytes lie. Both directions move the
// numbers as they are stored and never convert one, so a row that comes back is equal bit for bit.
//
//      rows (GGUF blocks)                       panel (Q4_0)
//      row 0   d q[32]  d q[32]  …              group 0: nibbles of 16 rows | d of 16 rows
//      row 1   d q[32]  d q[32]  …       <->    group 1: nibbles of 16 rows | d of 16 rows
//      …                                        …
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_LINK_PANELS_H
#define LATHE_COMPILER_LINK_PANELS_H

#include "compiler/kernels/Kernel.h"
#include "compiler/spec/Weights.h"
#include "llvm/ADT/ArrayRef.h"

namespace lathe {

/// The storage that a packed format is made from.
Format storedFormat(PackedFormat format);

/// Writes one panel, panelBytes(format, columns) bytes. rows[r] are the stored blocks of row r, `columns` numbers in
/// storedFormat(format), or null for padding: a row of zeros (integer formats: scale 0, minimum 0). Exactly 16 rows;
/// columns is a multiple of blockColumns.
void packPanel(PackedFormat format, int64_t columns, llvm::ArrayRef<const uint8_t *> rows, uint8_t *panel);

/// The inverse for one of the 16 rows: rowBytes(storedFormat(format), columns) bytes of stored blocks.
void unpackPanelRow(PackedFormat format, int64_t columns, const uint8_t *panel, int64_t row, uint8_t *blocks);

} // namespace lathe

#endif
