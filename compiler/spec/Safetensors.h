//===- Safetensors.h - the container of Hugging Face's weights ----------------------------------------*- C++ -*-===//
//
//   u64 length N | N bytes of JSON {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ...} | data
//
// (github.com/huggingface/safetensors#format). Offsets count from the data's start and may neither overlap nor leave
// the file.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_SAFETENSORS_H
#define LATHE_COMPILER_SPEC_SAFETENSORS_H

#include "compiler/spec/Checkpoint.h"

namespace lathe {

/// Adds every tensor of the file to `checkpoint`, and its identity and header to the fingerprint. Types other than F32,
/// F16 and BF16 are listed without data.
llvm::Error addSafetensors(llvm::StringRef path, Checkpoint &checkpoint);

/// Parses JSON that nobody vouches for: an error names the file and the place; nesting is limited to 64.
llvm::Expected<nlohmann::json> parseJson(llvm::StringRef text, llvm::StringRef file);

} // namespace lathe

#endif
