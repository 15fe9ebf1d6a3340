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

const Backend &backendOf(const Compilation &c, const Variant &variant) {
  return c.options.backend ? *c.options.backend : backendFor(variant.target);
}

/// Where there are several targets, which one's print follows.
void announce(const Compilation &c, const Variant &variant, StringRef comment, llvm::raw_ostream &out) {
  if (c.variants.size() > 1)
    out << comment << " target " << variant.target.name << "\n";
}

/// Prints each variant.
Error eachVariant(Compilation &c, llvm::raw_ostream &out, StringRef comment,
                  llvm::function_ref<Error(Variant &)> print) {
  for (Variant &variant : c.variants) {
    announce(c, variant, comment, out);
    if (Error failed = print(variant))
      return failed;
  }
  return Error::success();
}

/// What a backend shows at the stage; null where it has no such form.
const Backend::Form *findForm(const Backend &backend, StringRef stage, StringRef form) {
  auto found = llvm::find_if(backend.forms, [&](const Backend::Form &f) { return stage == f.stage && form == f.name; });
  return found == backend.forms.end() ? nullptr : &*found;
}

/// The code of each variant in one of its backend's forms.
Error printCode(Compilation &c, StringRef stage, StringRef form, llvm::raw_ostream &out) {
  for (Variant &variant : c.variants) {
    const Backend &backend = backendOf(c, variant);
    const Backend::Form *wanted = findForm(backend, stage, form);
    if (!wanted)
      return makeError("--emit={0},{1}: the code for {2} has no such form", stage, form, variant.target.name);
    announce(c, variant, wanted->comment, out);
    if (Error failed = printForm({backend, variant.set, variant.schedule, variant.target}, *wanted, out))
      return failed;
  }
  return Error::success();
}

} // namespace

Expected<std::vector<TargetDesc>> lathe::parseTargets(StringRef names) {
  std::vector<TargetDesc> chosen;
  for (StringRef name : llvm::split(names, ',')) {
    std::optional<TargetDesc> target = findTarget(name.str());
    if (!target) {
      std::vector<std::string> known = {"host"};
      for (const TargetDesc &one : targets())
        known.push_back(one.name);
      return makeError("--target {0} is not known; there are {1}", name, llvm::join(known, ", "));
    }
    for (const TargetDesc &one : chosen)
      if (one.device == DeviceKind::Cpu && target->device == DeviceKind::Cpu && one.triple != target->triple)
        return makeError("--target {0}: {1} is for another kind of processor than {2}, and a bundle is for one", names,
                         target->name, one.name);
    if (llvm::none_of(chosen,
                      [&](const TargetDesc &one) { return one.name == target->name; })) // host may be another one
      chosen.push_back(*target);
  }
  auto rank = [](const TargetDesc &wanted) {
    return llvm::find_if(targets(), [&](const TargetDesc &one) { return one.name == wanted.name; }) - targets().begin();
  };
  llvm::sort(chosen, [&](const TargetDesc &a, const TargetDesc &b) { return rank(a) > rank(b); });
  return chosen;
}

Compilation::Compilation(std::string path, PipelineOptions options)
    : path(std::move(path)), options(std::move(options)), context(mlir::MLIRContext::Threading::DISABLED) {
  context.loadDialect<ir::LatheDialect, mlir::func::FuncDialect>();
}

//===-- spec ----------------------------------------------------------------------------------------------------===//

Error stage::spec(Compilation &c) { return put(readInput(c.path, c.options.input), c.input); }

Error stage::printSpec(Compilation &c, StringRef, llvm::raw_ostream &out) {
  out << lathe::printSpec(c.input.model);
  return Error::success();
}

//===-- import, fusion ------------------------------------------------------------------------------------------===//

Error stage::import(Compilation &c) {
  return put(importModel(c.context, c.input.model, c.input.weights.get()), c.module);
}

Error stage::printImport(Compilation &c, StringRef, llvm::raw_ostream &out) {
  c.module->print(out);
  out << "\n";
  return Error::success();
}

Error stage::fusion(Compilation &c) {
  for (const TargetDesc &target : c.options.targets) {
    Variant &variant = c.variants.emplace_back();
    variant.target = target;
    variant.module = c.module->clone();
    FusionOptions plan = backendOf(c, variant).plan(target);
    plan.sequences = c.options.sequences ? c.options.sequences : plan.sequences;
    plan.activations = c.options.activations.value_or(plan.activations);
    if (Error failed = fuse(*variant.module, plan))
      return makeError("{0}: fusion: {1}", c.path, llvm::toString(std::move(failed)));
  }
  return Error::success();
}

Error stage::printFusion(Compilation &c, StringRef, llvm::raw_ostream &out) {
  return eachVariant(c, out, "//", [&](Variant &variant) -> Error {
    variant.module->print(out);
    out << "\n";
    return Error::success();
  });
}

//===-- kernels, schedule ---------------------------------------------------------------------------------------===//

Error stage::kernels(Compilation &c) {
  for (Variant &variant : c.variants)
    if (Error failed = put(describe(*variant.module, {.cache = c.options.cache}), variant.set))
      return failed;
  return Error::success();
}

Error stage::printKernels(Compilation &c, StringRef form, llvm::raw_ostream &out) {
  if (form != "text") {
    if (Error failed = stage::schedule(c)) // each kernel once
      return failed;
    return printCode(c, "kernels", form, out);
  }
  return eachVariant(c, out, "#", [&](Variant &variant) -> Error {
    out << print(variant.set);
    return Error::success();
  });
}

Error stage::schedule(Compilation &c) {
  Expected<RecordBook> records = RecordBook::embedded();
  if (!records)
    return records.takeError();
  for (const std::string &file : c.options.schedules)
    if (Error wrong = records->addFile(file))
      return wrong;
  for (Variant &variant : c.variants)
    if (Error failed =
            put(scheduleProgram(variant.set, backendOf(c, variant), variant.target, *records), variant.schedule))
      return failed;
  return Error::success();
}

Error stage::printSchedule(Compilation &c, StringRef form, llvm::raw_ostream &out) {
  if (form != "text" && form != "keys")
    return printCode(c, "schedule", form, out);
  for (const Variant &variant : c.variants)
    out << "target " << variant.target.name << "\n"
        << (form == "keys" ? printKeys(variant.set) : print(variant.schedule));
  return Error::success();
}

//===-- object --------------------------------------------------------------------------------------------------===//

std::vector<LinkedKernel> lathe::linkedKernels(llvm::ArrayRef<Scheduled> schedule, llvm::ArrayRef<CompiledUnit> units) {
  std::vector<LinkedKernel> kernels;
  for (const Scheduled &scheduled : schedule)
    kernels.push_back({scheduled.symbol(), scheduled.tag, ""});
  for (const CompiledUnit &one : units)
    for (auto [place, function] : llvm::zip(one.unit.kernels, one.unit.functions))
      kernels[place].function = function;
  return kernels;
}

Error stage::object(Compilation &c) {
  size_t before = 0, total = 0;
  for (const Variant &variant : c.variants)
    total += variant.schedule.size();
  for (Variant &variant : c.variants) {
    CompileOptions options;
    options.jobs = c.options.jobs;
    options.cacheDirectory = c.options.cacheDirectory;
    options.progress = [&](size_t done, size_t, const std::string &) { report(c, "object", before + done, total); };
    const CompileInput input{backendOf(c, variant), variant.set, variant.schedule, variant.target};
    Expected<CompiledCode> compiled = compileAll(input, options);
    if (!compiled)
      return compiled.takeError();
    if (!compiled->cacheProblem.empty() && c.warnings.empty())
      c.warnings.push_back("the kernel cache was not written: " + compiled->cacheProblem);
    before += variant.schedule.size();
    variant.units = std::move(compiled->units);
    variant.kernels = linkedKernels(variant.schedule, variant.units);
    if (input.backend.launch)
      for (Program &program : variant.set.programs)
        for (Phase &phase : program.phases)
          phase.launch = input.backend.launch(phase, variant.schedule, variant.target);
  }
  return Error::success();
}

Error stage::printObject(Compilation &c, StringRef form, llvm::raw_ostream &out) {
  if (form != "list")
    return printCode(c, "object", form, out);
  return eachVariant(c, out, "#", [&](Variant &variant) -> Error {
    const Backend &backend = backendOf(c, variant);
    if (const Backend::Form *own = findForm(backend, "object", form))
      return printForm({backend, variant.set, variant.schedule, variant.target}, *own, out);
    for (const CompiledUnit &one : variant.units)
      for (size_t place : one.unit.kernels)
        out << llvm::formatv("{0,8} bytes  {1} ({2})\n", one.code.size(), variant.kernels[place].symbol,
                             variant.kernels[place].schedule);
    return Error::success();
  });
}

//===-- link ----------------------------------------------------------------------------------------------------===//

static std::vector<LinkedVariant> linkedVariants(const Compilation &c) {
  std::vector<LinkedVariant> linked;
  for (const Variant &variant : c.variants) {
    LinkedVariant &added = linked.emplace_back(LinkedVariant{&variant.set, variant.target, variant.kernels});
    for (const CompiledUnit &one : variant.units)
      if (one.unit.program)
        added.units.push_back({one.unit.name, *one.unit.program, one.unit.kind, one.code});
  }
  return linked;
}

Error stage::link(Compilation &c) {
  c.info = {c.input.model.name(), lathe::printSpec(c.input.model)};
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
  for (const Variant &variant : c.variants)
    for (const CompiledUnit &one : variant.units)
      if (!one.unit.program)
        objects.push_back({one.unit.name, one.code});
  return writeBundle({linkedVariants(c), objects, c.info, *c.input.weights, c.tokenizer, c.options.programOnly},
                     *c.staging, options);
}

Error stage::printLink(Compilation &c, StringRef, llvm::raw_ostream &out) {
  return printBundle(linkedVariants(c), c.info, c.tokenizer.size(), out);
}
