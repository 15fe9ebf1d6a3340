//===- lathe.h - run a compiled model -------------------------------------------------------------------------*- C++ -*-===//
//
// The runtime's public face. Link with lathe_runtime.
//
//   auto model = lathe::Model::open("smollm2");                       // checks everything, maps the weights
//   if (!model) return fail(model.message());
//   auto context = lathe::Context::create(*model, {.threads = 2});    // workers, KV cache
//   lathe::Session session(**context);
//   auto report = session.generate(ids, {.maxTokens = 64}, [&](int32_t id) { show(id); return true; });
//
// Who owns what: a Model is immutable and shared; a Context owns all that changes and runs steps; a Session owns one
// sequence's pages of the context's cache. A Context and its Sessions belong to one thread at a time. Nothing throws:
// what can fail returns Result<T>.
//
// For a batch of sequences use Context::step directly; for phases' results and times give it a PhaseObserver.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_LATHE_H
#define LATHE_RUNTIME_LATHE_H

#include "runtime/core/Result.h"
#include "runtime/generate/Context.h"
#include "runtime/generate/Session.h"
#include "runtime/model/Model.h"
#include "runtime/sample/Sampler.h"

#endif
