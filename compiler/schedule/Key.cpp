//===- Key.cpp - what a schedule may depend on -------------------------------------------------------------------===//
#include "compiler/schedule/Key.h"

using namespace lathe;

/// Steps of so few rows are bound by memory: all of a step's rows fit into the time that its weights take.
static constexpr int64_t kFewRows = 8;

std::string ScheduleKey::print() const {
  std::string text = family;
  if (!types.empty())
    text += " " + types;
  for (const auto &[size, value] : sizes)
    if (value)
      text += " " + size + "=" + std::to_string(value);
  return text;
}

ScheduleKey lathe::keyOf(const KernelDesc &kernel, const Grid &grid) {
  Naming name = naming(kernel);
  const int64_t unit = std::holds_alternative<LinearKernel>(kernel) ? kPanelRows : 1;
  ScheduleKey key = {kernelFamily(kernel).name, std::move(name.words), {{"m", grid.rows}, {"n", grid.columns * unit}}};
  key.sizes.insert(key.sizes.end(), name.sizes.begin(), name.sizes.end());
  return key;
}

std::vector<std::string> lathe::sizeNames(const std::string &family) {
  for (const KernelFamily &known : kernelFamilies())
    if (known.name == family) {
      std::vector<std::string> names;
      for (const auto &[name, value] : keyOf(known.empty, {}).sizes)
        names.push_back(name);
      return names;
    }
  return {};
}

Grid lathe::gridOf(const Program &program, const Phase &phase) {
  Grid grid;
  grid.rows = program.rows(phase);
  grid.columns = phase.columns;
  grid.choiceRows = phase.rowKind == RowKind::Choices ? phase.choices.layout.tileRows : 0;
  // Logits of a prompt are mostly wanted of one row; a step of distinct sequences wants those of all.
  const bool fewLogits = phase.rowKind == RowKind::Logits && !program.distinctSequences;
  grid.memoryBound = grid.rows <= kFewRows || program.maxRows <= kFewRows || fewLogits;
  grid.anyNumber = program.distinctSequences;
  grid.fixedRows = takesOneRow(phase);
  return grid;
}
