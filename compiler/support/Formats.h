//===- Formats.h - the storage formats of weights, as a table -----------------------------------------*- C++ -*-===//
//
// Which formats there are, what they are called, and how large their blocks are. All messages that list formats take
// the list from here. What the bytes of a block mean: compiler/spec/Blocks.h.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SUPPORT_FORMATS_H
#define LATHE_COMPILER_SUPPORT_FORMATS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace lathe {

/// Storage of a matrix. Block formats are GGUF's (ggml-common.h).
enum class Format {
  F32,
  F16,
  BF16,
  Q8_0,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
  IQ4_NL,
  IQ4_XS,
  TQ1_0,
  TQ2_0,
  MXFP4,
};

struct FormatInfo {
  Format format;
  const char *name;       ///< "q4_1"
  uint32_t ggmlType;      ///< in a GGUF (ggml.h, enum ggml_type)
  int64_t columns, bytes; ///< of one block; 1 column: an element format
  bool quantizes;         ///< Lathe can store numbers so (--quantize)
};

/// In the order of the enum.
llvm::ArrayRef<FormatInfo> formats();
const FormatInfo &formatInfo(Format format);
/// "q4_1".
llvm::StringRef formatName(Format format);
/// The format of that name, in any case of letters; nothing: there is none.
std::optional<Format> findFormat(llvm::StringRef name);

enum class FormatSet { All, Elements, Quantizing };
/// "f32, f16, bf16": for messages.
std::string formatNames(FormatSet set = FormatSet::All);

/// Columns of one block.
inline int64_t blockColumns(Format format) { return formatInfo(format).columns; }
/// Bytes of one block.
inline int64_t blockBytes(Format format) { return formatInfo(format).bytes; }
inline int64_t rowBytes(Format format, int64_t columns) { return columns / blockColumns(format) * blockBytes(format); }

} // namespace lathe

#endif
