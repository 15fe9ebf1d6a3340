//===- Quantized.h - checkpoints whose weights another tool has quantised -----------------------------*- C++ -*-===//
//
// GPTQ, AWQ, bitsandbytes, FP8, compressed-tensors and their like store matrices as tensors of their own, and say so in
// config.json or a file beside it. Lathe reads MXFP4 (gpt-oss); the others are refused by name until it does.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_QUANTIZED_H
#define LATHE_COMPILER_SPEC_QUANTIZED_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <nlohmann/json.hpp>

namespace lathe {

/// Fails where the configuration `config` of `file`, or a file beside it, says that the weights are quantised in a form
/// that is not read: "config.json: quantization_config: gptq, 4 bits: …".
llvm::Error refuseQuantized(const nlohmann::json &config, llvm::StringRef file);

} // namespace lathe

#endif
