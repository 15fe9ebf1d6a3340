//===- Records.cpp - measured schedules, as reviewed data ---------------------------------------------------------===//
#include "compiler/schedule/Records.h"
#include "compiler/schedule/RecordText.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "schedules/Embedded.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using schedule::Record;
using schedule::SizeRange;

namespace {

constexpr double kNearestDoublings = 2;

bool sameKind(const Record &a, const Record &b) {
  return a.target() == b.target() && a.family() == b.family() && a.types() == b.types();
}

const SizeRange *rangeOf(const Record &record, StringRef name) {
  for (const SizeRange &size : record.sizes())
    if (size.name() == name)
      return &size;
  return nullptr;
}

} // namespace

bool lathe::overlap(const Record &a, const Record &b) {
  if (!sameKind(a, b))
    return false;
  for (const SizeRange &size : a.sizes())
    if (const SizeRange *other = rangeOf(b, size.name()))
      if (size.max() < other->min() || other->max() < size.min())
        return false;
  return true;
}

/// Doublings between `key` and what the record covers; 0: it covers it; infinity: nothing to do with one another. From 0,
/// which says that there is no such thing (a window), everything is infinitely far.
static double distance(const Record &record, const ScheduleKey &key) {
  double sum = 0;
  for (const auto &[name, value] : key.sizes) {
    const SizeRange *range = rangeOf(record, name);
    if (!range)
      continue;
    double away = value < range->min()   ? std::log2(double(range->min()) / double(value))
                  : value > range->max() ? std::log2(double(value) / double(range->max()))
                                         : 0;
    if (away > kNearestDoublings)
      return std::numeric_limits<double>::infinity();
    sum += away;
  }
  return sum;
}

Cover lathe::coverOf(const Record &record, const std::string &target, const ScheduleKey &key) {
  if (record.target() != target || record.family() != key.family || record.types() != key.types)
    return Cover::No;
  bool exactly = true;
  for (const auto &[name, value] : key.sizes) {
    const SizeRange *range = rangeOf(record, name);
    if (range && (value < range->min() || value > range->max()))
      return Cover::No;
    exactly &= range && range->min() == range->max();
  }
  return exactly ? Cover::Exactly : Cover::Among;
}

Expected<RecordBook> RecordBook::embedded() { return of(embeddedRecords()); }

Expected<RecordBook> RecordBook::of(llvm::ArrayRef<EmbeddedFile> files) {
  RecordBook book;
  for (const EmbeddedFile &file : files)
    if (Error wrong = book.parse(file.path, std::string(file.text), 0))
      return std::move(wrong);
  return book;
}

Error RecordBook::add(StringRef file, const std::string &text) { return parse(file, text, records.size()); }

Error RecordBook::addFile(StringRef path) {
  Expected<std::shared_ptr<const InputFile>> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  llvm::ArrayRef<uint8_t> bytes = (*file)->bytes();
  return add(path, std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
}

/// Records from `first` on may not cover one another's kernels.
Error RecordBook::parse(StringRef file, const std::string &text, size_t first) {
  Expected<std::vector<Record>> parsed = parseRecords(file, text);
  if (!parsed)
    return parsed.takeError();
  for (Record &record : *parsed) {
    for (size_t i = first; i < records.size(); ++i)
      if (overlap(record, records[i]))
        return makeError("{0}: record \"{1}\" for {2}: \"{3}\" covers the same kernels", file, print(record),
                         record.target(), print(records[i]));
    records.push_back(std::move(record));
    files.push_back(file.str());
  }
  return Error::success();
}

RecordBook::Match RecordBook::find(const std::string &target, const ScheduleKey &key,
                                   llvm::function_ref<bool(const Record &)> usable) const {
  const Record *best = nullptr;
  double bestDistance = std::numeric_limits<double>::infinity();
  for (const Record &record : records) {
    if (record.target() != target || record.family() != key.family || record.types() != key.types)
      continue;
    double away = distance(record, key);
    if (away <= bestDistance && !std::isinf(away) && usable(record))
      best = &record, bestDistance = away;
  }
  return {best, best && bestDistance == 0};
}
