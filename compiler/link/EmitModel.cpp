//===- EmitModel.cpp - the tables as LLVM constants, then as an object file --------------------------------------===//
#include "compiler/link/EmitModel.h"
#include "compiler/target/Llvm.h"
#include "compiler/target/Target.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include <cstddef>

using namespace lathe;
using llvm::Constant;
using llvm::GlobalVariable;

namespace {

/// A pointer within a struct of the tables, and what it points to in the i-th of them.
struct Pointer {
  size_t offset;
  std::function<Constant *(size_t i)> target;
};

/// A struct becomes a packed LLVM struct that alternates runs of bytes with pointers. So the layout is the C
/// compiler's, and no field is named twice.
class TableModule {
public:
  TableModule() : module("lathe_model", context) {}

  template <typename Struct>
  GlobalVariable *array(llvm::StringRef name, llvm::ArrayRef<Struct> values, llvm::ArrayRef<Pointer> pointers) {
    std::vector<Constant *> elements;
    for (size_t i = 0; i < values.size(); ++i)
      elements.push_back(record(reinterpret_cast<const char *>(&values[i]), sizeof(Struct), pointers, i));
    llvm::Type *element = elements.empty() ? llvm::Type::getInt8Ty(context) : elements.front()->getType();
    auto *type = llvm::ArrayType::get(element, elements.size());
    return global(name, llvm::ConstantArray::get(type, elements));
  }

  /// Null for none.
  Constant *text(const char *value) {
    if (!value)
      return llvm::ConstantPointerNull::get(llvm::PointerType::get(context, 0));
    auto [known, added] = texts.try_emplace(value, nullptr);
    if (added)
      known->second = global("text", llvm::ConstantDataArray::getString(context, value), 1);
    return known->second;
  }

  Constant *bytes(llvm::StringRef value) {
    return global("image", llvm::ConstantDataArray::getString(context, value, /*AddNull=*/false));
  }

  /// Null for no name.
  Constant *function(llvm::StringRef name) {
    if (name.empty())
      return llvm::ConstantPointerNull::get(llvm::PointerType::get(context, 0));
    auto *type = llvm::FunctionType::get(llvm::Type::getInt32Ty(context), {llvm::PointerType::get(context, 0)}, false);
    auto *callee = llvm::cast<llvm::Function>(module.getOrInsertFunction(name, type).getCallee());
    // In this very library: no indirection through a symbol that another library could take over.
    callee->setVisibility(llvm::GlobalValue::HiddenVisibility);
    callee->setDSOLocal(true);
    return callee;
  }

  llvm::LLVMContext context;
  llvm::Module module;

private:
  Constant *record(const char *bytes, size_t size, llvm::ArrayRef<Pointer> pointers, size_t index) {
    std::vector<Constant *> parts;
    size_t done = 0;
    auto plain = [&](size_t end) {
      if (end > done)
        parts.push_back(
            llvm::ConstantDataArray::getRaw({bytes + done, end - done}, end - done, llvm::Type::getInt8Ty(context)));
      done = end;
    };
    for (const Pointer &pointer : pointers) {
      plain(pointer.offset);
      parts.push_back(pointer.target(index));
      done += sizeof(void *);
    }
    plain(size);
    return llvm::ConstantStruct::getAnon(context, parts, /*Packed=*/true);
  }

  GlobalVariable *global(llvm::StringRef name, Constant *value, uint64_t alignment = 64) {
    auto *variable =
        new GlobalVariable(module, value->getType(), /*isConstant=*/true, GlobalVariable::PrivateLinkage, value, name);
    variable->setAlignment(llvm::Align(alignment));
    return variable;
  }

  llvm::StringMap<Constant *> texts;
};

Pointer at(size_t offset, Constant *target) {
  return {offset, [target](size_t) { return target; }};
}

/// The pointers of the i-th variant, in the order of its fields.
std::vector<Pointer> variantPointers(TableModule &out, const ModelTables &tables) {
  std::vector<std::vector<Pointer>> all;
  const lathe_model &model = tables.model();
  for (uint32_t v = 0; v < model.n_variants; ++v) {
    const lathe_variant &variant = model.variants[v];
    auto text = [&](const char *value) { return out.text(value); };
    auto *programs = out.array<lathe_program>(
        "programs", {variant.programs, variant.n_programs},
        {{offsetof(lathe_program, name), [&](size_t i) { return text(variant.programs[i].name); }}});
    auto *phases =
        out.array<lathe_phase>("phases", {variant.phases, variant.n_phases},
                               {{offsetof(lathe_phase, name), [&](size_t i) { return text(variant.phases[i].name); }},
                                {offsetof(lathe_phase, launch) + offsetof(lathe_launch, entry),
                                 [&](size_t i) { return text(variant.phases[i].launch.entry); }}});
    auto *calls = out.array<lathe_call>("calls", {variant.calls, variant.n_calls}, {});
    auto *views = out.array<lathe_view>("views", {variant.views, variant.n_views}, {});
    auto *dims = out.array<lathe_dim>("dims", {variant.dims, variant.n_dims}, {});
    auto *kernels = out.array<lathe_kernel>(
        "kernels", {variant.kernels, variant.n_kernels},
        {{offsetof(lathe_kernel, symbol), [&](size_t i) { return text(variant.kernels[i].symbol); }},
         {offsetof(lathe_kernel, schedule), [&](size_t i) { return text(variant.kernels[i].schedule); }},
         {offsetof(lathe_kernel, function), [&](size_t i) { return out.function(tables.functions(v)[i]); }}});
    auto *units =
        out.array<lathe_unit>("units", {variant.units, variant.n_units},
                              {{offsetof(lathe_unit, name), [&](size_t i) { return text(variant.units[i].name); }},
                               {offsetof(lathe_unit, image), [&](size_t i) {
                                  const lathe_unit &unit = variant.units[i];
                                  return out.bytes({static_cast<const char *>(unit.image), unit.image_bytes});
                                }}});
    all.push_back({at(offsetof(lathe_variant, target), text(variant.target)),
                   at(offsetof(lathe_variant, plan), text(variant.plan)),
                   at(offsetof(lathe_variant, programs), programs), at(offsetof(lathe_variant, phases), phases),
                   at(offsetof(lathe_variant, calls), calls), at(offsetof(lathe_variant, views), views),
                   at(offsetof(lathe_variant, dims), dims), at(offsetof(lathe_variant, kernels), kernels),
                   at(offsetof(lathe_variant, units), units)});
  }
  std::vector<Pointer> pointers;
  for (size_t field = 0; field < all.front().size(); ++field)
    pointers.push_back({all.front()[field].offset, [all, field](size_t v) { return all[v][field].target(v); }});
  return pointers;
}

void fill(TableModule &out, const ModelTables &tables) {
  const lathe_model &model = tables.model();
  auto text = [&](const char *value) { return out.text(value); };
  auto *variants =
      out.array<lathe_variant>("variants", {model.variants, model.n_variants}, variantPointers(out, tables));
  auto *weights = out.array<lathe_weight>(
      "weights", {model.weights, model.n_weights},
      {{offsetof(lathe_weight, name), [&](size_t i) { return text(model.weights[i].name); }},
       {offsetof(lathe_weight, roles), [&](size_t i) { return text(model.weights[i].roles); }},
       {offsetof(lathe_weight, format), [&](size_t i) { return text(model.weights[i].format); }},
       {offsetof(lathe_weight, packing), [&](size_t i) { return text(model.weights[i].packing); }}});
  auto *root = out.array<lathe_model>(
      LATHE_MODEL_SYMBOL, {&model, 1},
      {at(offsetof(lathe_model, name), text(model.name)), at(offsetof(lathe_model, spec), text(model.spec)),
       at(offsetof(lathe_model, variants), variants), at(offsetof(lathe_model, weights), weights)});
  root->setLinkage(llvm::GlobalValue::ExternalLinkage);
}

} // namespace

std::string lathe::emitTables(const ModelTables &tables, llvm::StringRef name) {
  registerLlvmTargets();
  const llvm::Triple triple(name);
  std::string problem;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, problem);
  assert(target && "registered above");
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, baseCpu(name), "", llvm::TargetOptions(), llvm::Reloc::PIC_));

  TableModule out;
  out.module.setTargetTriple(triple);
  out.module.setDataLayout(machine->createDataLayout());
  fill(out, tables);
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  bool none = machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile);
  assert(!none && "registered targets have object files");
  (void)none;
  passes.run(out.module);
  return object.str().str();
}
