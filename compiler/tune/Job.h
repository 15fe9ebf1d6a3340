//===- Job.h - a key on its way through tuning ----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_TUNE_JOB_H
#define LATHE_COMPILER_TUNE_JOB_H

#include "compiler/tune/Search.h"
#include "compiler/tune/Tuner.h"

namespace lathe::tune {

struct Job {
  ItemResult result;
  double lost = 0; ///< seconds above the limit, in the common use
  std::unique_ptr<Search> search;
  size_t confirmations = 0;
  double credit = 0; ///< it takes part in a generation at 1
  bool exhausted = false;

  const Item &item() const { return result.item; }
  const Use &use() const { return result.item.uses[result.use]; }
  size_t program() const { return use().program; }
  std::string key() const { return result.item.key.print(); }
  /// Counts a candidate of this run or an earlier one.
  void count(const Measurement &measurement);
};

/// Raises limits that phases of a profile have exceeded: they were measured while something else had the machine.
void raiseLimits(MachineLimits &limits, const Profile &times);

/// The items as a profile of the incumbents' program times them, those that lose most first; without those that no step
/// runs.
std::vector<Job> jobsOf(std::vector<Item> items, const Subject &subject, const Profile &times,
                        const MachineLimits &limits);

/// Gives the job its search, and what the ledger knows of the key.
void begin(Job &job, const Subject &subject, const Ledger &ledger, const MachineLimits &limits, uint64_t seed);

} // namespace lathe::tune

#endif
