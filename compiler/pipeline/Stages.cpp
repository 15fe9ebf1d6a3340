//===- Stages.cpp - the stages, called --------------------------------------------------------------------------===//
#include "compiler/pipeline/Stages.h"
#include "compiler/dialect/Lathe.h"
#include "compiler/import/Import.h"
#include "compiler/kernels/Describe.h"
#include "compiler/object/Object.h"
#include "compiler/spec/tokenizer/TokenizerBlob.h"
#include "compiler/support/Error.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

/// Moves a result to where it belongs.
template <typename T> Error put(Expected<T> result, T &where) {
  if (!result)
    return result.takeError();
  where = std::move(*result);
  return Error::success();
}

void report(const Compilation &c, StringRef stage, uint64_t done, uint64_t total) {
  if (c.options.progress)
    c.options.progress(stage, done, total);
}

/// Each kernel in one of the backend's forms.
Error printForm(Compilation &c, StringRef stage, StringRef form, llvm::raw_ostream &out) {
  const Backend &backend = backendFor(c.target);
  auto wanted =
      llvm::find_if(backend.forms, [&](const Backend::Form &f) { return stage == f.stage && form == f.name; });
  assert(wanted != backend.forms.end() && "stages() lists the backends' forms");
  for (const Scheduled &kernel : c.schedule) {
    Expected<std::string> text = printKernel(backend, *wanted, kernel, c.target);
    if (!text)
      return text.takeError();
    out << (form == "ll" ? "; " : "# ") << kernel.symbol() << "\n" << *text << "\n";
  }
  return Error::success();
}

/// The first error that MLIR reports while this lives.
class FirstDiagnostic {
public:
  explicit FirstDiagnostic(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error && text.empty())
            text = llvm::formatv("{0}: {1}", diagnostic.getLocation(), diagnostic.str()).str();
          return mlir::success();
        }) {}
  std::string text;

private:
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace

Compilation::Compilation(std::string path, PipelineOptions options)
    : path(std::move(path)), options(std::move(options)), context(mlir::MLIRContext::Threading::DISABLED) {
  context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>();
}

//===-- spec ----------------------------------------------------------------------------------------------------===//

Error stage::spec(Compilation &c) {
  std::optional<TargetDesc> target = findTarget(c.options.target);
  if (!target) {
    std::vector<std::string> names = {"host"};
    for (const TargetDesc &known : targets())
      names.push_back(known.name);
    return makeError("--target {0} is not known; there are {1}", c.options.target, llvm::join(names, ", "));
  }
  c.target = *target;
  return put(readInput(c.path, c.options.input), c.input);
}

Error stage::printSpec(Compilation &c, StringRef, llvm::raw_ostream &out) {
  out << lathe::printSpec(c.input.model);
  return Error::success();
}

//===-- import, fusion ------------------------------------------------------------------------------------------===//

Error stage::import(Compilation &c) {
  return put(importModel(c.context, c.input.model, c.input.weights.get()), c.module);
}

Error stage::fusion(Compilation &c) {
  FirstDiagnostic diagnostic(c.context);
  mlir::PassManager passes(&c.context);
  buildFusionPipeline(passes, c.options.fusion);
  if (mlir::failed(passes.run(*c.module)))
    return makeError("{0}: fusion: {1}", c.path, diagnostic.text);
  return Error::success();
}

Error stage::printModule(Compilation &c, StringRef, llvm::raw_ostream &out) {
  c.module->print(out);
  out << "\n";
  return Error::success();
}

//===-- kernels, schedule ---------------------------------------------------------------------------------------===//

Error stage::kernels(Compilation &c) { return put(describe(*c.module, {.cache = c.options.cache}), c.set); }

Error stage::printKernels(Compilation &c, StringRef form, llvm::raw_ostream &out) {
  if (form != "text") {
    if (Error failed = stage::schedule(c)) // each kernel once
      return failed;
    return printForm(c, "kernels", form, out);
  }
  out << print(c.set);
  return Error::success();
}

Error stage::schedule(Compilation &c) {
  Expected<RecordBook> records = RecordBook::embedded();
  if (!records)
    return records.takeError();
  return put(scheduleProgram(c.set, backendFor(c.target), c.target, *records), c.schedule);
}

Error stage::printSchedule(Compilation &c, StringRef form, llvm::raw_ostream &out) {
  if (form == "keys") {
    out << printKeys(c.set);
    return Error::success();
  }
  if (form != "text")
    return printForm(c, "schedule", form, out);
  out << "target " << c.target.name << "\n" << print(c.schedule);
  return Error::success();
}

//===-- object --------------------------------------------------------------------------------------------------===//

Error stage::object(Compilation &c) {
  CompileOptions options;
  options.jobs = c.options.jobs;
  options.cacheDirectory = c.options.cacheDirectory;
  options.progress = [&](size_t done, size_t total, const std::string &) { report(c, "object", done, total); };
  Expected<CompiledCode> compiled = compileAll({backendFor(c.target), c.set, c.schedule, c.target}, options);
  if (!compiled)
    return compiled.takeError();
  if (!compiled->cacheProblem.empty())
    c.warnings.push_back("the kernel cache was not written: " + compiled->cacheProblem);
  c.units = std::move(compiled->units);
  c.kernels.resize(c.schedule.size());
  for (const CompiledUnit &one : c.units)
    for (auto [place, function] : llvm::zip_equal(one.unit.kernels, one.unit.functions))
      c.kernels[place] = {c.schedule[place].symbol(), c.schedule[place].tag, function};
  return Error::success();
}

Error stage::printObject(Compilation &c, StringRef form, llvm::raw_ostream &out) {
  if (form != "list")
    return printForm(c, "object", form, out);
  for (const CompiledUnit &one : c.units)
    for (size_t place : one.unit.kernels)
      out << llvm::formatv("{0,8} bytes  {1} ({2})\n", one.code.size(), c.kernels[place].symbol,
                           c.kernels[place].schedule);
  return Error::success();
}

//===-- link ----------------------------------------------------------------------------------------------------===//

Error stage::link(Compilation &c) {
  c.info = {c.input.model.name(), c.target.name, c.target.features, lathe::printSpec(c.input.model)};
  if (c.input.tokenizer)
    if (Error failed = put(buildTokenizerBlob(*c.input.tokenizer), c.tokenizer))
      return failed;
  if (!c.staging)
    return Error::success();
  if (!c.input.weights)
    return makeError("{0}: has no weights of its own; name some with --weights or make some with --random-weights",
                     c.path);
  PackOptions options;
  options.jobs = c.options.jobs;
  options.progress = [&](uint64_t done, uint64_t total) { report(c, "link", done, total); };
  std::vector<ObjectBytes> objects;
  for (const CompiledUnit &one : c.units)
    objects.push_back({one.unit.name, one.code});
  return writeBundle({c.set, c.kernels, objects, c.info, *c.input.weights, c.tokenizer}, *c.staging, options);
}

Error stage::printLink(Compilation &c, StringRef, llvm::raw_ostream &out) {
  return printBundle(c.set, c.kernels, c.info, c.tokenizer.size(), out);
}
