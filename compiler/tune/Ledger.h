//===- Ledger.h - what tuning has found, on disk at any time --------------------------------------------*- C++ -*-===//
//
// Two files: the records, rewritten as a whole whenever one is added, and the journal of all measurements beside them
// (FILE.journal). The journal is the truth: a winner is written there first, and a file of records that lacks it has
// it when both are opened again. Records of other keys that the file had stay.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_LEDGER_H
#define LATHE_COMPILER_TUNE_LEDGER_H

#include "compiler/tune/Item.h"
#include "compiler/tune/Journal.h"
#include "compiler/tune/Statistics.h"
#include <optional>

namespace lathe::tune {

class Ledger {
public:
  /// Opens or makes the files. Fails where the journal is of something else than `head`.
  static llvm::Expected<std::unique_ptr<Ledger>> open(const std::string &file, const JournalHead &head, bool afresh);

  const JournalText &before() const { return journal->before(); }
  const std::vector<schedule::Record> &records() const { return found; }

  /// Notes a key, unless an earlier run did.
  llvm::Error add(const KeyLine &key);
  llvm::Error add(const Measurement &measurement) { return journal->add(measurement); }
  /// Of one that won: `covers` has its key. Without a record (the fallback won over one) the file loses what it had.
  llvm::Error addWinner(Measurement measurement, const schedule::Record &covers,
                        const std::optional<schedule::Record> &record);

  /// What won of a key in earlier runs, in order, and the gain that the latest record has.
  std::vector<const Measurement *> winners(const std::string &key) const;
  Comparison gain(const Measurement &winner) const;

private:
  void replace(const schedule::Record &covers, const std::optional<schedule::Record> &record);
  llvm::Error write() const;

  std::string file;
  std::unique_ptr<Journal> journal;
  std::vector<schedule::Record> found;
};

} // namespace lathe::tune

#endif
