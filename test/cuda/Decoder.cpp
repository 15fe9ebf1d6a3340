//===- Decoder.cpp - functions, labels and calls ------------------------------------------------------------------===//
#include "test/cuda/Decoder.h"
#include <algorithm>

namespace lathe::ptx {

static constexpr Family families[] = {decodeMove,      decodeCompare, decodeInteger, decodeBits,   decodeFloat,
                                      decodeHalfFloat, decodeConvert, decodeMemory,  decodeAtomic, decodeBulk,
                                      decodeCopy,      decodeWarp,    decodeMatrix};
static constexpr unsigned callDepth = 16;

static uint64_t alignUp(uint64_t value, uint64_t align) { return (value + align - 1) / align * align; }

std::unique_ptr<Program> Decoder::decode(const PtxFunction &entry) {
  program = std::make_unique<Program>();
  program->name = entry.name;
  if (entry.maxThreads)
    program->maxThreads = entry.maxThreads;
  program->exactThreads = entry.exactThreads;
  std::copy(entry.threads, entry.threads + 3, program->threads);
  Frame outer;
  outer.function = &entry;
  uint64_t offset = 0;
  for (const PtxVariable &parameter : entry.parameters) {
    offset = alignUp(offset, parameter.align);
    outer.parameters[parameter.name] = {Space::Param, offset};
    program->parameters.push_back({uint32_t(offset), uint32_t(parameter.size)});
    offset += parameter.size;
  }
  program->parameterBytes = offset;
  layOutShared(entry, 0);
  // Dynamic shared memory begins after all static, for every symbol of no size.
  uint64_t align = 16;
  for (const PtxVariable &variable : module.variables)
    if (variable.space == "shared" && variable.unsized)
      align = std::max(align, variable.align);
  program->staticSharedBytes = program->sharedBytes;
  program->sharedBytes = alignUp(program->sharedBytes, align);
  for (const PtxVariable &variable : module.variables)
    if (variable.space == "shared" && variable.unsized)
      sharedPlaces[{nullptr, variable.name}] = sharedReserved + program->sharedBytes;
  frame = &outer;
  decodeBody(outer);
  current = nullptr;
  guard = guardFlip = 0;
  Inst end;
  end.flow = Flow::Exit;
  emit(end);
  return std::move(program);
}

/// Places the static shared variables of a function and of those it calls.
void Decoder::layOutShared(const PtxFunction &function, unsigned level) {
  if (level > callDepth)
    return;
  const auto put = [&](const PtxFunction *owner, const PtxVariable &variable) {
    if (sharedPlaces.count({owner, variable.name}))
      return;
    program->sharedBytes = alignUp(program->sharedBytes, variable.align);
    sharedPlaces[{owner, variable.name}] = sharedReserved + program->sharedBytes;
    program->sharedBytes += variable.size;
  };
  for (const PtxScope &scope : function.scopes)
    for (const auto &[name, variable] : scope.variables)
      if (variable.space == "shared") {
        if (variable.unsized)
          throw PtxError(variable.line, "shared memory of no size within a function is at nobody's address");
        put(&function, variable);
      }
  const auto visit = [&](const auto &self, const PtxOperand &operand) -> void {
    if (operand.kind == PtxOperand::Symbol) {
      for (const PtxVariable &variable : module.variables)
        if (variable.name == operand.name && variable.space == "shared" && !variable.unsized)
          put(nullptr, variable);
      if (const PtxFunction *called = module.function(operand.name))
        layOutShared(*called, level + 1);
    }
    for (const PtxOperand &part : operand.parts)
      self(self, part);
  };
  for (const PtxInstruction &instruction : function.body)
    for (const PtxOperand &operand : instruction.operands)
      visit(visit, operand);
}

void Decoder::decodeBody(Frame &body) {
  const PtxFunction &function = *body.function;
  std::vector<uint32_t> starts;
  std::vector<Fixup> fixups;
  std::vector<size_t> returns;
  for (const PtxInstruction &ptx : function.body) {
    starts.push_back(program->code.size());
    current = &ptx;
    guard = ptx.guard.empty() ? 0 : registerSlot(ptx.guard, 0);
    guardFlip = ptx.guardNegated ? allLanes : 0;
    Inst inst;
    if (!decodeFlow(ptx, inst, fixups, returns))
      decodeInstruction(ptx);
  }
  starts.push_back(program->code.size());
  for (const Fixup &fixup : fixups) {
    const uint32_t to = starts[labelOf(function, fixup.scope, fixup.label, function.line)];
    if (fixup.inList)
      program->lists[fixup.at] = to;
    else
      program->code[fixup.at].target = to;
  }
  for (size_t at : returns)
    program->code[at].target = program->code.size();
}

void Decoder::decodeInstruction(const PtxInstruction &ptx) {
  for (Family family : families) {
    Inst inst;
    if (family(*this, ptx, inst)) {
      emit(inst);
      return;
    }
  }
  fail("the instruction is not known to the interpreter");
}

bool Decoder::decodeFlow(const PtxInstruction &ptx, Inst &inst, std::vector<Fixup> &fixups,
                         std::vector<size_t> &returns) {
  const std::string &op = ptx.parts[0];
  if (op == "bra") {
    only({"uni"});
    operands(1, 1);
    fixups.push_back({program->code.size(), ptx.scope, ptx.operands[0].name, false});
    inst.flow = Flow::Branch;
    emit(inst);
  } else if (op == "brx") {
    only({"idx", "uni"});
    operands(2, 2);
    const std::vector<std::string> *table = nullptr;
    for (unsigned scope = ptx.scope;; scope = frame->function->scopes[scope].parent) {
      const auto &tables = frame->function->scopes[scope].tables;
      if (const auto found = tables.find(ptx.operands[1].name); found != tables.end())
        table = &found->second;
      if (table || scope == 0)
        break;
    }
    if (!table)
      fail("its table of targets is not there");
    inst.a = source(ptx.operands[0], 4);
    inst.imm = table->size();
    inst.list = list(std::vector<int32_t>(table->size()));
    for (size_t i = 0; i < table->size(); ++i)
      fixups.push_back({inst.list + i, ptx.scope, (*table)[i], true});
    inst.flow = Flow::BranchIndexed;
    emit(inst);
  } else if (op == "call") {
    decodeCall(ptx, inst);
  } else if (op == "ret" && depth) {
    only({"uni"});
    returns.push_back(program->code.size());
    inst.flow = Flow::Branch;
    emit(inst);
  } else if (op == "ret" || op == "exit" || op == "trap") {
    only({"uni"});
    operands(0, 0);
    inst.flow = op == "trap" ? Flow::Trap : Flow::Exit;
    emit(inst);
  } else {
    return false;
  }
  return true;
}

/// call.uni (results), function, (parameters): the function's body, with its parameters bound to the caller's
/// variables.
void Decoder::decodeCall(const PtxInstruction &ptx, const Inst &) {
  only({"uni"});
  size_t at = 0;
  std::vector<PtxOperand> results, parameters;
  if (ptx.operands.size() > at && ptx.operands[at].kind == PtxOperand::Vector)
    results = ptx.operands[at++].parts;
  const PtxFunction *called = ptx.operands.size() > at ? module.function(ptx.operands[at].name) : nullptr;
  if (!called || !called->defined)
    fail("only functions of the module can be called");
  if (ptx.operands.size() > ++at && ptx.operands[at].kind == PtxOperand::Vector)
    parameters = ptx.operands[at].parts;
  if (results.size() != called->results.size() || parameters.size() != called->parameters.size())
    fail("'" + called->name + "' takes other operands");
  if (depth >= callDepth)
    fail("calls are nested too deep, or recursive");
  Frame inner;
  inner.function = called;
  const auto bind = [&](const std::vector<PtxVariable> &names, const std::vector<PtxOperand> &given) {
    for (size_t i = 0; i < names.size(); ++i) {
      const std::optional<Place> variable = place(given[i].name);
      if (!variable || variable->space != Space::Local)
        fail("'" + given[i].name + "' is not a parameter variable of this call");
      inner.parameters[names[i].name] = *variable;
    }
  };
  bind(called->results, results);
  bind(called->parameters, parameters);
  std::optional<size_t> skip;
  if (guard || guardFlip) { // lanes without the predicate go around
    skip = program->code.size();
    guardFlip = ~guardFlip;
    Inst around;
    around.flow = Flow::Branch;
    emit(around);
  }
  Frame *outer = frame;
  frame = &inner;
  ++depth;
  decodeBody(inner);
  --depth;
  frame = outer;
  current = &ptx;
  if (skip)
    program->code[*skip].target = program->code.size();
}

uint32_t Decoder::labelOf(const PtxFunction &function, unsigned scope, const std::string &label, unsigned line) const {
  for (;; scope = function.scopes[scope].parent) {
    const auto &labels = function.scopes[scope].labels;
    if (const auto found = labels.find(label); found != labels.end())
      return found->second;
    if (scope == 0)
      throw PtxError(line, "the label '" + label + "' is not there");
  }
}

void Decoder::emit(Inst inst) {
  inst.guard = guard;
  inst.guardFlip = guardFlip;
  inst.line = current ? current->line : 0;
  program->code.push_back(inst);
  program->text.push_back(current ? current->text : "the end of the kernel");
}

} // namespace lathe::ptx
