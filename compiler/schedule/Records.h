//===- Records.h - measured schedules, as reviewed data -------------------------------------------------*- C++ -*-===//
//
// The records of schedules/ (schedules/schedule.proto), checked when they are read, and the search for the one that
// fits a kernel: a record whose sizes hold it, else the nearest of the same target, family and types. Nearness is the
// sum over the record's sizes of the doublings between the kernel's size and the record's; more than two doublings in
// any one size is not near: what was measured there says nothing here.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SCHEDULE_RECORDS_H
#define LATHE_COMPILER_SCHEDULE_RECORDS_H

#include "compiler/schedule/Key.h"
#include "compiler/schedule/RecordText.h"
#include "compiler/support/EmbeddedFile.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace lathe {

class RecordBook {
public:
  /// The records that the compiler was built with. Fails if one of them is wrong, which a test rules out.
  static llvm::Expected<RecordBook> embedded();
  /// The same of other files: no two records of them may cover one kernel.
  static llvm::Expected<RecordBook> of(llvm::ArrayRef<EmbeddedFile> files);

  /// Adds a file's records. They go before those of books added so far where both are as near to a kernel; among
  /// themselves no two may cover one kernel. The error names the file and line, or the record and field, and what would
  /// be right.
  llvm::Error add(llvm::StringRef file, const std::string &text);
  /// The same of a file on disk.
  llvm::Error addFile(llvm::StringRef path);

  /// Puts a record before all others, whatever they cover: what a tuner tries. It is not checked.
  void prefer(schedule::Record record) {
    records.push_back(std::move(record));
    files.push_back("");
  }

  struct Match {
    const schedule::Record *record; ///< lives as long as the book is not changed
    bool exact;
  };
  /// The best record for `key` among those that `usable` accepts; none: record is null.
  Match find(const std::string &target, const ScheduleKey &key,
             llvm::function_ref<bool(const schedule::Record &)> usable) const;

  const std::vector<schedule::Record> &all() const { return records; }
  /// The file that record number `index` of all() came from; empty of a preferred one.
  const std::string &fileOf(size_t index) const { return files[index]; }

private:
  llvm::Error parse(llvm::StringRef file, const std::string &text, size_t first);

  std::vector<schedule::Record> records; ///< later ones go first
  std::vector<std::string> files;        ///< of each
};

/// Whether the record's sizes hold the key, and whether they are the key's and no others: then its values were measured
/// for this very kernel.
enum class Cover { No, Among, Exactly };
Cover coverOf(const schedule::Record &record, const std::string &target, const ScheduleKey &key);

} // namespace lathe

#endif
