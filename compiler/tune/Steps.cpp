//===- Steps.cpp - one model's steps of one program, over and over ------------------------------------------------===//
#include "compiler/tune/Steps.h"
#include "compiler/support/Error.h"
#include "runtime/core/Hash.h"
#include <algorithm>

namespace lathe::tune {

using llvm::Expected;

Steps::Steps(std::shared_ptr<const Model> m, size_t program) : model(std::move(m)), program(program) {
  const lathe_model &tables = model->tables();
  const lathe_program &table = model->variant().programs[program];
  const uint32_t context = tables.max_context;
  const uint32_t smaller = program ? model->variant().programs[program - 1].max_rows : 0;
  if (program == 0) {
    depth = std::min(kDepth, context / 2);
  } else if (table.distinct_sequences) {
    count = std::min(table.max_rows, tables.max_slots);
    depth = std::min<uint32_t>(LATHE_PAGE_POSITIONS / 2, context / 2); // a page each
    isPossible = count > smaller;
  } else {
    rows = std::min(table.max_rows, context);
    isPossible = rows > smaller || model->variant().programs[program - 1].distinct_sequences;
  }
  const bool prompt = program && !table.distinct_sequences;
  longest = std::min(context, prompt ? std::max(rows, kPrompt) : depth + LATHE_PAGE_POSITIONS / 2);
}

Expected<std::unique_ptr<Steps>> Steps::create(std::shared_ptr<const Model> model, size_t program, unsigned threads) {
  std::unique_ptr<Steps> steps(new Steps(std::move(model), program));
  const uint32_t pages = (steps->longest + LATHE_PAGE_POSITIONS - 1) / LATHE_PAGE_POSITIONS + 1;
  Result<std::unique_ptr<Context>> context = Context::create(
      steps->model, {.threads = threads, .cachePages = steps->count * pages, .states = steps->count + 1});
  if (!context)
    return makeError("{0}", context.message());
  steps->context = context.take();
  if (steps->isPossible)
    if (llvm::Error failed = steps->start())
      return std::move(failed);
  return std::move(steps);
}

llvm::Error Steps::start() {
  sequences.clear();
  for (uint32_t i = 0; i < count; ++i)
    sequences.push_back(context->newSequence());
  return depth ? feed(depth, /*toDepth=*/true, {}) : llvm::Error::success();
}

/// Feeds so many rows to each sequence: to depth one sequence after another, in chunks; else all in one step.
llvm::Error Steps::feed(uint32_t length, bool toDepth, const PhaseObserver &observer) {
  std::vector<int32_t> ids;
  const uint32_t begin = sequences.front().length(), vocabulary = model->tables().vocabulary;
  for (uint32_t i = 0; i < length; ++i)
    ids.push_back(int32_t((uint64_t(begin + i) * 2654435761u >> 7) % vocabulary)); // Knuth's multiplicative hash
  std::vector<StepPart> parts;
  auto run = [&]() -> llvm::Error {
    Result<void> done = context->step(parts, observer);
    parts.clear();
    return done ? llvm::Error::success() : makeError("{0}", done.message());
  };
  if (!toDepth) {
    for (Sequence &sequence : sequences)
      parts.push_back({&sequence, ids, LogitsWanted::Last});
    return run();
  }
  const uint32_t chunk = context->maxRows();
  for (Sequence &sequence : sequences)
    for (uint32_t at = 0; at < length; at += chunk) {
      parts.push_back({&sequence, std::span(ids).subspan(at, std::min(chunk, length - at)), LogitsWanted::Last});
      if (llvm::Error failed = run())
        return failed;
    }
  return llvm::Error::success();
}

llvm::Error Steps::step(const PhaseObserver &observer) {
  if (sequences.front().length() + rows > longest) {
    if (sequences.front().canTruncate(depth))
      for (Sequence &sequence : sequences)
        sequence.truncate(depth);
    else if (llvm::Error failed = start())
      return failed;
  }
  if (llvm::Error failed = feed(rows, /*toDepth=*/false, observer))
    return failed;
  if (context->latestProgram() != model->variant().programs + program)
    return makeError("a step of {0} rows of {1} sequences ran another program than {2}", rows, count,
                     model->variant().programs[program].name);
  latest = {.rows = rows, .length = sequences.front().length(), .sequences = count};
  return llvm::Error::success();
}

uint64_t Steps::logitsHash() const {
  uint64_t hash = LATHE_FNV_START;
  for (size_t row = 0; row < context->logitRows(); ++row) {
    const std::span<const float> logits = context->logits(row);
    hash = hashBytes({reinterpret_cast<const uint8_t *>(logits.data()), logits.size_bytes()}, hash);
  }
  return hash;
}

} // namespace lathe::tune
