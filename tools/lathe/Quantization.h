//===- Quantization.h - what --quantize has cost, for people and programs -------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_QUANTIZATION_H
#define LATHE_TOOLS_LATHE_QUANTIZATION_H

#include "compiler/spec/QuantizationLog.h"

namespace lathe::cli {

/// Says on stderr how many matrices went to which format, their error, and the worst of them. Errors are shown relative
/// to a tensor's own numbers: the root of the NMSE. `file`, unless "", gets a JSON array of all tensors, the worst
/// first.
llvm::Error reportQuantization(std::vector<QuantizedTensor> tensors, const std::string &file);

} // namespace lathe::cli

#endif
