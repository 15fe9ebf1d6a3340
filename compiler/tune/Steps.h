//===- Steps.h - one model's steps of one program, over and over ----------------------------------------*- C++ -*-===//
//
// The steps that a program is for: a row of one sequence for the smallest, as `lathe run` decodes; a row of each of as
// many sequences as it takes for another one of distinct sequences; else a chunk of a prompt with all its rows. Decode
// goes on behind kDepth positions, prefill within the first kPrompt, so that the caches hold what they do in use.
// Which tokens they are decides no time, and is the same for every model.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_STEPS_H
#define LATHE_COMPILER_TUNE_STEPS_H

#include "runtime/device/Roofline.h"
#include "runtime/lathe.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace lathe::tune {

class Steps {
public:
  static constexpr uint32_t kDepth = 256, kPrompt = 512;

  /// Of program number `program`. `threads` 0: all cores.
  static llvm::Expected<std::unique_ptr<Steps>> create(std::shared_ptr<const Model> model, size_t program,
                                                       unsigned threads);

  /// Runs one step.
  llvm::Error step(const PhaseObserver &observer = {});
  /// The step that ran last.
  const StepShape &shape() const { return latest; }
  /// Hash of the bits of its logits.
  uint64_t logitsHash() const;
  /// False: steps of the program never run in this model, for a smaller one takes them all.
  bool possible() const { return isPossible; }

private:
  Steps(std::shared_ptr<const Model> model, size_t program);
  llvm::Error start();
  llvm::Error feed(uint32_t rows, bool toDepth, const PhaseObserver &observer);

  std::shared_ptr<const Model> model;
  size_t program;
  std::unique_ptr<Context> context;
  std::vector<Sequence> sequences;
  uint32_t rows = 1, count = 1;    ///< of each sequence in a step; sequences
  uint32_t depth = 0, longest = 0; ///< positions that a sequence begins with, and where it starts anew
  bool isPossible = true;
  StepShape latest;
};

} // namespace lathe::tune

#endif
