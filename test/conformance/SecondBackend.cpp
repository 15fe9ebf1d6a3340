//===- SecondBackend.cpp - code in units of a program -------------------------------------------------------------===//
#include "compiler/backend/halide/Halide.h"
#include "compiler/support/Tool.h"
#include "test/TemporaryFolder.h"
#include "test/conformance/Second.h"
#include <algorithm>
#include <set>

using namespace lathe;

namespace {

/// What its kernels are compiled for: any machine that tests run on.
TargetDesc plain() { return *findTarget("x86-64-v2"); }

/// Other tiles than the CPU's: two rows where that divides, and of a linear as few panels as go.
Space space(const KernelDesc &kernel, const Grid &grid, const TargetDesc &) {
  Space space = halideBackend().space(kernel, grid, plain());
  for (Parameter &parameter : space.parameters) {
    if (parameter.name == kTileRows && std::ranges::binary_search(parameter.choices, 2))
      parameter.fallback = 2;
    if (parameter.name == kTileColumns)
      parameter.fallback = parameter.choices.front();
  }
  if (grid.leads && std::holds_alternative<LinearKernel>(kernel)) // register tiles follow the tile
    for (size_t i = 2; i < space.parameters.size(); ++i)
      space.parameters[i].fallback =
          halideBackend()
              .space(withTile(kernel, space.parameters[0].fallback, space.parameters[1].fallback), {}, plain())
              .parameters[i - 2]
              .fallback;
  return space;
}

/// Other programs and splits, too.
FusionOptions plan(const TargetDesc &) {
  return {.splitPositions = 128,
          .decodeRows = 4,
          .sequences = 4,
          .prefillRows = 64,
          .prefillLogitRows = 64,
          .choiceTileRows = 4};
}

std::vector<CodeUnit> units(const ProgramSet &set, const std::vector<Scheduled> &schedule, const TargetDesc &) {
  std::vector<CodeUnit> units;
  for (size_t p = 0; p < set.programs.size(); ++p) {
    std::set<std::string> used;
    for (const Phase &phase : set.programs[p].phases)
      for (const std::vector<Call> *calls : {&phase.prologue, &phase.calls})
        for (const Call &call : *calls)
          used.insert(call.symbol());
    CodeUnit unit{.name = set.programs[p].name, .key = "second", .kernels = {}, .program = p};
    for (size_t i = 0; i < schedule.size(); ++i)
      if (used.contains(schedule[i].symbol())) {
        unit.kernels.push_back(i);
        unit.key += "\n" + halideBackend().units({}, {schedule[i]}, plain()).front().key;
      }
    units.push_back(std::move(unit));
  }
  return units;
}

/// A shared library of the program's kernels.
Emitted compile(const CodeUnit &unit, const ProgramSet &set, const std::vector<Scheduled> &schedule,
                const TargetDesc &) {
  test::TemporaryFolder folder;
  std::vector<std::string> link = {"-shared", "-o", "-"};
  for (size_t i : unit.kernels) {
    const std::vector<CodeUnit> kernel = halideBackend().units(set, {schedule[i]}, plain());
    Emitted object = halideBackend().compile(kernel.front(), set, {schedule[i]}, plain());
    if (!object.error.empty())
      return object;
    link.push_back(folder.write(std::to_string(i) + ".o", object.bytes));
  }
  llvm::Expected<std::string> linked = runLinker(link);
  if (!linked)
    return {"", unit.name + ": " + llvm::toString(linked.takeError())};
  return {*linked, ""};
}

/// It makes calls one by one as the CPU does, from the unit that the program has.
Launch launch(const Phase &, const std::vector<Scheduled> &, const TargetDesc &) {
  return {.entry = program.name, .threads = 1};
}

} // namespace

TargetDesc test::secondTarget() { return {.name = "second", .device = DeviceKind::Cuda, .triple = plain().triple}; }

const Backend &test::secondBackend() {
  static const Backend backend = {.name = "second",
                                  .device = DeviceKind::Cuda,
                                  .stamp = halideBackend().stamp,
                                  .plan = plan,
                                  .space = space,
                                  .units = units,
                                  .compile = compile,
                                  .launch = launch,
                                  .forms = {},
                                  .print = nullptr};
  return backend;
}
