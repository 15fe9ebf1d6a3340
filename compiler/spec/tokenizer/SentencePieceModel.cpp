//===- SentencePieceModel.cpp - a TokenizerSource from a .model file ----------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePiece.h"
#include "compiler/spec/tokenizer/SentencePieceModel.pb.h"
#include "compiler/support/Error.h"
#include <algorithm>
#include <limits>

namespace lathe {

/// User-defined pieces stand in the text while it is normalized. BPE then cuts them out; unigram has them compete, with
/// a score by their length (sentencepiece, unigram_model.cc).
static void readUserDefined(TokenizerSource &source) {
  double best = std::numeric_limits<float>::min(); // that library's start of its search for the highest: about 0
  for (size_t i = 0; i < source.tokens.size(); i++)
    if (source.types[i] == LATHE_TOKEN_NORMAL)
      best = std::max(best, source.scores[i]);
  source.apart.resize(source.tokens.size());
  source.attributes.resize(source.tokens.size());
  for (size_t i = 0; i < source.tokens.size(); i++) {
    if (source.types[i] != LATHE_TOKEN_USER_DEFINED)
      continue;
    source.attributes[i] = LATHE_TOKEN_NORMALIZED;
    source.scores[i] = source.model == "unigram" ? float(source.tokens[i].size() * best) - 0.1 : 0;
    // Once it is normalized no text has a space.
    if (llvm::StringRef(source.tokens[i]).contains(' ')) {
      source.types[i] = LATHE_TOKEN_UNUSED;
      source.apart[i] = true;
    }
  }
  source.normalizedKeys = true;
  source.scoresUserDefined = source.model == "unigram";
}

llvm::Expected<TokenizerSource> tokenizerFromSentencePiece(llvm::StringRef bytes, llvm::StringRef file) {
  sentencepiece::Model model;
  if (bytes.size() > INT32_MAX || !model.ParseFromArray(bytes.data(), int(bytes.size())) || model.pieces().empty())
    return makeError("{0}: is not a SentencePiece model", file);
  const sentencepiece::Model::Trainer &trainer = model.trainer_spec();
  const sentencepiece::Model::Normalizer &spec = model.normalizer_spec();
  TokenizerSource source;
  source.file = file.str();
  if (trainer.model_type() != 1 && trainer.model_type() != 2)
    return makeError("{0}: trainer_spec.model_type = {1} is not supported; supported are 1 (unigram) and 2 (BPE)", file,
                     trainer.model_type());
  if (trainer.treat_whitespace_as_suffix() || !spec.escape_whitespaces())
    return makeError("{0}: {1} is not supported", file,
                     spec.escape_whitespaces() ? "trainer_spec.treat_whitespace_as_suffix = true"
                                               : "normalizer_spec.escape_whitespaces = false");
  bool unigram = trainer.model_type() == 1;
  source.model = unigram ? "unigram" : "llama";
  for (const sentencepiece::Model::Piece &piece : model.pieces()) {
    source.tokens.push_back(piece.piece());
    source.scores.push_back(piece.score());
    source.types.push_back(piece.type());
  }
  source.byteFallback = trainer.byte_fallback();
  source.fuseUnknown = true;
  for (auto [value, id] : {std::pair(trainer.unk_id(), &source.unk), std::pair(trainer.bos_id(), &source.bos),
                           std::pair(trainer.eos_id(), &source.eos), std::pair(trainer.pad_id(), &source.pad)})
    if (value >= 0 && size_t(value) < source.tokens.size())
      *id = value;
  // SentencePiece itself adds neither; the models trained with it start with bos, as GGUF has it too.
  if (source.bos && !unigram)
    source.opening = {*source.bos};
  SentencePieceNormalizer normalizer;
  normalizer.charsMap = spec.precompiled_charsmap();
  normalizer.prefix = spec.add_dummy_prefix();
  normalizer.collapse = spec.remove_extra_whitespaces();
  normalizer.keepUserDefined = true;
  if (unigram)
    addUnigramSteps(source, normalizer);
  else
    addSpaceSteps(source, normalizer);
  readUserDefined(source);
  source.singleSums = true; // unigram_model.cc
  return source;
}

} // namespace lathe
