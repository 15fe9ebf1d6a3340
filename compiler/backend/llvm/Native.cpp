//===- Native.cpp - bitcode to machine code ---------------------------------------------------------------------===//
#include "compiler/backend/llvm/Native.h"
#include "compiler/backend/llvm/Adapt.h"
#include "compiler/target/Llvm.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

using namespace lathe;
using llvm::Expected;

namespace {

/// The first error that LLVM reports; without a handler it would end the process.
struct Collected : llvm::DiagnosticHandler {
  explicit Collected(std::string &error) : error(error) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() == llvm::DS_Error && error.empty()) {
      llvm::raw_string_ostream stream(error);
      llvm::DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
    }
    return true;
  }
  std::string &error;
};

/// Halide's own settings (its get_target_options), so that the same operations are fused as when it makes the code.
llvm::TargetOptions optionsOf(const llvm::Module &module) {
  auto *flag = llvm::mdconst::extract_or_null<llvm::ConstantInt>(
      module.getModuleFlag("halide_per_instruction_fast_math_flags"));
  const bool perInstruction = !flag || !flag->isZero();
  llvm::TargetOptions options;
  options.AllowFPOpFusion = perInstruction ? llvm::FPOpFusion::Strict : llvm::FPOpFusion::Fast;
  options.NoInfsFPMath = options.NoNaNsFPMath = !perInstruction;
  options.HonorSignDependentRoundingFPMathOption = !perInstruction;
  options.FunctionSections = true;
  options.MCOptions.AsmVerbose = true;
  return options;
}

Expected<std::unique_ptr<llvm::TargetMachine>> machineFor(const llvm::Module &module, const TargetDesc &target) {
  registerLlvmTargets();
  const llvm::Triple triple(target.triple);
  std::string problem;
  const llvm::Target *known = llvm::TargetRegistry::lookupTarget(triple, problem);
  if (!known)
    return llvm::createStringError("LLVM makes no code for " + target.triple + ": " + problem);
  std::unique_ptr<llvm::TargetMachine> machine(
      known->createTargetMachine(triple, baseCpu(target.triple), llvmFeatures(target), optionsOf(module), llvm::Reloc::PIC_,
                                 llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
  return machine;
}

Expected<std::string> make(const std::string &bitcode, const TargetDesc &target, NativeForm form) {
  llvm::LLVMContext context;
  std::string problem;
  context.setDiagnosticHandler(std::make_unique<Collected>(problem));
  auto module = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "kernel"), context);
  if (!module)
    return module.takeError();
  auto machine = machineFor(**module, target);
  if (!machine)
    return machine.takeError();
  (*module)->setTargetTriple((*machine)->getTargetTriple());
  if ((*machine)->createDataLayout() != (*module)->getDataLayout())
    return llvm::createStringError("Halide and LLVM lay out data differently for " + target.triple);
  if (llvm::Error failed = adapt(**module, target))
    return failed;
  llvm::SmallString<0> out;
  llvm::raw_svector_ostream stream(out);
  if (form == NativeForm::IR) {
    (*module)->print(stream, nullptr);
    return out.str().str();
  }
  llvm::legacy::PassManager passes;
  const auto type =
      form == NativeForm::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, type))
    return llvm::createStringError("LLVM writes no such file for " + target.triple);
  passes.run(**module);
  if (!problem.empty())
    return llvm::createStringError(problem);
  return out.str().str();
}

} // namespace

Emitted lathe::compileBitcode(const std::string &bitcode, const TargetDesc &target, NativeForm form) {
  Expected<std::string> made = make(bitcode, target, form);
  if (!made)
    return {"", llvm::toString(made.takeError())};
  return {std::move(*made), ""};
}

