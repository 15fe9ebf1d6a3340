//===- Ptx.h - PTX text as a tree -----------------------------------------------------------------------*- C++ -*-===//
//
// The first of the interpreter's three forms: text -> PtxModule (here) -> Program (Decoder.h) -> run (Block.h). The
// parser knows PTX's grammar as LLVM's NVPTX backend writes it, with the blocks { } of inline assembly, and nothing of
// what an opcode means. Names are resolved as far as scopes decide them: a register of an inner block is its own, and a
// label is looked for from the inner block outwards.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_PTX_H
#define LATHE_TEST_CUDA_PTX_H

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::ptx {

/// What is wrong with a module, and on which line of it.
struct PtxError : std::runtime_error {
  PtxError(unsigned line, const std::string &what)
      : std::runtime_error("PTX line " + std::to_string(line) + ": " + what) {}
};

struct PtxOperand {
  enum Kind {
    Register, ///< %r1, or a special one: %tid.x
    Integer,  ///< bits holds it, sign-extended
    Single,   ///< 0f3F800000
    Double,   ///< 0d3FF0000000000000, 1.0
    Symbol,   ///< a variable, function or label, with `offset`
    Address,  ///< [parts[0] + offset]
    Vector,   ///< {parts...}; of call's operands: (parts...)
    Sink,     ///< _
  } kind = Sink;
  std::string name;
  uint64_t bits = 0;
  int64_t offset = 0;
  bool negated = false; ///< !%p1
  std::vector<PtxOperand> parts;
  std::vector<PtxOperand> pair; ///< the q of setp's p|q
};

struct PtxInstruction {
  unsigned line = 0;
  std::string guard; ///< the register of @%p1, or empty
  bool guardNegated = false;
  std::string opcode;             ///< all of it: ld.global.b32
  std::vector<std::string> parts; ///< split at the dots: ld, global, b32
  std::vector<PtxOperand> operands;
  std::string text;   ///< for messages
  unsigned scope = 0; ///< of PtxFunction::scopes

  bool has(std::string_view part) const;
  std::string_view type() const { return parts.back(); }
};

/// A variable of any space. `size` 0 with `unsized`: of dynamic shared memory.
struct PtxVariable {
  std::string space, name;
  unsigned line = 0;
  uint64_t align = 1, size = 0;
  bool external = false, unsized = false;
  std::vector<uint8_t> data;                                ///< initial bytes; the rest is zero
  std::vector<std::pair<uint64_t, PtxOperand>> relocations; ///< where the address of a symbol goes
};

struct PtxScope {
  unsigned parent = 0;
  std::map<std::string, std::string> registers;           ///< as written -> unique
  std::map<std::string, uint32_t> labels;                 ///< -> index of the instruction after it
  std::map<std::string, std::vector<std::string>> tables; ///< .branchtargets
  std::map<std::string, PtxVariable> variables;           ///< .local, .shared and .param of a call
};

struct PtxFunction {
  std::string name;
  unsigned line = 0;
  bool entry = false, defined = false;
  std::vector<PtxVariable> parameters, results;
  unsigned maxThreads = 0; ///< of .maxntid or .reqntid; 0: not said
  bool exactThreads = false;
  uint32_t threads[3] = {1, 1, 1};
  std::map<std::string, std::string> registers; ///< unique name -> type: pred, b16, b32, b64, ...
  std::vector<PtxInstruction> body;
  std::vector<PtxScope> scopes; ///< [0] is the function's
};

struct PtxModule {
  unsigned version = 0; ///< 86 for 8.6
  unsigned target = 0;  ///< 90 for sm_90a
  bool exact = false;   ///< sm_90a: for this architecture alone
  std::vector<PtxVariable> variables;
  std::vector<PtxFunction> functions;

  const PtxFunction *function(const std::string &name) const;
};

/// Throws PtxError.
PtxModule parsePtx(std::string_view text);

/// Bytes of a type: f32 -> 4; 0 for pred and what is none.
unsigned typeBytes(std::string_view type);

struct PtxToken {
  enum Kind { Word, Number, String, Punctuation, End } kind = End;
  std::string text;
  unsigned line = 0;
};
/// Words hold the dots and colons of opcodes: "ld.global.L1::no_allocate.b32"; directives are words too: ".reg".
std::vector<PtxToken> lexPtx(std::string_view text);

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_PTX_H
