//===- RecordText.h - records from text and to it -------------------------------------------------------*- C++ -*-===//
//
// Files of records are read by people, written by `lathe tune`, and merged:
//
//   Expected<Merged> merged = mergeRecords({{"a.textproto", recordsOfA}, {"b.textproto", recordsOfB}});
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_SCHEDULE_RECORDTEXT_H
#define LATHE_COMPILER_SCHEDULE_RECORDTEXT_H

#include "schedules/schedule.pb.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lathe {

/// A file's records, each checked by itself. The error names the file and line, or the record and field, and what would
/// be right.
llvm::Expected<std::vector<schedule::Record>> parseRecords(llvm::StringRef file, const std::string &text);

/// One as it stands in a file.
std::string textOf(const schedule::Record &record, bool oneLine = false);
/// A whole file.
std::string textOf(llvm::ArrayRef<schedule::Record> records);

/// "linear q4_1 q16 m=1 k=576..1024": what a record covers.
std::string print(const schedule::Record &record);
/// Whether some kernel fits both.
bool overlap(const schedule::Record &a, const schedule::Record &b);

struct RecordFile {
  std::string name;
  std::vector<schedule::Record> records;
};
struct Merged {
  std::vector<schedule::Record> records; ///< by target, family, types and sizes
  std::vector<std::string> notes;        ///< of doubles: which one stayed
};
/// All records of several files. Of doubles, which ask the same values of the same kernels, the later measured stays.
/// Two that ask other values of one kernel contradict one another: the error lists all such pairs with files, gains.
llvm::Expected<Merged> mergeRecords(llvm::ArrayRef<RecordFile> files);

} // namespace lathe

#endif
