//===- Tuner.h - from a model to records ----------------------------------------------------------------*- C++ -*-===//
//
//   time is for programs and their keys by what they lose above the machine's limits in a common use (a prompt of 512
//   tokens, then 128 new ones): the key that loses most takes part in every generation of its program, one that loses a
//   tenth of that in every tenth
//
//   a generation:  a candidate of each key whose turn it is (Search.h) -> child processes that compile them together
//                  and measure each by its own phases (Measure.h) -> journal -> winners? -> records (Ledger.h)
//
// Winners are the incumbents of the next generation.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_TUNER_H
#define LATHE_COMPILER_TUNE_TUNER_H

#include "compiler/tune/Item.h"
#include "compiler/tune/Ledger.h"
#include "compiler/tune/Measure.h"

namespace lathe::tune {

struct TuneOptions {
  double budget = 60;   ///< seconds of measuring; making the model's own program comes before
  unsigned threads = 0; ///< of the programs; 0: all cores
  uint64_t seed = 1;
  std::vector<std::string> families; ///< none: all
  std::string output;                ///< the records' file
  bool fresh = false;                ///< begin the journal anew
  std::string commit, date;          ///< of the records
  std::function<void(const std::string &)> progress;
  std::function<bool()> interrupted;
};

/// What became of one key.
struct ItemResult {
  Item item;
  size_t use = 0;        ///< of the item, in which it is measured
  double weight = 0;     ///< KeyLine::weight
  Values best;           ///< the start's if nothing is better
  size_t tried = 0;      ///< in all runs that the journal has
  size_t failed = 0;     ///< of those: could not be made or run, or had other bits
  double changeHere = 0; ///< ln(best / start) of this run's winners, one after another
  Comparison gain;       ///< of the best, against the fallback; no pairs: there is no record of it
};

struct TuneResult {
  std::vector<ItemResult> items; ///< those that lose most first
  MachineLimits limits;
  size_t measured = 0, before = 0; ///< candidates of this run; of those that the journal had
  size_t records = 0;              ///< in the file
  bool interrupted = false;
};

llvm::Expected<TuneResult> tune(Subject &subject, Workspace &workspace, const TuneOptions &options);

/// Makes the program with the subject's records and times it. Of no programs where it was interrupted.
llvm::Expected<Profile> profileInChild(const Subject &subject, Workspace &workspace, const TuneOptions &options);

/// A record against the fallback, measured here and now.
struct RecordCheck {
  schedule::Record record;
  enum State {
    Holds,          ///< it is faster than the fallback
    DoesNotHold,    ///< it is not
    OtherGenerator, ///< its kernels were made by another version: not measured
    OtherTarget,    ///< this machine, or this run, is of another one
    NotOfThisModel, ///< no kernel of the model has its key
    Unmeasured,     ///< could not be made or run: `detail`
  } state = Unmeasured;
  std::string detail;
  Comparison gain;
};
/// Each record of `book`, in its order.
llvm::Expected<std::vector<RecordCheck>> checkRecords(Subject &subject, Workspace &workspace, const RecordBook &book,
                                                      const TuneOptions &options);

/// What decides the kernels' code beside their schedules, in 12 digits: "halide 1a2b3c4d5e6f".
std::string generatorOf(const Backend &backend);
/// "AMD EPYC 7763, 2 threads".
std::string machineOf(const MachineLimits &limits);

} // namespace lathe::tune

#endif
