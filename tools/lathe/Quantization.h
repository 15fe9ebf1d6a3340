//===- Quantization.h - what --quantize has cost, for people and programs -------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_QUANTIZATION_H
#define LATHE_TOOLS_LATHE_QUANTIZATION_H

#include "compiler/spec/QuantizationLog.h"

namespace lathe::cli {

/// Says on stderr how many matrices went to which format, their error, the worst of them, and which could not go.
/// Errors are shown relative to a tensor's own numbers: the root of the NMSE. `file`, unless "", gets a JSON array of
/// all tensors, the worst first.
llvm::Error reportQuantization(const QuantizationLog &log, const std::string &file);

} // namespace lathe::cli

#endif
