//===- TableCheck.h - are a model's tables sound? -------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_MODEL_TABLECHECK_H
#define LATHE_RUNTIME_MODEL_TABLECHECK_H

#include "runtime/abi/model_abi.h"
#include "runtime/core/Result.h"

namespace lathe {

/// The part that must hold before any other field is read: magic, version, size of the struct.
Result<void> checkHeader(const lathe_model &model);

/// Everything else of a model: limits, table indices, kernels, and that every view that a phase uses stays inside the
/// memory it names for all rows, columns and splits that a step may have. Views of the page table, the cache and the
/// state are followed by kernels through page and block numbers, so only their start is checked.
/// The error names the table entry: "phase 12 (layer 2: down): ...".
Result<void> checkTables(const lathe_model &model);

} // namespace lathe

#endif
