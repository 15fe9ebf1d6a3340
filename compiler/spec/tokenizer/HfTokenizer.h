//===- HfTokenizer.h - tokenizer.json -------------------------------------------------------------------*- C++ -*-===//
//
// The file of github.com/huggingface/tokenizers: a normalizer, a pre-tokenizer, a model (BPE, Unigram), added tokens, a
// post-processor and a decoder, each an object with a "type". What the files beside it say about the same vocabulary
// (tokenizer_config.json, special_tokens_map.json, generation_config.json, chat_template.jinja) is passed in as text.
//
// The parts of the reader share `HfReader`: HfSteps.cpp reads what happens to text before the model, HfDecoder.cpp what
// happens to tokens after it, HfTokenizer.cpp the rest.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SPEC_TOKENIZER_HFTOKENIZER_H
#define LATHE_COMPILER_SPEC_TOKENIZER_HFTOKENIZER_H

#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include <nlohmann/json.hpp>

namespace lathe {

/// The texts of the files; "" for one that is absent.
struct HfFiles {
  std::string tokenizer;        ///< tokenizer.json
  std::string config;           ///< tokenizer_config.json
  std::string specialTokens;    ///< special_tokens_map.json
  std::string generationConfig; ///< generation_config.json
  std::string chatTemplate;     ///< chat_template.jinja
};

/// Errors name `file`, the component and what is supported.
llvm::Expected<TokenizerSource> tokenizerFromHuggingFace(const HfFiles &files, llvm::StringRef file);

namespace hf {

using Json = nlohmann::json;

/// A member of an object, or null.
const Json &member(const Json &object, const char *key);
bool flag(const Json &object, const char *key, bool otherwise);
std::string text(const Json &object, const char *key);

/// A component of the file with its place in it: `normalizer.normalizers[1]`.
struct Component {
  const Json &json;
  std::string path;

  std::string type() const { return text(json, "type"); }
  llvm::Error unsupported(llvm::StringRef file, llvm::StringRef supported) const;
};

/// The members of a Sequence (`list` names its list), itself if it is none, and none of null.
llvm::Expected<std::vector<Component>> flatten(const Component &component, const char *list, llvm::StringRef file);

/// Fills source.normalizers and source.splits. `byteLevel`: the model reads bytes in GPT-2's alphabet.
llvm::Error readSteps(const Json &tokenizer, TokenizerSource &source, bool &byteLevel);

/// Fills source.decoded and source.stripSpace.
llvm::Error readDecoder(const Json &decoder, TokenizerSource &source);

} // namespace hf
} // namespace lathe

#endif
