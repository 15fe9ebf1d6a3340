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
  } else if (!vocabulary.byteLevel) {
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
  if (!source.attributes.empty() && source.attributes.size() != count)
    return makeError("{0}: tokenizer: {1} token attributes for {2} tokens; there must be one for each", source.file,
                     source.attributes.size(), count);
  for (size_t i = 0; i < source.attributes.size(); i++)
    vocabulary.types[i] |= source.attributes[i] & ~LATHE_TOKEN_TYPE_MASK;
  return llvm::Error::success();
}

llvm::Error resolveScores(const TokenizerSource &source, Vocabulary &vocabulary) {
  size_t count = source.tokens.size();
  if (source.scores.size() != count)
    return makeError("{0}: tokenizer: {1} scores for {2} tokens; a SentencePiece vocabulary has one for each",
                     source.file, source.scores.size(), count);
  for (size_t i = 0; i < count; i++)
    if (!std::isfinite(source.scores[i]))
      return makeError("{0}: tokenizer: the score of token {1} is not a number", source.file, i);
  vocabulary.scores = source.scores;
  return llvm::Error::success();
}

bool isSpecial(lathe_token_type type) {
  return type == LATHE_TOKEN_CONTROL || type == LATHE_TOKEN_UNKNOWN || type == LATHE_TOKEN_USER_DEFINED;
}

/// Keys and bytes of the tokens, and the tokens that write single bytes.
llvm::Error resolveTexts(const TokenizerSource &source, Vocabulary &vocabulary) {
  size_t count = source.tokens.size();
  if (!source.decoded.empty() && source.decoded.size() != count)
    return makeError("{0}: tokenizer: {1} decoded texts for {2} tokens; there must be one for each", source.file,
                     source.decoded.size(), count);
  // GGUF's SentencePiece vocabularies turn U+2581 into spaces on the way in; the others turn spaces into U+2581.
  bool plainSpaces = vocabulary.kind == LATHE_TOKENIZER_SPM;
  for (size_t i = 0; i < count; i++) {
    const std::string &text = source.tokens[i];
    lathe_token_type type = vocabulary.type(i);
    uint8_t byte;
    std::string key = text, bytes;
    if (vocabulary.byteLevel) {
      if (!isSpecial(type))
        key = bytesOfSpelling(text).value_or(text);
      bytes = key;
    } else if (type == LATHE_TOKEN_BYTE) {
      if (!isByteSpelling(text, byte))
        return makeError("{0}: tokenizer: byte token {1} is spelled \"{2}\"; it must be like <0x0A>", source.file, i,
                         printable(text));
      bytes = std::string(1, char(byte));
      key = plainSpaces ? bytes : text;
      vocabulary.byteSymbols[byte] = i;
    } else if (isSpecial(type) && type != LATHE_TOKEN_USER_DEFINED) {
      bytes = text;
    } else {
      bytes = replaceAll(text, "\u2581", " ");
      key = plainSpaces ? bytes : text;
    }
    vocabulary.keys.push_back(std::move(key));
    vocabulary.bytes.push_back(source.decoded.empty() ? std::move(bytes) : source.decoded[i]);
  }
  return llvm::Error::success();
}

/// Merges as symbols, by the tokens' spellings. Special tokens are matched in the text, not made by merges; only a
/// user-defined one may be both.
llvm::Error resolveMerges(const TokenizerSource &source, Vocabulary &vocabulary) {
  size_t count = source.tokens.size();
  if (source.merges.size() > maxTokens)
    return makeError("{0}: tokenizer: {1} merges; the limit is {2}", source.file, source.merges.size(), maxTokens);

  llvm::StringMap<uint32_t> symbols;
  for (size_t i = 0; i < count; i++)
    if (lathe_token_type type = vocabulary.type(i);
        (!isSpecial(type) || type == LATHE_TOKEN_USER_DEFINED) && !(i < source.apart.size() && source.apart[i]))
      symbols[source.tokens[i]] = i;
  for (int byte = 0; vocabulary.byteLevel && byte < 256; byte++) {
    auto found = symbols.find(spellByte(byte));
    vocabulary.byteSymbols[byte] = found == symbols.end() ? -1 : int32_t(found->second);
  }
  auto symbolOf = [&](llvm::StringRef spelling) -> llvm::Expected<uint32_t> {
    auto [found, added] = symbols.try_emplace(spelling, vocabulary.bytes.size());
    if (added) {
      std::optional<std::string> bytes =
          vocabulary.byteLevel ? bytesOfSpelling(spelling) : std::optional(spelling.str());
      if (!bytes)
        return makeError("\"{0}\" is not spelled in the byte-level alphabet", printable(spelling));
      if (vocabulary.byteLevel && bytes->size() == 1)
        vocabulary.byteSymbols[uint8_t((*bytes)[0])] = found->second;
      vocabulary.keys.push_back(*bytes);
      vocabulary.bytes.push_back(std::move(*bytes));
    }
    return found->second;
  };
  for (size_t i = 0; i < source.merges.size(); i++) {
    const auto &[left, right] = source.merges[i];
    llvm::StringRef inner = right;
    inner.consume_front(source.innerPrefix);
    if (left.empty() || right.empty())
      return makeError("{0}: tokenizer: merge {1} has an empty side", source.file, i);
    lathe_merge entry;
    for (auto [spelling, symbol] :
         {std::pair(left, &entry.left), std::pair(right, &entry.right), std::pair(left + inner.str(), &entry.result)}) {
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
    if (keys[i] != text)
      continue;
    if (type(i) != LATHE_TOKEN_NORMAL && type(i) != LATHE_TOKEN_BYTE)
      return i;
    normal = i;
  }
  return normal;
}

llvm::Expected<Vocabulary> resolveVocabulary(const TokenizerSource &source) {
  Vocabulary vocabulary;
  if (source.model == "gpt2" || source.model == "bpe")
    vocabulary.kind = LATHE_TOKENIZER_BPE;
  else if (source.model == "llama")
    vocabulary.kind = LATHE_TOKENIZER_SPM;
  else if (source.model == "unigram")
    vocabulary.kind = LATHE_TOKENIZER_UNIGRAM;
  else
    return makeError("{0}: tokenizer: model \"{1}\" is not supported; supported are gpt2 (byte-level BPE), bpe, llama "
                     "(SentencePiece BPE) and unigram (GGUF's t5)",
                     source.file, printable(source.model));
  vocabulary.byteLevel = source.model == "gpt2";
  vocabulary.tokens = source.tokens.size();
  if (source.tokens.empty() || source.tokens.size() > maxTokens)
    return makeError("{0}: tokenizer: {1} tokens; there must be 1 to {2}", source.file, source.tokens.size(),
                     maxTokens);
  for (std::optional<int32_t> id : {source.bos, source.eos, source.unk, source.pad})
    if (id && (*id < 0 || size_t(*id) >= source.tokens.size()))
      return makeError("{0}: tokenizer: special id {1} is not a token; the vocabulary has {2}", source.file, *id,
                       source.tokens.size());
  for (auto [name, ids] :
       {std::pair("stop", &source.stops), std::pair("opening", &source.opening), std::pair("closing", &source.closing)})
    for (int32_t id : *ids)
      if (id < 0 || size_t(id) >= source.tokens.size())
        return makeError("{0}: tokenizer: {1} id {2} is not a token; the vocabulary has {3}", source.file, name, id,
                         source.tokens.size());
  vocabulary.byteSymbols.fill(-1);
  if (llvm::Error error = resolveTypes(source, vocabulary))
    return std::move(error);
  if (llvm::Error error = resolveTexts(source, vocabulary))
    return std::move(error);
  if (!source.byteFallback && !vocabulary.byteLevel && vocabulary.kind != LATHE_TOKENIZER_SPM)
    vocabulary.byteSymbols.fill(-1);
  llvm::Error error =
      vocabulary.kind == LATHE_TOKENIZER_BPE ? resolveMerges(source, vocabulary) : resolveScores(source, vocabulary);
  if (error)
    return std::move(error);
  return vocabulary;
}

} // namespace lathe
