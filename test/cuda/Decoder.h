//===- Decoder.h - PtxFunction -> Program ---------------------------------------------------------------*- C++ -*-===//
//
// The decoder gives registers their slots, variables their addresses, and asks the families of instructions in turn
// which of them knows an opcode. Whatever none knows, to the last modifier, is an error of the module's load.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_DECODER_H
#define LATHE_TEST_CUDA_DECODER_H

#include "test/cuda/Program.h"
#include "test/cuda/Ptx.h"
#include <initializer_list>
#include <optional>

namespace lathe::ptx {

inline constexpr unsigned simulatedProcessors = 132;
/// In Inst::target of Flow::Together: all 32 lanes, rather than those that an operand names.
inline constexpr uint32_t wholeWarp = 0x7FFFFFFF;

enum class Space : uint8_t { Generic, Global, Shared, Local, Param };

class Decoder {
public:
  /// `addresses`: of the module's variables in .global and .const.
  Decoder(const PtxModule &module, const std::map<std::string, uint64_t> &addresses)
      : module(module), addresses(addresses) {}
  /// Throws PtxError.
  std::unique_ptr<Program> decode(const PtxFunction &entry);

  // What the families of instructions use, of the instruction at hand.

  /// An operand that is read, `bytes` wide: a register, a special one, a number or the address of a variable.
  int32_t source(const PtxOperand &operand, unsigned bytes);
  /// The same where a 64-bit register may stand for its low half, as in cvt.s64.s8.
  int32_t lowSource(const PtxOperand &operand, unsigned bytes);
  /// A register that is written; _ is nobody's.
  int32_t target(const PtxOperand &operand, unsigned bytes);
  int32_t predicate(const PtxOperand &operand); ///< read; not negated
  int32_t predicateTarget(const PtxOperand &operand);
  /// Fills a, imm and mode[0] from [address].
  void address(const PtxOperand &operand, Inst &inst);
  /// An address as 64-bit lanes, made by an instruction of its own if it has to be.
  int32_t wideAddress(const PtxOperand &operand);
  bool isWide(const PtxOperand &operand); ///< a 64-bit register
  bool isPredicate(const PtxOperand &operand);
  int32_t constant(uint64_t bits, unsigned bytes); ///< in all lanes
  int32_t temporary(unsigned bytes);
  uint32_t list(std::initializer_list<int32_t> operands) { return list(std::vector<int32_t>(operands)); }
  uint32_t list(const std::vector<int32_t> &operands);
  /// The parts after the first, of which each must be one of `known` or be eaten by the caller: throws otherwise.
  void only(std::initializer_list<std::string_view> known) const;
  void operands(size_t least, size_t most) const; ///< throws when there are fewer or more
  [[noreturn]] void fail(const std::string &what) const;
  /// In a function that is called, parameters are local memory.
  Space parameterSpace() const { return depth ? Space::Local : Space::Param; }
  /// The space that .param means at an address: the variables of a call are local memory everywhere.
  Space parameterSpace(const PtxOperand &address);
  void emit(Inst inst);

private:
  struct Place {
    Space space;
    uint64_t address;
  };
  struct Frame {
    const PtxFunction *function;
    std::map<std::string, int32_t> slots;                        ///< of registers
    std::map<std::string, Place> parameters;                     ///< by name
    std::map<std::pair<unsigned, std::string>, Place> variables; ///< by scope
  };
  struct Fixup {
    size_t at;
    unsigned scope;
    std::string label;
    bool inList; ///< at is an index of lists
  };

  void decodeBody(Frame &frame);
  void decodeInstruction(const PtxInstruction &ptx);
  bool decodeFlow(const PtxInstruction &ptx, Inst &inst, std::vector<Fixup> &fixups, std::vector<size_t> &returns);
  void decodeCall(const PtxInstruction &ptx, const Inst &guard);
  uint32_t labelOf(const PtxFunction &function, unsigned scope, const std::string &label, unsigned line) const;
  std::optional<Place> place(const std::string &name);
  int32_t registerSlot(const std::string &name, unsigned bytes);
  int32_t specialSlot(const std::string &name, unsigned bytes);
  void layOutShared(const PtxFunction &function, unsigned level);
  uint64_t allocateLocal(const PtxVariable &variable);

  const PtxModule &module;
  const std::map<std::string, uint64_t> &addresses;
  std::unique_ptr<Program> program;
  Frame *frame = nullptr;
  unsigned depth = 0; ///< of calls
  const PtxInstruction *current = nullptr;
  uint32_t guard = 0, guardFlip = 0;
  std::map<std::pair<const PtxFunction *, std::string>, uint32_t> sharedPlaces; ///< null function: the module's
  std::map<std::pair<uint64_t, unsigned>, int32_t> constantSlots;
  std::map<std::pair<Special, unsigned>, int32_t> specialSlots;
  std::map<unsigned, int32_t> sinks;
};

/// A family: false when the opcode is not one of its own.
using Family = bool (*)(Decoder &, const PtxInstruction &, Inst &);
bool decodeMove(Decoder &, const PtxInstruction &, Inst &);
bool decodeCompare(Decoder &, const PtxInstruction &, Inst &);
bool decodeInteger(Decoder &, const PtxInstruction &, Inst &);
bool decodeBits(Decoder &, const PtxInstruction &, Inst &);
bool decodeFloat(Decoder &, const PtxInstruction &, Inst &);
bool decodeHalfFloat(Decoder &, const PtxInstruction &, Inst &);
bool decodeConvert(Decoder &, const PtxInstruction &, Inst &);
bool decodeMemory(Decoder &, const PtxInstruction &, Inst &);
bool decodeAtomic(Decoder &, const PtxInstruction &, Inst &);
bool decodeBulk(Decoder &, const PtxInstruction &, Inst &);
bool decodeCopy(Decoder &, const PtxInstruction &, Inst &);
bool decodeWarp(Decoder &, const PtxInstruction &, Inst &);
bool decodeMatrix(Decoder &, const PtxInstruction &, Inst &);

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_DECODER_H
