//===- Weights.h - a model's weights, whatever file they came from ------------------------------------*- C++ -*-===//
//
// The compiler asks for weights by role ("layers.3.attention.query"), never by a checkpoint's tensor name. A
// WeightSource answers from a GGUF, a safetensors file, a llama2.c .bin or a seeded generator; all of them hand out
// rows on demand, so packing a model never needs more memory than a few rows.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_WEIGHTS_H
#define LATHE_COMPILER_SPEC_WEIGHTS_H

#include "compiler/support/Formats.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lathe {

/// Exact values of `columns` stored numbers, as the format defines them (compiler/spec/Blocks.h), rounded to f32 where
/// a scaled integer plus a minimum is not representable.
void dequantize(Format format, const uint8_t *blocks, int64_t columns, float *out);
/// The stored form of `columns` numbers, for formats that formatInfo says Lathe quantises to. Blocks of 32: by the
/// format's own rule (ggml-quants.c's reference quantisers). Blocks of 256: QuantizeK.h.
void quantize(Format format, const float *in, int64_t columns, uint8_t *blocks);

/// The first of `columns` stored numbers that is NaN or infinite; -1: all are finite. Costs little beside reading them.
int64_t findNonFinite(Format format, const uint8_t *blocks, int64_t columns);

/// One weight of the model: a matrix [rows, columns] (linear: [out, in]; embedding: [vocabulary, dim]) or a vector
/// [1, columns]. Thread-safe to read. A number that is not finite is an error wherever a row is read, so that no part of
/// the compiler meets one; no role gives an infinity a meaning.
class Weight {
public:
  virtual ~Weight() = default;
  std::string role;   ///< "layers.3.attention.query"
  std::string tensor; ///< the checkpoint's own name, for messages
  Format format = Format::F32;
  int64_t rows = 0, columns = 0;

  /// Copies the stored blocks of one row: rowBytes(format, columns) bytes.
  llvm::Error readBlocks(int64_t row, uint8_t *out) const;
  /// One row as f32.
  llvm::Error readRow(int64_t row, float *out) const;
  /// Where a number comes from, for messages: "tensor 'x': row 5, column 7".
  virtual std::string place(int64_t row, int64_t column) const;

protected:
  /// readBlocks, whose caller looks for numbers that are not finite.
  virtual llvm::Error makeBlocks(int64_t row, uint8_t *out) const = 0;
};

/// All weights of one model. Owns them and the mapped file behind.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  /// The weight of a role; an error names the role and the tensor names that were looked for.
  virtual llvm::Expected<const Weight *> get(llvm::StringRef role) const = 0;
  virtual bool has(llvm::StringRef role) const = 0;
  /// A hash of the identity of all weights (file size, mtime and header; or the generator's seed): part of the build
  /// id.
  virtual uint64_t fingerprint() const = 0;
};

} // namespace lathe

#endif
