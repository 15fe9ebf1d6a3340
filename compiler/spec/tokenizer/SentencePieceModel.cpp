//===- SentencePieceModel.cpp - a TokenizerSource from a .model file ----------------------------------------------===//
#include "compiler/spec/tokenizer/SentencePiece.h"
#include "compiler/spec/tokenizer/SentencePieceModel.pb.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/STLExtras.h"

namespace lathe {

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
  normalizer.prefixFlags = LATHE_PREPEND_NOT_AFTER_USER;
  if (unigram)
    addUnigramSteps(source, normalizer);
  else
    addSpaceSteps(source, normalizer);
  // User-defined pieces stand in the text while it is normalized; the prefix comes when they have been cut out.
  if (!normalizer.charsMap.empty() || normalizer.collapse) {
    auto first = llvm::find_if(source.normalizers, [](const TextStep &step) {
      return step.kind == LATHE_STEP_PREPEND || step.kind == LATHE_STEP_REPLACE;
    });
    source.splits.assign(first, source.normalizers.end());
    source.normalizers.erase(first, source.normalizers.end());
    for (int32_t type : source.types)
      source.attributes.push_back(type == LATHE_TOKEN_USER_DEFINED ? LATHE_TOKEN_NORMALIZED : 0);
  }
  return source;
}

} // namespace lathe
