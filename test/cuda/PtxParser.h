//===- PtxParser.h - the parser behind parsePtx ---------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TEST_CUDA_PTXPARSER_H
#define LATHE_TEST_CUDA_PTXPARSER_H

#include "test/cuda/Ptx.h"

namespace lathe::ptx {

/// Recursive descent over the tokens. PtxParser.cpp has modules, functions and variables, PtxStatements.cpp what stands
/// in a function's braces.
class PtxParser {
public:
  explicit PtxParser(std::string_view text) : tokens(lexPtx(text)) {}
  PtxModule parse();

private:
  void parseTarget();
  void parseFunction(bool external);
  void parsePerformance(PtxFunction &function);
  std::vector<PtxVariable> parseParameters();
  PtxVariable parseVariable(bool external); ///< from its space on, to before the ; or what follows
  void parseInitializer(PtxVariable &variable, unsigned elementBytes);

  void parseBlock(PtxFunction &function, unsigned scope);
  void parseRegisters(PtxFunction &function, unsigned scope);
  void parseInstruction(PtxFunction &function, unsigned scope);
  PtxOperand parseOperand(PtxFunction &function, unsigned scope);
  PtxOperand parseNumber();
  std::string lookupRegister(const PtxFunction &function, unsigned scope, const std::string &name) const;

  const PtxToken &peek(size_t ahead = 0) const { return tokens[std::min(at + ahead, tokens.size() - 1)]; }
  PtxToken take() { return tokens[at + 1 < tokens.size() ? at++ : at]; }
  bool is(std::string_view text) const { return peek().text == text && peek().kind != PtxToken::String; }
  bool accept(std::string_view text) { return is(text) ? (take(), true) : false; }
  void expect(std::string_view text);
  uint64_t takeInteger();
  [[noreturn]] void fail(const std::string &what) const { throw PtxError(peek().line, what); }

  std::vector<PtxToken> tokens;
  size_t at = 0;
  PtxModule module;
};

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_PTXPARSER_H
