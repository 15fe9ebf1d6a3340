//===- Pipeline.cpp - the road from an input to a bundle ----------------------------------------------------------===//
#include "compiler/pipeline/Pipeline.h"
#include "compiler/pipeline/Stages.h"
#include "compiler/support/Error.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using llvm::Error;
using llvm::StringRef;

/// A stage's own forms, and what the backends show at it.
static std::vector<StringRef> formsOf(StringRef stage, std::vector<StringRef> forms) {
  for (const Backend *backend : backends())
    for (const Backend::Form &form : backend->forms)
      if (stage == form.stage && !llvm::is_contained(forms, form.name))
        forms.push_back(form.name);
  return forms;
}

llvm::ArrayRef<Stage> lathe::stages() {
  static const Stage all[] = {
      {"spec", stage::spec, stage::printSpec, formsOf("spec", {"textproto"})},
      {"import", stage::import, stage::printImport, formsOf("import", {"mlir"})},
      {"fusion", stage::fusion, stage::printFusion, formsOf("fusion", {"mlir"})},
      {"kernels", stage::kernels, stage::printKernels, formsOf("kernels", {"text"})},
      {"schedule", stage::schedule, stage::printSchedule, formsOf("schedule", {"text", "keys"})},
      {"object", stage::object, stage::printObject, formsOf("object", {"list"})},
      {"link", stage::link, stage::printLink, formsOf("link", {"text"})},
  };
  return all;
}

Error lathe::compile(Compilation &c, StringRef output, const std::function<Error(Compilation &)> &verify) {
  // Before any work, so that a wrong name costs no time.
  bool executable = !c.options.standalone.empty();
  auto staging = StagingFolder::create(output, executable ? StagingKind::Program : StagingKind::Folder);
  if (!staging)
    return staging.takeError();
  c.staging = std::move(*staging);
  llvm::scope_exit clear([&] { c.staging.reset(); }); // what was not committed goes
  for (const Stage &stage : stages())
    if (Error failed = stage.run(c))
      return failed;
  if (verify)
    if (Error failed = verify(c))
      return failed;
  if (executable)
    if (Error failed = writeExecutable(*c.staging, c.options.standalone))
      return failed;
  return c.staging->commit();
}

Error lathe::emit(Compilation &c, StringRef what, llvm::raw_ostream &out) {
  auto [name, form] = what.split(',');
  const Stage *wanted = llvm::find_if(stages(), [&, name = name](const Stage &stage) { return stage.name == name; });
  if (wanted == stages().end()) {
    auto names = llvm::map_range(stages(), [](const Stage &stage) { return stage.name; });
    return makeError("--emit={0}: there is no such stage; there are {1}", what, llvm::join(names, ", "));
  }
  if (form.empty())
    form = wanted->forms.front();
  if (!llvm::is_contained(wanted->forms, form))
    return makeError("--emit={0}: the stage {1} has the forms {2}", what, name, llvm::join(wanted->forms, ", "));
  for (const Stage *stage = stages().begin(); stage <= wanted; ++stage)
    if (Error failed = stage->run(c))
      return failed;
  return wanted->print(c, form, out);
}
