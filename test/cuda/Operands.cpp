//===- Operands.cpp - the decoder's registers, numbers, addresses and variables -----------------------------------===//
#include "test/cuda/Decoder.h"
#include "test/cuda/Lanes.h"
#include <algorithm>

namespace lathe::ptx {

static const std::map<std::string, Special> specialNames = {
    {"%tid.x", Special::TidX},
    {"%tid.y", Special::TidY},
    {"%tid.z", Special::TidZ},
    {"%tid", Special::TidX},
    {"%ntid", Special::NtidX},
    {"%ctaid", Special::CtaidX},
    {"%ntid.x", Special::NtidX},
    {"%ntid.y", Special::NtidY},
    {"%ntid.z", Special::NtidZ},
    {"%ctaid.x", Special::CtaidX},
    {"%ctaid.y", Special::CtaidY},
    {"%ctaid.z", Special::CtaidZ},
    {"%nctaid.x", Special::NctaidX},
    {"%nctaid.y", Special::NctaidY},
    {"%nctaid.z", Special::NctaidZ},
    {"%laneid", Special::LaneId},
    {"%warpid", Special::WarpId},
    {"%nwarpid", Special::NWarpId},
    {"%smid", Special::SmId},
    {"%nsmid", Special::NSmId},
    {"%gridid", Special::GridId},
    {"%lanemask_eq", Special::LaneMaskEq},
    {"%lanemask_le", Special::LaneMaskLe},
    {"%lanemask_lt", Special::LaneMaskLt},
    {"%lanemask_ge", Special::LaneMaskGe},
    {"%lanemask_gt", Special::LaneMaskGt},
    {"%dynamic_smem_size", Special::DynamicSharedBytes},
};

static uint64_t alignUp(uint64_t value, uint64_t align) { return (value + align - 1) / align * align; }

void Decoder::fail(const std::string &what) const {
  throw PtxError(current ? current->line : 0, "'" + (current ? current->text : program->name) + "': " + what);
}

void Decoder::only(std::initializer_list<std::string_view> known) const {
  for (size_t i = 1; i < current->parts.size(); ++i)
    if (std::find(known.begin(), known.end(), current->parts[i]) == known.end())
      fail("'." + current->parts[i] + "' is not known to the interpreter");
}

void Decoder::operands(size_t least, size_t most) const {
  if (current->operands.size() < least || current->operands.size() > most)
    fail("it has " + std::to_string(current->operands.size()) + " operands");
}

uint32_t Decoder::list(const std::vector<int32_t> &operands) {
  const uint32_t at = program->lists.size();
  program->lists.insert(program->lists.end(), operands.begin(), operands.end());
  return at;
}

int32_t Decoder::temporary(unsigned bytes) {
  const int32_t slot = program->registerBytes;
  program->registerBytes += warpSize * (bytes == 8 ? 8 : 4);
  return slot;
}

int32_t Decoder::constant(uint64_t bits, unsigned bytes) {
  if (bytes < 8)
    bits &= (uint64_t(1) << 8 * bytes) - 1;
  const unsigned wide = bytes == 8;
  const auto [found, fresh] = constantSlots.try_emplace({bits, wide}, 0);
  if (fresh) {
    found->second = ~int32_t(program->constants.size() * 8);
    program->constants.insert(program->constants.end(), wide ? warpSize : warpSize / 2,
                              wide ? bits : bits << 32 | bits);
  }
  return found->second;
}

/// Bytes of a register's slot: 8, 4, or 0 of a predicate.
static unsigned slotBytes(const std::string &type) {
  const unsigned bytes = typeBytes(type);
  return type == "pred" ? 0 : bytes == 8 ? 8 : bytes == 16 ? 16 : 4;
}

int32_t Decoder::registerSlot(const std::string &name, unsigned bytes) {
  const auto declared = frame->function->registers.find(name);
  if (declared == frame->function->registers.end())
    fail("the register '" + name + "' is not declared");
  const unsigned has = slotBytes(declared->second), wants = bytes == 0 ? 0 : bytes == 8 ? 8 : 4;
  if (has != wants)
    fail("the register '" + name + "' is a ." + declared->second);
  const auto [found, fresh] = frame->slots.try_emplace(name, 0);
  if (fresh)
    found->second = bytes ? temporary(bytes) : int32_t(program->predicates++);
  return found->second;
}

int32_t Decoder::specialSlot(const std::string &name, unsigned bytes) {
  const auto known = specialNames.find(name);
  if (known == specialNames.end())
    fail("the register '" + name + "' is not known");
  const unsigned width = bytes == 8 ? 8 : 4;
  const auto [found, fresh] = specialSlots.try_emplace({known->second, width}, 0);
  if (fresh) {
    found->second = temporary(width);
    program->specials.push_back({known->second, found->second, width == 8});
  }
  return found->second;
}

bool Decoder::isWide(const PtxOperand &operand) {
  const auto found = frame->function->registers.find(operand.name);
  return operand.kind == PtxOperand::Register && found != frame->function->registers.end() &&
         slotBytes(found->second) == 8;
}

bool Decoder::isPredicate(const PtxOperand &operand) {
  const auto found = frame->function->registers.find(operand.name);
  return operand.kind == PtxOperand::Register && found != frame->function->registers.end() && found->second == "pred";
}

int32_t Decoder::source(const PtxOperand &operand, unsigned bytes) {
  uint64_t bits = operand.bits;
  switch (operand.kind) {
  case PtxOperand::Register: {
    if (!frame->function->registers.count(operand.name))
      return specialSlot(operand.name, bytes);
    return registerSlot(operand.name, bytes);
  }
  case PtxOperand::Integer:
    return constant(bits, bytes);
  case PtxOperand::Single:
    return constant(bytes == 8 ? std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(bits)))) : bits, bytes);
  case PtxOperand::Double:
    return constant(bytes == 8 ? bits : std::bit_cast<uint32_t>(float(std::bit_cast<double>(bits))), bytes);
  case PtxOperand::Symbol: {
    const std::optional<Place> variable = place(operand.name);
    if (!variable)
      fail("'" + operand.name + "' is not there");
    return constant(variable->address + operand.offset, bytes);
  }
  default:
    fail("an operand is of a kind that is not read here");
  }
}

int32_t Decoder::lowSource(const PtxOperand &operand, unsigned bytes) {
  if (bytes == 8 || !isWide(operand))
    return source(operand, bytes);
  Inst narrow;
  narrow.a = registerSlot(operand.name, 8);
  narrow.d = temporary(4);
  narrow.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
    unary<uint32_t, uint64_t>(warp, inst, mask, [](uint64_t a) { return static_cast<uint32_t>(a); });
  };
  emit(narrow);
  return narrow.d;
}

int32_t Decoder::target(const PtxOperand &operand, unsigned bytes) {
  if (operand.kind == PtxOperand::Register)
    return registerSlot(operand.name, bytes);
  if (operand.kind != PtxOperand::Sink)
    fail("an operand that is written is no register");
  const auto [found, fresh] = sinks.try_emplace(bytes == 8 ? 8 : 4, 0);
  if (fresh)
    found->second = temporary(bytes);
  return found->second;
}

int32_t Decoder::predicate(const PtxOperand &operand) {
  if (operand.kind == PtxOperand::Integer)
    return operand.bits ? 0 : 1;
  if (operand.kind != PtxOperand::Register)
    fail("an operand is no predicate");
  return registerSlot(operand.name, 0);
}

int32_t Decoder::predicateTarget(const PtxOperand &operand) {
  if (operand.kind == PtxOperand::Sink)
    return program->predicates++;
  return predicate(operand);
}

void Decoder::address(const PtxOperand &operand, Inst &inst) {
  if (operand.kind != PtxOperand::Address || operand.parts.size() != 1)
    fail("an address is missing");
  const PtxOperand &base = operand.parts[0];
  inst.imm = operand.offset;
  inst.mode[0] = base.kind != PtxOperand::Register || isWide(base);
  inst.a = source(base, inst.mode[0] ? 8 : 4);
}

int32_t Decoder::wideAddress(const PtxOperand &operand) {
  Inst inst;
  address(operand, inst);
  if (inst.mode[0] && inst.imm == 0)
    return inst.a;
  inst.d = temporary(8);
  inst.run = [](Warp &warp, const Inst &inst, uint32_t mask) {
    uint64_t out[warpSize];
    warp.addresses(inst, out);
    writeLanes(warp.lanes<uint64_t>(inst.d), out, mask);
  };
  emit(inst);
  return inst.d;
}

Space Decoder::parameterSpace(const PtxOperand &address) {
  const std::optional<Place> variable =
      address.parts[0].kind == PtxOperand::Symbol ? place(address.parts[0].name) : std::nullopt;
  return variable ? variable->space : parameterSpace();
}

uint64_t Decoder::allocateLocal(const PtxVariable &variable) {
  program->localBytes = alignUp(program->localBytes, std::max<uint64_t>(variable.align, 8));
  const uint64_t at = program->localBytes;
  program->localBytes += std::max<uint64_t>(variable.size, 1);
  program->localBytes = alignUp(program->localBytes, 16);
  return at;
}

std::optional<Decoder::Place> Decoder::place(const std::string &name) {
  const PtxFunction &function = *frame->function;
  for (unsigned scope = current->scope;; scope = function.scopes[scope].parent) {
    const auto found = function.scopes[scope].variables.find(name);
    if (found != function.scopes[scope].variables.end()) {
      if (found->second.space == "shared")
        return Place{Space::Shared, sharedPlaces.at({&function, name})};
      const auto [known, fresh] = frame->variables.try_emplace({scope, name}, Place{Space::Local, 0});
      if (fresh)
        known->second.address = allocateLocal(found->second);
      return known->second;
    }
    if (scope == 0)
      break;
  }
  if (const auto found = frame->parameters.find(name); found != frame->parameters.end())
    return found->second;
  if (const auto found = sharedPlaces.find({nullptr, name}); found != sharedPlaces.end())
    return Place{Space::Shared, found->second};
  if (const auto found = addresses.find(name); found != addresses.end())
    return Place{Space::Global, found->second};
  return std::nullopt;
}

} // namespace lathe::ptx
