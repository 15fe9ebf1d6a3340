#include "tools/lathe/TokenizeSource.h"
#include "compiler/spec/Checkpoint.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/spec/tokenizer/TokenizerFile.h"
#include "llvm/Support/FileSystem.h"

namespace lathe::cli {

/// Of a file or folder that carries one, with a model or alone; null where there is none.
static llvm::Expected<std::shared_ptr<TokenizerSource>> readVocabulary(const std::string &source) {
  llvm::Expected<std::shared_ptr<TokenizerSource>> alone =
      llvm::sys::fs::is_directory(source) ? readTokenizerFolder(source) : readTokenizerFile(source);
  if (!alone || *alone)
    return alone;
  llvm::Expected<Checkpoint> checkpoint = readCheckpoint(source);
  if (!checkpoint)
    return checkpoint.takeError();
  return checkpoint->tokenizer;
}

llvm::Expected<std::string> tokenizerOfCheckpoint(const std::string &source) {
  llvm::Expected<std::shared_ptr<TokenizerSource>> vocabulary = readVocabulary(source);
  if (!vocabulary)
    return vocabulary.takeError();
  return *vocabulary ? buildTokenizerBlob(**vocabulary) : std::string();
}

} // namespace lathe::cli
