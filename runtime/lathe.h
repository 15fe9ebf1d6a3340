//===- lathe.h - run a compiled model -------------------------------------------------------------------*- C++ -*-===//
//
// The runtime's public face. Link with the CMake target lathe_runtime.
//
//   auto model = lathe::Model::open("smollm2");                       // checks everything, maps the weights
//   if (!model) return fail(model.message());
//   auto context = lathe::Context::create(*model, {.threads = 2});    // workers, KV cache
//   lathe::Session session(**context);
//   auto tokenizer = lathe::loadTokenizer(**model);
//   auto ids = (*tokenizer)->encode("Once upon a time");
//   lathe::StreamDecoder stream(**tokenizer);
//   auto report = session.generate(*ids, {.maxTokens = 64}, [&](int32_t id) { show(stream.push(id)); return true; });
//
// Who owns what: a Model is immutable and shared; a Context owns all that changes and runs steps; a Session owns one
// sequence's pages of the context's cache. A Context and its Sessions belong to one thread at a time. Nothing throws:
// what can fail returns Result<T>.
//
// For a batch of sequences use Context::step directly; for phases' results and times give it a PhaseObserver.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_LATHE_H
#define LATHE_RUNTIME_LATHE_H

#include "runtime/core/Result.h"
#include "runtime/generate/Context.h"
#include "runtime/generate/Session.h"
#include "runtime/model/Model.h"
#include "runtime/sample/Sampler.h"
#include "runtime/text/StreamDecoder.h"
#include "runtime/text/Tokenizer.h"

namespace lathe {

/// The tokenizer in the model's bundle; the model must outlive it. Fails where the bundle has none.
inline Result<std::unique_ptr<Tokenizer>> loadTokenizer(const Model &model) {
  const std::span<const uint8_t> blob = model.tokenizerBlob();
  if (blob.empty())
    return error("the bundle of ", model.tables().name, " has no tokenizer");
  return Tokenizer::fromBlob(blob.data(), blob.size());
}

} // namespace lathe

#endif
