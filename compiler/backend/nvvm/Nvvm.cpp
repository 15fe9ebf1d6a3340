//===- Nvvm.cpp - the backend of CUDA devices --------------------------------------------------------------------===//
#include "compiler/backend/nvvm/Nvvm.h"
#include "NvvmStamp.h"
#include "compiler/backend/nvvm/Print.h"
#include "compiler/backend/nvvm/Ptx.h"
#include "compiler/kernels/gpu/Kernel.h"
#include "compiler/kernels/gpu/Largest.h"
#include "compiler/kernels/gpu/PageCheck.h"
#include "compiler/kernels/gpu/PhaseKernel.h"
#include "runtime/abi/model_abi.h"
#include <algorithm>
#include <map>
#include <set>

using namespace lathe;

namespace {

/// Splits of 256 positions are tiles of the grid; a linear repeats the norm of a step of one row only.
FusionOptions plan(const TargetDesc &) {
  FusionOptions options;
  options.prefillRows = 512;
  options.repeatRows = 1;
  options.splitsInGrid = true;
  return options;
}

/// The values of calls by their symbols.
gpu::ValuesOf valuesOf(const std::vector<Scheduled> &schedule) {
  auto all = std::make_shared<std::map<std::string, const Values *>>();
  for (const Scheduled &one : schedule)
    all->emplace(one.symbol(), &one.values);
  return [all](const Call &call) -> const Values & { return *all->at(call.symbol()); };
}

/// All kernels of a program, each once, and those that runtime/abi/model_abi.h names.
mlir::OwningOpRef<mlir::ModuleOp> kernelsOf(mlir::MLIRContext &context, const Program &program,
                                            const std::vector<Scheduled> &schedule, const TargetDesc &target) {
  mlir::OwningOpRef<mlir::ModuleOp> module = gpu::kernelModule(context);
  const gpu::ValuesOf values = valuesOf(schedule);
  std::set<std::string> done;
  for (const Phase &phase : program.phases)
    if (done.insert(gpu::entryOf(phase, values)).second)
      gpu::writePhaseKernel(*module, phase, values, target);
  static_assert(LATHE_PAGE_CHECK_THREADS == gpu::kThreads && LATHE_LARGEST_THREADS == gpu::kThreads);
  gpu::writePageCheck(*module, LATHE_PAGE_CHECK_ENTRY, LATHE_PAGE_CHECK_WORDS, target);
  gpu::writeLargest(*module, LATHE_LARGEST_LOGITS_ENTRY, /*fromKeys=*/false, LATHE_LARGEST_NUMBERS, target);
  gpu::writeLargest(*module, LATHE_LARGEST_KEYS_ENTRY, /*fromKeys=*/true, LATHE_LARGEST_NUMBERS, target);
  return module;
}

std::vector<CodeUnit> units(const ProgramSet &set, const std::vector<Scheduled> &schedule, const TargetDesc &target) {
  std::vector<CodeUnit> units;
  const gpu::ValuesOf values = valuesOf(schedule);
  const bool assembles = !findPtxas().empty();
  for (size_t i = 0; i < set.programs.size(); ++i) {
    std::string key = target.name;
    for (const Phase &phase : set.programs[i].phases)
      key += "\n" + gpu::entryOf(phase, values);
    for (uint32_t kind : {LATHE_UNIT_CUBIN, LATHE_UNIT_PTX})
      if (assembles || kind == LATHE_UNIT_PTX)
        units.push_back({.name = set.programs[i].name,
                         .key = key + (kind == LATHE_UNIT_PTX ? "\nptx" : "\ncubin"),
                         .kernels = {},
                         .program = i,
                         .kind = kind});
  }
  return units;
}

Emitted compile(const CodeUnit &unit, const ProgramSet &set, const std::vector<Scheduled> &schedule,
                const TargetDesc &target) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = kernelsOf(context, set.programs[*unit.program], schedule, target);
  Emitted ptx = ptxOf(*module, target);
  return unit.kind == LATHE_UNIT_PTX || !ptx.error.empty() ? ptx : cubinOf(ptx.bytes, target);
}

Launch launch(const Phase &phase, const std::vector<Scheduled> &schedule, const TargetDesc &target) {
  const gpu::ValuesOf values = valuesOf(schedule);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = gpu::kernelModule(context);
  const int64_t shared = gpu::writePhaseKernel(*module, phase, values, target);
  return {gpu::entryOf(phase, values), gpu::kThreads, shared, gpu::beginsEarly(target)};
}

void printForm(const Backend::Form &form, const ProgramSet &set, const std::vector<Scheduled> &schedule,
               const TargetDesc &target, const Backend::Show &show) {
  printPhases(form.name, set, valuesOf(schedule), target, show);
}

} // namespace

const Backend &lathe::nvvmBackend() {
  static const Backend backend = {
      .name = "nvvm",
      .device = DeviceKind::Cuda,
      .stamp = LATHE_NVVM_STAMP,
      .plan = plan,
      .space = gpu::kernelSpace,
      .units = units,
      .compile = compile,
      .launch = launch,
      .forms = {{"kernels", "mlir", "//"},
                {"object", "list", "#"},
                {"object", "ptx", "//"},
                {"object", "sass", "//"}},
      .print = printForm,
  };
  return backend;
}
