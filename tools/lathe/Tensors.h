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

/// `batch` sequences of `length` token ids each.
struct IdBatch {
  size_t batch = 0, length = 0;
  std::vector<int32_t> ids; ///< [batch][length]
  llvm::ArrayRef<int32_t> sequence(size_t i) const { return llvm::ArrayRef(ids).slice(i * length, length); }
};

/// Reads a .safetensors file with `input_ids`, I64 [B, T], or a text with one sequence a line, all of one length.
/// There is at least one id.
llvm::Expected<IdBatch> readIds(llvm::StringRef path);

/// An f32 tensor to write.
struct NamedTensor {
  std::string name;
  std::vector<size_t> shape;
  std::vector<float> values;
};

/// Writes F32 tensors in their order. The file appears whole or not at all.
llvm::Error writeSafetensors(llvm::StringRef path, llvm::ArrayRef<NamedTensor> tensors);

} // namespace lathe::cli

#endif
