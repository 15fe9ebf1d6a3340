//===- Records.cpp - measured schedules, as reviewed data --------------------------------------------------------===//
#include "compiler/schedule/Records.h"
#include "compiler/support/Error.h"
#include "compiler/support/File.h"
#include "compiler/target/Target.h"
#include "schedules/Embedded.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <limits>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using schedule::Record;
using schedule::SizeRange;

namespace {

constexpr double kNearestDoublings = 2;

/// Keeps the first complaint of protobuf's parser.
class FirstError : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, int column, const std::string &message) override {
    if (text.empty())
      text = llvm::formatv("{0}:{1}: {2}", line + 1, column + 1, message).str();
  }
  std::string text;
};

Error checkProvenance(const schedule::Provenance &from) {
  auto digits = [](StringRef text) { return llvm::all_of(text, [](char c) { return llvm::isDigit(c); }); };
  StringRef date = from.date();
  if (from.machine().empty())
    return makeError("provenance.machine is empty");
  if (from.commit().size() < 7 || !llvm::all_of(from.commit(), [](char c) { return llvm::isHexDigit(c); }))
    return makeError("provenance.commit = \"{0}\" is not at least 7 hexadecimal digits", from.commit());
  if (date.size() != 10 || date[4] != '-' || date[7] != '-' || !digits(date.take_front(4)) ||
      !digits(date.substr(5, 2)) || !digits(date.substr(8, 2)))
    return makeError("provenance.date = \"{0}\" is not a day like 2026-11-21", date);
  if (!(from.budget_seconds() > 0) || from.runs() == 0)
    return makeError("provenance: budget_seconds and runs must be above 0");
  if (!(from.median_ns() > 0) || !(from.spread_ns() >= 0) || !(from.fallback_ns() > 0))
    return makeError("provenance: median_ns and fallback_ns must be above 0, spread_ns not below");
  if (from.median_ns() >= from.fallback_ns())
    return makeError("provenance: median_ns = {0} is no better than fallback_ns = {1}", from.median_ns(),
                     from.fallback_ns());
  return Error::success();
}

Error checkRecord(const Record &record) {
  if (!llvm::any_of(targets(), [&](const TargetDesc &target) { return target.name == record.target(); }))
    return makeError("target = \"{0}\" is not a target", record.target());
  if (!llvm::any_of(kernelFamilies(), [&](const KernelFamily &family) { return family.name == record.family(); }))
    return makeError("family = \"{0}\" is not a kernel family", record.family());
  if (record.types().empty())
    return makeError("types is empty");
  std::vector<std::string> known = sizeNames(record.family()), seen;
  for (const SizeRange &size : record.sizes()) {
    if (!llvm::is_contained(known, size.name()))
      return makeError("sizes: a {0} has no size \"{1}\", only {2}", record.family(), size.name(),
                       llvm::join(known, ", "));
    if (llvm::is_contained(seen, size.name()))
      return makeError("sizes: \"{0}\" is there twice", size.name());
    if (size.min() < 0 || size.max() < size.min())
      return makeError("sizes: {0} from {1} to {2} holds nothing", size.name(), size.min(), size.max());
    seen.push_back(size.name());
  }
  if (record.values().empty())
    return makeError("values is empty: a record must choose something");
  seen.clear();
  for (const schedule::Value &value : record.values()) {
    if (llvm::is_contained(seen, value.name()))
      return makeError("values: \"{0}\" is there twice", value.name());
    seen.push_back(value.name());
  }
  return checkProvenance(record.provenance());
}

bool sameKind(const Record &a, const Record &b) {
  return a.target() == b.target() && a.family() == b.family() && a.types() == b.types();
}

const SizeRange *rangeOf(const Record &record, StringRef name) {
  for (const SizeRange &size : record.sizes())
    if (size.name() == name)
      return &size;
  return nullptr;
}

/// Whether some kernel fits both.
bool overlap(const Record &a, const Record &b) {
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
double distance(const Record &record, const ScheduleKey &key) {
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

} // namespace

std::string lathe::print(const Record &record) {
  std::string text = record.family() + " " + record.types();
  for (const SizeRange &size : record.sizes()) {
    text += " " + size.name() + "=" + std::to_string(size.min());
    if (size.max() != size.min())
      text += ".." + std::to_string(size.max());
  }
  return text;
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
  schedule::Records parsed;
  google::protobuf::TextFormat::Parser parser;
  FirstError problem;
  parser.RecordErrorsTo(&problem);
  if (!parser.ParseFromString(text, &parsed))
    return makeError("{0}:{1}", file, problem.text);
  for (const Record &record : parsed.records()) {
    if (Error wrong = checkRecord(record))
      return makeError("{0}: record \"{1}\": {2}", file, print(record), llvm::toString(std::move(wrong)));
    for (const Record &other : llvm::drop_begin(records, first))
      if (overlap(record, other))
        return makeError("{0}: record \"{1}\" for {2}: \"{3}\" covers the same kernels", file, print(record),
                         record.target(), print(other));
    records.push_back(record);
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
