//===- RecordText.cpp - records from text and to it ---------------------------------------------------------------===//
#include "compiler/schedule/RecordText.h"
#include "compiler/schedule/Key.h"
#include "compiler/support/Error.h"
#include "compiler/target/Target.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using schedule::Record;
using schedule::SizeRange;

namespace {

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
  if (from.generator().empty())
    return makeError("provenance.generator is empty; \"halide 1a2b3c4d5e6f\" or the like would be right");
  if (!(from.median_ns() > 0) || !(from.spread_ns() >= 0) || !(from.fallback_ns() > 0))
    return makeError("provenance: median_ns and fallback_ns must be above 0, spread_ns not below");
  if (from.median_ns() >= from.fallback_ns())
    return makeError("provenance: median_ns = {0} is no better than fallback_ns = {1}", from.median_ns(),
                     from.fallback_ns());
  if (!(from.gain_low_percent() > 0) || !(from.gain_low_percent() <= from.gain_percent()) ||
      !(from.gain_percent() <= from.gain_high_percent()) || !(from.gain_high_percent() < 100))
    return makeError(
        "provenance: gain_low_percent, gain_percent and gain_high_percent must be above 0, below 100 and in "
        "this order; they are {0}, {1}, {2}",
        from.gain_low_percent(), from.gain_percent(), from.gain_high_percent());
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

/// As protobuf's text has it.
std::string quoted(StringRef text) {
  std::string out = "\"";
  for (char c : text)
    out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

} // namespace

std::string lathe::print(const Record &record) {
  std::string text = record.family() + " " + record.types();
  for (const SizeRange &size : record.sizes()) {
    if (size.max() == 0) // there is no such thing: as in keys
      continue;
    text += " " + size.name() + "=" + std::to_string(size.min());
    if (size.max() != size.min())
      text += ".." + std::to_string(size.max());
  }
  return text;
}

Expected<std::vector<Record>> lathe::parseRecords(StringRef file, const std::string &text) {
  schedule::Records parsed;
  google::protobuf::TextFormat::Parser parser;
  FirstError problem;
  parser.RecordErrorsTo(&problem);
  if (!parser.ParseFromString(text, &parsed))
    return makeError("{0}:{1}", file, problem.text);
  std::vector<Record> records;
  for (const Record &record : parsed.records()) {
    if (Error wrong = checkRecord(record))
      return makeError("{0}: record \"{1}\": {2}", file, print(record), llvm::toString(std::move(wrong)));
    records.push_back(record);
  }
  return records;
}

std::string lathe::textOf(const Record &record, bool oneLine) {
  const char *newLine = oneLine ? " " : "\n  ";
  std::string text = "records {";
  auto field = [&](StringRef line) { text += newLine + line.str(); };
  field("target: " + quoted(record.target()));
  field("family: " + quoted(record.family()));
  field("types: " + quoted(record.types()));
  for (const SizeRange &size : record.sizes())
    field(llvm::formatv("sizes {{ name: {0} min: {1} max: {2} }", quoted(size.name()), size.min(), size.max()).str());
  for (const schedule::Value &value : record.values())
    field(llvm::formatv("values {{ name: {0} value: {1} }", quoted(value.name()), value.value()).str());
  const schedule::Provenance &from = record.provenance();
  field("provenance {");
  const char *inner = oneLine ? " " : "\n    ";
  text += inner + llvm::formatv("machine: {0} commit: {1} generator: {2} date: {3}", quoted(from.machine()),
                                quoted(from.commit()), quoted(from.generator()), quoted(from.date()))
                      .str();
  text +=
      inner + llvm::formatv("budget_seconds: {0:f0} runs: {1} median_ns: {2:f0} spread_ns: {3:f0} fallback_ns: {4:f0}",
                            from.budget_seconds(), from.runs(), from.median_ns(), from.spread_ns(), from.fallback_ns())
                  .str();
  text += inner + llvm::formatv("gain_percent: {0:f1} gain_low_percent: {1:f1} gain_high_percent: {2:f1}",
                                from.gain_percent(), from.gain_low_percent(), from.gain_high_percent())
                      .str();
  field("}");
  return text + (oneLine ? " }\n" : "\n}\n");
}

std::string lathe::textOf(llvm::ArrayRef<Record> records) {
  std::string text = "# Found by 'lathe tune'; schedules/schedule.proto says what the fields are.\n";
  for (const Record &record : records)
    text += textOf(record);
  return text;
}
