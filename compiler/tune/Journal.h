//===- Journal.h - every measurement, on disk as soon as it is made -------------------------------------*- C++ -*-===//
//
// JSON lines: first a head that says of what, then a line for each key when it is first looked at and a line for each
// measurement, written and synced before anything else happens. A process that dies loses what it was measuring and no
// more; a last line that is torn is cut off when the journal is opened again.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_JOURNAL_H
#define LATHE_COMPILER_TUNE_JOURNAL_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe::tune {

/// What measurements depend on: a journal goes on only where all of it is the same.
struct JournalHead {
  std::string model, target, generator, machine;
  unsigned threads = 0;
};

/// How a candidate fared.
enum class Outcome {
  Lost,      ///< clearly slower: given up early
  NoBetter,  ///< not faster, or not beyond the spread
  Won,       ///< the new incumbent
  OtherBits, ///< its logits differ
  Failed,    ///< it could not be made or run
  Crashed,
  TimedOut,
};
const char *nameOf(Outcome outcome);

struct Measurement {
  std::string key, values, incumbent; ///< values as Values::print has them
  Outcome outcome = Outcome::Failed;
  std::string detail;                   ///< what went wrong
  double change = 0, low = 0, high = 0; ///< ln(candidate / incumbent) and its interval
  double chance = 1;                    ///< Comparison::chance
  size_t pairs = 0;
  bool confirmation = false;                        ///< the numbers are of one, else of a screening
  double nanoseconds = 0, incumbentNanoseconds = 0; ///< medians of the key's phases in a step
  double seconds = 0;                               ///< that it took to find out
  std::string record;                               ///< of Won: as text, one line

  bool ran() const { return pairs > 0; }
};

/// A key, before anything is tried.
struct KeyLine {
  std::string key, program, start, fallback;    ///< values
  double nanoseconds = 0, limitNanoseconds = 0; ///< in a step
  bool memory = false;                          ///< which limit binds
  double weight = 0;                            ///< of its time above the limit in all: 0 to 1
};

struct JournalText {
  JournalHead head;
  std::vector<KeyLine> keys; ///< the latest line of each
  std::vector<Measurement> measurements;
  size_t bytes = 0; ///< of whole lines
};

/// Fails where the first line is no head, or a whole line cannot be read: the error names the line.
llvm::Expected<JournalText> parseJournal(llvm::StringRef name, llvm::StringRef text);
llvm::Expected<JournalText> readJournal(const std::string &path);

class Journal {
public:
  /// Opens or makes the journal at `path`. One that is there must fit `head`, unless it is to be begun `afresh`.
  static llvm::Expected<std::unique_ptr<Journal>> open(const std::string &path, const JournalHead &head, bool afresh);
  ~Journal();

  /// What it had when it was opened.
  const JournalText &before() const { return earlier; }
  llvm::Error add(const KeyLine &key);
  llvm::Error add(const Measurement &measurement);

private:
  Journal(std::string path, int fd) : path(std::move(path)), fd(fd) {}
  llvm::Error write(std::string line);

  std::string path;
  int fd;
  JournalText earlier;
};

} // namespace lathe::tune

#endif
