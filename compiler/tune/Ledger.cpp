//===- Ledger.cpp - what tuning has found, on disk at any time ----------------------------------------------------===//
#include "compiler/tune/Ledger.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "compiler/support/Output.h"
#include <cmath>

namespace lathe::tune {

using llvm::Error;
using llvm::Expected;
using schedule::Record;

/// The largest file of records that is read: some thousands.
static constexpr uint64_t kMostBytes = 16 << 20;

Expected<std::unique_ptr<Ledger>> Ledger::open(const std::string &file, const JournalHead &head, bool afresh) {
  auto ledger = std::make_unique<Ledger>();
  ledger->file = file;
  if (llvm::sys::fs::exists(file)) {
    Expected<std::string> text = readSmallFile(file, kMostBytes);
    if (!text)
      return text.takeError();
    Expected<std::vector<Record>> records = parseRecords(file, *text);
    if (!records)
      return records.takeError();
    ledger->found = std::move(*records);
  }
  Expected<std::unique_ptr<Journal>> journal = Journal::open(file + ".journal", head, afresh);
  if (!journal)
    return journal.takeError();
  ledger->journal = std::move(*journal);
  for (const Measurement &m : ledger->before().measurements) {
    if (m.record.empty())
      continue;
    Expected<std::vector<Record>> record = parseRecords(file + ".journal", m.record);
    if (!record)
      return record.takeError();
    ledger->replace(record->front(), record->front());
  }
  return ledger;
}

void Ledger::replace(const Record &covers, const std::optional<Record> &record) {
  llvm::erase_if(found, [&](const Record &other) { return overlap(other, covers); });
  if (record)
    found.push_back(*record);
}

Error Ledger::add(const KeyLine &key) {
  auto same = [&](const KeyLine &line) { return line.key == key.key; };
  return llvm::any_of(before().keys, same) ? Error::success() : journal->add(key);
}

Error Ledger::addWinner(Measurement measurement, const Record &covers, const std::optional<Record> &record) {
  if (record)
    measurement.record = llvm::StringRef(textOf(*record, /*oneLine=*/true)).trim().str();
  if (Error failed = journal->add(measurement))
    return failed;
  replace(covers, record);
  return write();
}

Error Ledger::write() const {
  Expected<Merged> merged = mergeRecords({{file, found}});
  if (!merged)
    return merged.takeError();
  return writeFile(file, [&](llvm::raw_ostream &out) {
    out << textOf(merged->records);
    return Error::success();
  });
}

std::vector<const Measurement *> Ledger::winners(const std::string &key) const {
  std::vector<const Measurement *> winners;
  for (const Measurement &m : before().measurements)
    if (m.outcome == Outcome::Won && m.key == key)
      winners.push_back(&m);
  return winners;
}

Comparison Ledger::gain(const Measurement &winner) const {
  if (winner.record.empty())
    return {};
  const schedule::Provenance from =
      llvm::cantFail(parseRecords(file, winner.record)).front().provenance(); // open() has read it
  auto change = [](double percent) { return std::log1p(-percent / 100); };
  return {.pairs = from.runs(),
          .change = change(from.gain_percent()),
          .low = change(from.gain_high_percent()),
          .high = change(from.gain_low_percent())};
}

} // namespace lathe::tune
