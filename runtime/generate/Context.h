//===- Context.h - everything mutable that runs a model -------------------------------------------------*- C++ -*-===//
//
// A context owns what runs steps on the model's device, the pool of KV-cache pages and the logits of the latest step.
// Sequences (sessions) take their pages from its pool. A context and its sessions belong to one thread at a time; several
// contexts may share one Model.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_GENERATE_CONTEXT_H
#define LATHE_RUNTIME_GENERATE_CONTEXT_H

#include "runtime/core/Result.h"
#include "runtime/device/Device.h"
#include "runtime/model/Model.h"
#include "runtime/sample/Sampler.h"
#include "runtime/state/Sequence.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace lathe {

struct ContextOptions {
  unsigned threads = 0;    ///< of DeviceOptions
  uint32_t cachePages = 0; ///< capacity of the KV cache in pages of 64 positions; 0: one sequence of full length
  uint32_t states = 0;     ///< sequences that may have a recurrent state at once; 0: four for each slot of a step
};

enum class LogitsWanted { None, Last, All };

/// Tokens that a step appends to one sequence.
struct StepPart {
  Sequence *sequence = nullptr; ///< of this context; no two parts of a step may name the same one
  std::span<const int32_t> ids;
  LogitsWanted logits = LogitsWanted::Last;
  /// Tokens that are known of the sequence, those of later steps among them: some rotations depend on it. 0: the
  /// sequence's and these.
  uint32_t known = 0;
  /// What is enough to know of each row's logits, as a rule (Context::largestFor).
  LargestWanted largest = {};
};

class Context {
public:
  static Result<std::unique_ptr<Context>> create(std::shared_ptr<const Model> model,
                                                 const ContextOptions &options = {});
  ~Context();

  const Model &model() const { return *shared; }
  unsigned threads() const;

  /// An empty sequence whose pages come from this context's pool.
  Sequence newSequence() { return Sequence(pool, states); }

  /// Appends each part's tokens to its sequence in one pass. Fails, leaving all sequences as they were, where no
  /// program takes that many rows, an id is not in the vocabulary, the cache or a sequence is full, or a key or value
  /// is none that the cache can hold. (Where a step fails after it ran, sequences with a recurrent state are left
  /// empty.)
  Result<void> step(std::span<const StepPart> parts, const PhaseObserver &observer = {});

  /// The part of the latest step that the cache (or the pool of states) had no room for, its index; absent where the step
  /// did not fail for that. Who gives its sequences pages back may try again.
  std::optional<size_t> partWithoutRoom() const { return noRoom; }

  /// Logits of the latest step, [rows wanted] in the order of the parts and their tokens; f32 [vocabulary] each. Valid
  /// until the next step. Not of a step whose parts have all said that the largest are enough: those can be had by
  /// choose() only.
  size_t logitRows() const { return latestLogitRows; }
  std::span<const float> logits(size_t row) const;

  /// StepPart::largest of a part whose rows are sampled: none where the device or the sampler has no use for it.
  LargestWanted largestFor(const Sampler &sampler) const;
  /// The token that the sampler gives for a row of logits of the latest step: from the largest where these tell it, else
  /// from all, which are brought for that.
  Result<int32_t> choose(size_t row, Sampler &sampler, std::span<const int32_t> history);

  /// Most tokens of one sequence in one step; and if the logits of all of them are wanted.
  uint32_t maxRows() const { return rowLimit; }
  uint32_t maxLogitRows() const { return logitRowLimit; }

  /// The program of the latest step; null before the first.
  const lathe_program *latestProgram() const { return latest; }

  /// From now on steps are recorded in `into`, which outlives them; null: no longer (Executor::record).
  void record(StepRecord *into) { executor->record(into); }

  const std::shared_ptr<PagePool> &cache() const { return pool; }

  /// Fails where steps of one token have put a number that is not finite into the sequence's last page, which step() has
  /// not looked at yet; for who feeds no more.
  Result<void> checkLastPage(const Sequence &sequence) const;

private:
  /// The rows of a step, gathered from its parts.
  struct Batch {
    std::vector<int32_t> ids, positions, slots, logitRows, lengths;
    bool distinct = true; ///< no sequence has two rows
    uint32_t largest = 0; ///< of the logits that are wanted; 0: all are
    std::vector<float> temperatures; ///< of the logit rows, where any wants the sum of its weights
  };

  explicit Context(std::shared_ptr<const Model> model);
  Result<void> gather(std::span<const StepPart> parts);
  Result<size_t> chooseProgram() const;
  Result<void> prepare(std::span<const StepPart> parts);
  /// Fails where the step that just ran, or steps of one token that filled a page with it, have put a number that is not
  /// finite into the cache.
  Result<void> checkCached(std::span<const StepPart> parts) const;
  Result<void> checkPositions(const Sequence &sequence, uint32_t first, uint32_t count) const;

  std::shared_ptr<const Model> shared;
  std::shared_ptr<PagePool> pool, states; ///< states: null where no layer is recurrent
  std::unique_ptr<Executor> executor;
  Batch batch;
  const lathe_program *latest = nullptr;
  size_t latestLogitRows = 0;
  bool logitsHere = true; ///< all of the latest step's
  std::optional<size_t> noRoom;
  uint32_t rowLimit = 0, logitRowLimit = 0;
};

} // namespace lathe

#endif
