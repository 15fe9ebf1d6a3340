//===- Vocabulary.cpp - a source's tokens, resolved ---------------------------------------------------------------===//
#include "compiler/spec/tokenizer/Vocabulary.h"
#include "compiler/spec/tokenizer/ByteLevel.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

namespace lathe {
namespace {

/// Far above any published vocabulary (256 Ki); keeps ids and hash tables far below 2^31.
constexpr size_t maxTokens = 1 << 24;

bool isByteSpelling(llvm::StringRef text, uint8_t &byte) {
  return text.size() == 6 && text.starts_with("<0x") && text.ends_with(">") &&
         !text.substr(3, 2).getAsInteger(16, byte);
}

std::string replaceAll(llvm::StringRef text, llvm::StringRef from, llvm::StringRef to) {
  std::string out;
  while (true) {
    size_t at = text.find(from);
    out += text.take_front(at);
    if (at == llvm::StringRef::npos)
      return out;
    out += to;
    text = text.drop_front(at + from.size());
  }
}

llvm::Error resolveTypes(const TokenizerSource &source, Vocabulary &vocabulary) {
  size_t count = source.tokens.size();
  vocabulary.types.assign(count, LATHE_TOKEN_NORMAL);
  if (!source.types.empty()) {
    if (source.types.size() != count)
      return makeError("{0}: tokenizer: {1} token types for {2} tokens; there must be one for each", source.file,
                       source.types.size(), count);
    for (size_t i = 0; i < count; i++) {
      int32_t type = source.types[i];
      if (type < 0 || type > LATHE_TOKEN_BYTE)
        return makeError("{0}: tokenizer: type {1} of token {2} is not one of 0 to 6", source.file, type, i);
      vocabulary.types[i] = type == 0 ? LATHE_TOKEN_UNUSED : type; // 0: undefined
    }
  } else if (vocabulary.kind == LATHE_TOKENIZER_SPM) {
    // llama2.c's vocabularies tell bytes and control tokens by their spelling and place alone.
    uint8_t byte;
    for (size_t i = 0; i < count; i++)
      if (isByteSpelling(source.tokens[i], byte))
        vocabulary.types[i] = LATHE_TOKEN_BYTE;
    for (std::optional<int32_t> id : {source.bos, source.eos, source.pad})
      if (id)
        vocabulary.types[*id] = LATHE_TOKEN_CONTROL;
    if (source.unk)
      vocabulary.types[*source.unk] = LATHE_TOKEN_UNKNOWN;
  }
  return llvm::Error::success();
}

llvm::Error resolveSpm(const TokenizerSource &source, Vocabulary &vocabulary) {
  size_t count = source.tokens.size();
  if (source.scores.size() != count)
    return makeError("{0}: tokenizer: {1} scores for {2} tokens; a SentencePiece vocabulary has one for each",
                     source.file, source.scores.size(), count);
  for (size_t i = 0; i < count; i++)
    if (std::isnan(source.scores[i]))
      return makeError("{0}: tokenizer: the score of token {1} is not a number", source.file, i);
  vocabulary.scores = source.scores;
  for (size_t i = 0; i < count; i++) {
    const std::string &text = source.tokens[i];
    lathe_token_type type = vocabulary.type(i);
    uint8_t byte;
    if (type == LATHE_TOKEN_BYTE) {
      if (!isByteSpelling(text, byte))
        return makeError("{0}: tokenizer: byte token {1} is spelled \"{2}\"; it must be like <0x0A>", source.file, i,
                         printable(text));
      vocabulary.bytes.push_back(std::string(1, char(byte)));
      vocabulary.byteSymbols[byte] = i;
    } else if (type == LATHE_TOKEN_NORMAL || type == LATHE_TOKEN_UNUSED) {
      vocabulary.bytes.push_back(replaceAll(text, "\u2581", " "));
    } else {
      vocabulary.bytes.push_back(text);
    }
  }
  return llvm::Error::success();
}

llvm::Error resolveByteLevel(const TokenizerSource &source, Vocabulary &vocabulary) {
  size_t count = source.tokens.size();
  if (source.merges.empty())
    return makeError("{0}: tokenizer: no merges; a byte-level BPE vocabulary needs tokenizer.ggml.merges", source.file);
  if (source.merges.size() > maxTokens)
    return makeError("{0}: tokenizer: {1} merges; the limit is {2}", source.file, source.merges.size(), maxTokens);

  // Spellings to symbols. Special tokens are matched in the text, not made by merges.
  llvm::StringMap<uint32_t> symbols;
  for (size_t i = 0; i < count; i++) {
    const std::string &text = source.tokens[i];
    lathe_token_type type = vocabulary.type(i);
    if (type == LATHE_TOKEN_CONTROL || type == LATHE_TOKEN_UNKNOWN || type == LATHE_TOKEN_USER_DEFINED) {
      vocabulary.bytes.push_back(text);
      continue;
    }
    vocabulary.bytes.push_back(bytesOfSpelling(text).value_or(text));
    symbols[text] = i;
  }
  for (int byte = 0; byte < 256; byte++) {
    auto found = symbols.find(spellByte(byte));
    vocabulary.byteSymbols[byte] = found == symbols.end() ? -1 : int32_t(found->second);
  }
  auto symbolOf = [&](llvm::StringRef spelling) -> llvm::Expected<uint32_t> {
    auto [found, added] = symbols.try_emplace(spelling, vocabulary.bytes.size());
    if (added) {
      std::optional<std::string> bytes = bytesOfSpelling(spelling);
      if (!bytes)
        return makeError("\"{0}\" is not spelled in the byte-level alphabet", printable(spelling));
      if (bytes->size() == 1)
        vocabulary.byteSymbols[uint8_t((*bytes)[0])] = found->second;
      vocabulary.bytes.push_back(std::move(*bytes));
    }
    return found->second;
  };
  for (size_t i = 0; i < source.merges.size(); i++) {
    llvm::StringRef merge = source.merges[i];
    size_t space = merge.find(' ', 1);
    if (space == llvm::StringRef::npos || space + 1 == merge.size())
      return makeError("{0}: tokenizer: merge {1} is \"{2}\"; it must be two spellings with a space between",
                       source.file, i, printable(merge));
    llvm::StringRef left = merge.take_front(space), right = merge.drop_front(space + 1);
    lathe_merge entry;
    for (auto [spelling, symbol] : {std::pair(left.str(), &entry.left), std::pair(right.str(), &entry.right),
                                    std::pair((left + right).str(), &entry.result)}) {
      llvm::Expected<uint32_t> found = symbolOf(spelling);
      if (!found)
        return makeError("{0}: tokenizer: merge {1}: {2}", source.file, i, llvm::toString(found.takeError()));
      *symbol = *found;
    }
    vocabulary.merges.push_back(entry);
  }
  return llvm::Error::success();
}

} // namespace

int32_t Vocabulary::findSpecial(llvm::StringRef text) const {
  int32_t normal = -1;
  for (size_t i = 0; i < tokens; i++) {
    if (bytes[i] != text)
      continue;
    if (type(i) != LATHE_TOKEN_NORMAL && type(i) != LATHE_TOKEN_BYTE)
      return i;
    normal = i;
  }
  return normal;
}

llvm::Expected<Vocabulary> resolveVocabulary(const TokenizerSource &source) {
  Vocabulary vocabulary;
  if (source.model == "gpt2")
    vocabulary.kind = LATHE_TOKENIZER_BPE;
  else if (source.model == "llama")
    vocabulary.kind = LATHE_TOKENIZER_SPM;
  else
    return makeError("{0}: tokenizer: model \"{1}\" is not supported; supported are gpt2 (byte-level BPE) and llama "
                     "(SentencePiece BPE)",
                     source.file, printable(source.model));
  vocabulary.tokens = source.tokens.size();
  if (source.tokens.empty() || source.tokens.size() > maxTokens)
    return makeError("{0}: tokenizer: {1} tokens; there must be 1 to {2}", source.file, source.tokens.size(),
                     maxTokens);
  for (std::optional<int32_t> id : {source.bos, source.eos, source.unk, source.pad})
    if (id && (*id < 0 || size_t(*id) >= source.tokens.size()))
      return makeError("{0}: tokenizer: special id {1} is not a token; the vocabulary has {2}", source.file, *id,
                       source.tokens.size());
  for (int32_t id : source.stops)
    if (id < 0 || size_t(id) >= source.tokens.size())
      return makeError("{0}: tokenizer: stop id {1} is not a token; the vocabulary has {2}", source.file, id,
                       source.tokens.size());
  vocabulary.byteSymbols.fill(-1);
  if (llvm::Error error = resolveTypes(source, vocabulary))
    return std::move(error);
  llvm::Error error =
      vocabulary.kind == LATHE_TOKENIZER_SPM ? resolveSpm(source, vocabulary) : resolveByteLevel(source, vocabulary);
  if (error)
    return std::move(error);
  return vocabulary;
}

} // namespace lathe
