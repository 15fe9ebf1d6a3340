//===- Item.cpp - the schedule keys of a model --------------------------------------------------------------------===//
#include "compiler/tune/Item.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/StringMap.h"

namespace lathe::tune {

using llvm::Expected;

static llvm::Error checkFamilies(llvm::ArrayRef<std::string> families) {
  for (const std::string &family : families)
    if (llvm::none_of(kernelFamilies(), [&](const KernelFamily &known) { return known.name == family; })) {
      std::vector<std::string> names;
      for (const KernelFamily &known : kernelFamilies())
        names.push_back(known.name);
      return makeError("family \"{0}\" does not exist; there are {1}", family, llvm::join(names, ", "));
    }
  return llvm::Error::success();
}

/// The tile of a phase and its leading kernel's values, in the order of the space.
static Values chosen(const Space &space, const Phase &phase, llvm::ArrayRef<Scheduled> schedule) {
  const Call &call = phase.calls[leadingCall(phase)];
  const auto *scheduled = llvm::find_if(schedule, [&](const Scheduled &one) { return one.symbol() == call.symbol(); });
  Values values;
  for (const Parameter &parameter : space.parameters) {
    const int64_t *value = parameter.name == kTileRows      ? &phase.rowsPerTile
                           : parameter.name == kTileColumns ? &phase.columnsPerTile
                                                            : scheduled->values.find(parameter.name);
    values.set(parameter.name, value ? *value : parameter.fallback);
  }
  return values;
}

Expected<std::vector<Item>> itemsOf(const Subject &subject, llvm::ArrayRef<std::string> families) {
  if (llvm::Error wrong = checkFamilies(families))
    return std::move(wrong);
  ProgramSet set = subject.set;
  Expected<std::vector<Scheduled>> schedule = scheduleProgram(set, *subject.backend, subject.target, subject.records);
  if (!schedule)
    return schedule.takeError();
  std::vector<Item> items;
  llvm::StringMap<size_t> places;
  for (auto [p, program] : llvm::enumerate(subject.set.programs))
    for (auto [i, phase] : llvm::enumerate(program.phases)) {
      Item item;
      item.kernel = phase.calls[leadingCall(phase)].kernel;
      item.grid = gridOf(program, phase);
      item.grid.leads = true;
      item.key = keyOf(item.kernel, item.grid);
      if (!families.empty() && !llvm::is_contained(families, item.key.family))
        continue;
      auto [place, isNew] = places.try_emplace(item.key.print(), items.size());
      if (isNew) {
        item.space = subject.backend->space(item.kernel, item.grid, subject.target);
        item.fallback = item.space.fallback();
        item.current = chosen(item.space, set.programs[p].phases[i], *schedule);
        items.push_back(std::move(item));
      }
      std::vector<Use> &uses = items[place->second].uses;
      if (uses.empty() || uses.back().program != p)
        uses.push_back({p, {}});
      uses.back().phases.push_back(i);
    }
  llvm::erase_if(items, [](const Item &item) {
    return llvm::all_of(item.space.parameters, [](const Parameter &one) { return one.choices.size() < 2; });
  });
  return std::move(items);
}

schedule::Record recordOf(const Item &item, const TargetDesc &target, const Values &values) {
  schedule::Record record;
  record.set_target(target.name);
  record.set_family(item.key.family);
  record.set_types(item.key.types);
  for (const auto &[name, value] : item.key.sizes) {
    schedule::SizeRange *size = record.add_sizes();
    size->set_name(name);
    size->set_min(value);
    size->set_max(value);
  }
  for (const auto &[name, number] : values.all()) {
    schedule::Value *value = record.add_values();
    value->set_name(name);
    value->set_value(number);
  }
  return record;
}

std::optional<Values> valuesOf(const schedule::Record &record, const Item &item) {
  Values values = item.fallback;
  for (const schedule::Value &value : record.values())
    if (values.find(value.name()))
      values.set(value.name(), value.value());
  return item.space.holds(values) ? std::optional(values) : std::nullopt;
}

std::optional<Values> parseValues(llvm::StringRef text, const Item &item) {
  Values values;
  for (llvm::StringRef word : llvm::split(text, ' ')) {
    auto [name, number] = word.split('=');
    int64_t value = 0;
    if (number.getAsInteger(10, value))
      return std::nullopt;
    values.set(name.str(), value);
  }
  return item.space.holds(values) ? std::optional(values) : std::nullopt;
}

} // namespace lathe::tune
