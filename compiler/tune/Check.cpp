//===- Check.cpp - whether records still hold ---------------------------------------------------------------------===//
#include "compiler/support/Error.h"
#include "compiler/tune/ProcessRounds.h"
#include "compiler/tune/Tuner.h"

namespace lathe::tune {
namespace {

using llvm::Error;
using llvm::Expected;

/// The key that a record covers; null: the model has none.
const Item *coveredBy(const schedule::Record &record, const std::vector<Item> &items, const TargetDesc &target) {
  for (const Item &item : items)
    if (overlap(record, recordOf(item, target, item.fallback)))
      return &item;
  return nullptr;
}

void measureRecord(RecordCheck &check, Rounds &rounds, const Values &values, const Values &fallback) {
  const Rounds::Result result = confirmBothWays(rounds, {{0, values, fallback}});
  if (result.stopped || result.failure) {
    check.detail = result.stopped ? "interrupted" : std::string(nameOf(*result.failure)) + ": " + result.detail;
    return;
  }
  check.gain = compare(changes(result.trial.groups.front()), kConfidence);
  check.state = check.gain.high < 0 ? RecordCheck::Holds : RecordCheck::DoesNotHold;
}

} // namespace

Expected<std::vector<RecordCheck>> checkRecords(Subject &subject, Workspace &workspace, const RecordBook &book,
                                                const TuneOptions &options) {
  Expected<std::vector<Item>> items = itemsOf(subject, {});
  if (!items)
    return items.takeError();
  Expected<Profile> times = profileInChild(subject, workspace, options);
  if (!times)
    return times.takeError();
  const std::string generator = generatorOf(*subject.backend);
  std::vector<RecordCheck> checks;
  for (const schedule::Record &record : book.all()) {
    RecordCheck check;
    check.record = record;
    const Item *item = coveredBy(record, *items, subject.target);
    const std::optional<Values> values = item ? valuesOf(record, *item) : std::nullopt;
    if (record.target() != subject.target.name)
      check.state = RecordCheck::OtherTarget;
    else if (record.provenance().generator() != generator)
      check.state = RecordCheck::OtherGenerator, check.detail = record.provenance().generator() + ", now " + generator;
    else if (!item)
      check.state = RecordCheck::NotOfThisModel;
    else if (!values)
      check.detail = "its values are none of the kernel's";
    else if ((options.interrupted && options.interrupted()) || times->programs.empty())
      check.detail = "interrupted";
    else {
      if (options.progress)
        options.progress("tune: checks " + print(record));
      const std::string plain = workspace.file("plain.so");
      RecordBook fallback = subject.records;
      fallback.prefer(recordOf(*item, subject.target, item->fallback));
      const Excerpt excerpt = excerptOf(subject, item->uses.front().program);
      const ChildEnd made = runInChild(
          [&]() -> Expected<std::string> {
            if (Error failed = makeLibrary(subject, fallback, plain, &excerpt))
              return std::move(failed);
            return "";
          },
          {600, options.interrupted});
      if (made.kind != ChildEnd::Answered)
        return makeError("{0}: the fallback of {1} cannot be made: {2}", subject.name, print(record), made.text);
      ProcessRounds rounds(subject, workspace, {{item, &item->uses.front()}}, excerpt, times->stepSeconds(excerpt),
                           fallback, plain,
                           {.threads = options.threads,
                            .seed = options.seed,
                            .stop = options.interrupted,
                            .stopConfirming = options.interrupted});
      measureRecord(check, rounds, *values, item->fallback);
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

} // namespace lathe::tune
