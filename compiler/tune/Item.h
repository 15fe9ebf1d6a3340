//===- Item.h - the schedule keys of a model ------------------------------------------------------------*- C++ -*-===//
//
// What is tuned: each key (compiler/schedule/Key.h) whose kernel leads phases and has a choice. Tile and code are one
// space.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_TUNE_ITEM_H
#define LATHE_COMPILER_TUNE_ITEM_H

#include "compiler/tune/Subject.h"

namespace lathe::tune {

/// The phases of one program that a key's kernel leads.
struct Use {
  size_t program;
  std::vector<size_t> phases; ///< indices in the program
  double seconds = 0;         ///< of all of them in one step, with the records that there were
  double limitSeconds = 0;    ///< that the machine's limits allow
  double bytes = 0, operations = 0;
  uint32_t rate = 0;   ///< lathe_rate of the operations
  bool memory = false; ///< the limit that binds: of reads, else of operations
};

struct Item {
  ScheduleKey key;
  KernelDesc kernel; ///< of the first phase
  Grid grid;         ///< of the first phase; it leads
  Space space;
  Values fallback, current; ///< current: with the subject's records
  std::vector<Use> uses;
};

/// In the order of first use; of those families alone, where any are named. Fails where a family does not exist.
llvm::Expected<std::vector<Item>> itemsOf(const Subject &subject, llvm::ArrayRef<std::string> families);

/// A record of `values` for exactly this key, without provenance.
schedule::Record recordOf(const Item &item, const TargetDesc &target, const Values &values);
/// What a record asks for, in the rest the fallback; nothing if the space does not hold that.
std::optional<Values> valuesOf(const schedule::Record &record, const Item &item);
/// The same from text as Values::print has it.
std::optional<Values> parseValues(llvm::StringRef text, const Item &item);

} // namespace lathe::tune

#endif
