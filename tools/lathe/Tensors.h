//===- Tensors.h - token ids in, logits out -----------------------------------------------------------*- C++ -*-===//
//
// The files that `lathe eval` reads and writes. safetensors: u64 length of a JSON header, the header {name: {dtype,
// shape, data_offsets}}, then the data (huggingface.co/docs/safetensors).
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TOOLS_LATHE_TENSORS_H
#define LATHE_TOOLS_LATHE_TENSORS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace lathe::cli {

/// Sequences of token ids, none of them empty.
using IdBatch = std::vector<std::vector<int32_t>>;

/// Whether all sequences are as long as the first.
bool sameLengths(const IdBatch &batch);

/// Reads a .safetensors file with `input_ids`, I64 [B, T], or a text with one sequence a line; empty lines count for
/// nothing. There is at least one sequence.
llvm::Expected<IdBatch> readIds(llvm::StringRef path);

/// An f32 tensor to write.
struct NamedTensor {
  std::string name;
  std::vector<size_t> shape;
  std::vector<float> values;
};

/// Parts a tensor [tokens of all sequences, width] by sequence: NAME [B, T, width] where they have one length T, else
/// NAME.0, NAME.1, ... [1, T, width], as each would be alone.
std::vector<NamedTensor> bySequence(NamedTensor tensor, const IdBatch &batch);

/// Writes F32 tensors in their order. The file appears whole or not at all.
llvm::Error writeSafetensors(llvm::StringRef path, llvm::ArrayRef<NamedTensor> tensors);

} // namespace lathe::cli

#endif
