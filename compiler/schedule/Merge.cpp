//===- Merge.cpp - records of several files as one ----------------------------------------------------------------===//
#include "compiler/schedule/RecordText.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using llvm::Expected;
using schedule::Record;

namespace {

struct Entry {
  Record record;
  const std::string *file;
};

std::vector<std::pair<std::string, int64_t>> sortedValues(const Record &record) {
  std::vector<std::pair<std::string, int64_t>> values;
  for (const schedule::Value &value : record.values())
    values.emplace_back(value.name(), value.value());
  llvm::sort(values);
  return values;
}

std::string valuesText(const Record &record) {
  std::string text;
  for (const auto &[name, value] : sortedValues(record))
    text += llvm::formatv("{0}{1}={2}", text.empty() ? "" : " ", name, value).str();
  return text;
}

/// "b.textproto (tile_rows=4, 6.1 % better than the fallback on 2026-11-27)".
std::string describe(const Entry &entry) {
  const schedule::Provenance &from = entry.record.provenance();
  return llvm::formatv("{0} ({1}; {2:f1} % better than the fallback on {3})", *entry.file, valuesText(entry.record),
                       from.gain_percent(), from.date())
      .str();
}

auto orderOf(const Record &record) {
  std::vector<std::tuple<std::string, int64_t, int64_t>> sizes;
  for (const schedule::SizeRange &size : record.sizes())
    sizes.emplace_back(size.name(), size.min(), size.max());
  return std::tuple(record.target(), record.family(), record.types(), sizes);
}

} // namespace

Expected<Merged> lathe::mergeRecords(llvm::ArrayRef<RecordFile> files) {
  Merged merged;
  std::vector<Entry> kept;
  std::vector<std::string> contradictions;
  for (const RecordFile &file : files)
    for (const Record &record : file.records) {
      Entry added{record, &file.name};
      bool keep = true;
      for (Entry &other : kept) {
        if (!overlap(record, other.record))
          continue;
        keep = false;
        if (print(record) != print(other.record) || sortedValues(record) != sortedValues(other.record)) {
          contradictions.push_back(llvm::formatv("\"{0}\" for {1}: {2} against {3}", print(record), record.target(),
                                                 describe(other), describe(added))
                                       .str());
          continue;
        }
        const bool later = record.provenance().date() > other.record.provenance().date();
        merged.notes.push_back(llvm::formatv("\"{0}\" for {1} is there twice: {2} stays, {3} goes", print(record),
                                             record.target(), later ? file.name : *other.file,
                                             later ? *other.file : file.name)
                                   .str());
        if (later)
          other = added;
      }
      if (keep)
        kept.push_back(std::move(added));
    }
  if (!contradictions.empty())
    return makeError("records contradict one another, and one of each two must go: {0}",
                     llvm::join(contradictions, "; "));
  for (Entry &entry : kept)
    merged.records.push_back(std::move(entry.record));
  llvm::sort(merged.records, [](const Record &a, const Record &b) { return orderOf(a) < orderOf(b); });
  return merged;
}
