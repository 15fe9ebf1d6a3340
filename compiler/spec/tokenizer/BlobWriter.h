//===- BlobWriter.h - lays out a tokenizer blob ---------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_BLOBWRITER_H
#define LATHE_COMPILER_SPEC_TOKENIZER_BLOBWRITER_H

#include "runtime/abi/tokenizer_abi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <string>

namespace lathe {

/// Appends sections behind a head that is written last.
class BlobWriter {
public:
  BlobWriter() : bytes(sizeof(lathe_tokenizer), '\0') {}

  template <typename T> lathe_section add(llvm::ArrayRef<T> elements) {
    bytes.resize(llvm::alignTo(bytes.size(), LATHE_TOKENIZER_ALIGNMENT));
    lathe_section section{uint32_t(bytes.size()), uint32_t(elements.size())};
    bytes.append(reinterpret_cast<const char *>(elements.data()), elements.size() * sizeof(T));
    return section;
  }
  lathe_section add(llvm::StringRef text) { return add(llvm::ArrayRef<char>(text.data(), text.size())); }

  size_t size() const { return bytes.size(); }

  std::string finish(lathe_tokenizer head) {
    bytes.resize(llvm::alignTo(bytes.size(), LATHE_TOKENIZER_ALIGNMENT));
    std::memcpy(head.magic, LATHE_TOKENIZER_MAGIC, sizeof(head.magic));
    head.version = LATHE_TOKENIZER_VERSION;
    head.header_bytes = sizeof(lathe_tokenizer);
    head.blob_bytes = bytes.size();
    std::memcpy(bytes.data(), &head, sizeof(head));
    return std::move(bytes);
  }

private:
  std::string bytes;
};

} // namespace lathe

#endif
