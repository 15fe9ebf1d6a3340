//===- Print.cpp - code for CUDA devices, as text ----------------------------------------------------------------===//
#include "compiler/backend/nvvm/Print.h"
#include "compiler/backend/nvvm/Ptx.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

using namespace lathe;

namespace {

/// Phases that one kernel computes.
struct Kernel {
  std::string entry;
  const Phase *first;
  std::string where; ///< the first one's program and name
  size_t phases = 0;
};

std::vector<Kernel> kernelsOf(const ProgramSet &set, const gpu::ValuesOf &values) {
  std::vector<Kernel> kernels;
  std::map<std::string, size_t> places;
  for (const Program &program : set.programs)
    for (const Phase &phase : program.phases) {
      const std::string entry = gpu::entryOf(phase, values);
      if (places.emplace(entry, kernels.size()).second)
        kernels.push_back({entry, &phase, program.name + " " + phase.name});
      ++kernels[places.at(entry)].phases;
    }
  return kernels;
}

std::string titleOf(const Kernel &kernel) {
  return kernel.entry + ": " + kernel.where +
         (kernel.phases > 1 ? " and " + std::to_string(kernel.phases - 1) + " more" : "");
}

Emitted textOf(std::string_view form, const Kernel &kernel, const gpu::ValuesOf &values, const TargetDesc &target) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = gpu::kernelModule(context);
  gpu::writePhaseKernel(*module, *kernel.first, values, target);
  if (form == "mlir") {
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    return {text, ""};
  }
  Emitted ptx = ptxOf(*module, target);
  if (form == "ptx" || !ptx.error.empty())
    return ptx;
  Emitted cubin = cubinOf(ptx.bytes, target);
  return cubin.error.empty() ? sassOf(cubin.bytes) : cubin;
}

/// All kernels in one run of ptxas.
Emitted listOf(const std::vector<Kernel> &kernels, const gpu::ValuesOf &values, const TargetDesc &target) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = gpu::kernelModule(context);
  std::map<std::string, int64_t> shared; // of each launch
  for (const Kernel &kernel : kernels)
    shared[kernel.entry] = gpu::writePhaseKernel(*module, *kernel.first, values, target);
  Emitted ptx = ptxOf(*module, target);
  if (!ptx.error.empty())
    return ptx;
  std::string report;
  Emitted cubin = cubinOf(ptx.bytes, target, &report);
  if (!cubin.error.empty())
    return cubin;
  std::map<std::string, Usage> usages;
  for (Usage &usage : usagesIn(report))
    usages[usage.entry] = usage;
  std::string text;
  for (const Kernel &kernel : kernels) {
    const Usage &usage = usages[kernel.entry];
    text += llvm::formatv("{0,9} {1,13} {2,7} {3,7}  {4}\n", usage.registers, usage.shared + shared[kernel.entry],
                          usage.stack, usage.spilled, titleOf(kernel))
                .str();
  }
  return {text, ""};
}

} // namespace

void lathe::printPhases(std::string_view form, const ProgramSet &set, const gpu::ValuesOf &values,
                        const TargetDesc &target, const Backend::Show &show) {
  const std::vector<Kernel> kernels = kernelsOf(set, values);
  if (form == "list") {
    show("registers; bytes of shared memory, of stack, spilled; kernel", listOf(kernels, values, target));
    return;
  }
  for (const Kernel &kernel : kernels)
    if (!show(titleOf(kernel), textOf(form, kernel, values, target)))
      return;
}
