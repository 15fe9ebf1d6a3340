//===- PtxParser.cpp - modules, functions and variables -----------------------------------------------------------===//
#include "test/cuda/PtxParser.h"
#include <cstring>

namespace lathe::ptx {

PtxModule parsePtx(std::string_view text) { return PtxParser(text).parse(); }

void PtxParser::expect(std::string_view text) {
  if (!accept(text))
    fail("'" + std::string(text) + "' is missing before '" + peek().text + "'");
}

uint64_t PtxParser::takeInteger() {
  const PtxOperand number = parseNumber();
  if (number.kind != PtxOperand::Integer)
    fail("an integer is missing");
  return number.bits;
}

PtxModule PtxParser::parse() {
  if (!is(".version"))
    fail("this is not PTX: it does not begin with .version");
  while (peek().kind != PtxToken::End) {
    if (accept(".version")) {
      const std::string version = take().text; // 8.6
      const size_t dot = version.find('.');
      if (dot == std::string::npos)
        fail("the version is not MAJOR.MINOR");
      module.version = std::atoi(version.c_str()) * 10 + std::atoi(version.c_str() + dot + 1);
    } else if (is(".target")) {
      parseTarget();
    } else if (accept(".address_size")) {
      if (takeInteger() != 64)
        fail("only an address size of 64 is known");
    } else if (accept(".file")) { // .file 1 "name", time, size
      while (peek().kind == PtxToken::Number || peek().kind == PtxToken::String || is(","))
        take();
    } else if (accept(".section")) {
      while (!accept("}"))
        if (take().kind == PtxToken::End)
          fail("a section has no end");
    } else {
      bool external = false;
      while (is(".extern") || is(".visible") || is(".weak") || is(".common"))
        external |= take().text == ".extern";
      if (is(".entry") || is(".func")) {
        parseFunction(external);
      } else if (is(".global") || is(".const") || is(".shared")) {
        module.variables.push_back(parseVariable(external));
        expect(";");
      } else {
        fail("'" + peek().text + "' is not known at a module's level");
      }
    }
  }
  return std::move(module);
}

void PtxParser::parseTarget() {
  take();
  std::string name = take().text; // sm_90a
  if (name.rfind("sm_", 0) != 0)
    fail("the target '" + name + "' is not an sm_");
  module.target = std::atoi(name.c_str() + 3);
  module.exact = name.back() == 'a' || name.back() == 'f';
  while (accept(",")) // debug, texmode_independent
    take();
}

void PtxParser::parseFunction(bool external) {
  PtxFunction function;
  function.line = peek().line;
  function.entry = take().text == ".entry";
  function.scopes.emplace_back();
  if (is("("))
    function.results = parseParameters();
  function.name = take().text;
  if (is("("))
    function.parameters = parseParameters();
  parsePerformance(function);
  if (!accept(";")) {
    expect("{");
    function.defined = true;
    parseBlock(function, 0);
  }
  module.functions.push_back(std::move(function));
}

/// What stands between a function's parameters and its body.
void PtxParser::parsePerformance(PtxFunction &function) {
  while (!is("{") && !is(";")) {
    const std::string directive = take().text;
    const bool required = directive == ".reqntid";
    if (required || directive == ".maxntid") {
      function.exactThreads = required;
      function.threads[0] = takeInteger();
      for (int i = 1; i < 3 && accept(","); ++i)
        function.threads[i] = takeInteger();
      function.maxThreads = function.threads[0] * function.threads[1] * function.threads[2];
    } else if (directive == ".minnctapersm" || directive == ".maxnreg" || directive == ".maxclusterrank") {
      takeInteger();
    } else if (directive == ".noreturn") {
    } else if (directive == ".pragma") {
      take();
      accept(";");
    } else {
      fail("'" + directive + "' is not known at a function");
    }
  }
}

std::vector<PtxVariable> PtxParser::parseParameters() {
  std::vector<PtxVariable> variables;
  expect("(");
  while (!accept(")")) {
    variables.push_back(parseVariable(false));
    if (!is(")"))
      expect(",");
  }
  return variables;
}

PtxVariable PtxParser::parseVariable(bool external) {
  PtxVariable variable;
  variable.external = external;
  variable.space = take().text.substr(1);
  unsigned elementBytes = 0;
  bool pointer = false; // `.ptr .global .align 1` says where a parameter points to, not where it lies
  while (peek().kind == PtxToken::Word && peek().text[0] == '.') {
    const std::string word = take().text;
    if (word == ".align") {
      const uint64_t align = takeInteger();
      if (!pointer)
        variable.align = align;
    } else if (word == ".ptr") {
      pointer = true;
    } else if (!pointer) {
      elementBytes = typeBytes(std::string_view(word).substr(1));
      if (!elementBytes)
        fail("the type '" + word + "' of a variable is not known");
    }
  }
  if (peek().kind != PtxToken::Word || !elementBytes)
    fail("a variable's type or name is missing");
  variable.line = peek().line;
  variable.name = take().text;
  variable.align = std::max<uint64_t>(variable.align, elementBytes);
  variable.size = elementBytes;
  while (accept("[")) {
    if (accept("]")) {
      variable.unsized = true;
      variable.size = 0;
    } else {
      variable.size *= takeInteger();
      expect("]");
    }
  }
  if (accept("="))
    parseInitializer(variable, elementBytes);
  return variable;
}

void PtxParser::parseInitializer(PtxVariable &variable, unsigned elementBytes) {
  const auto one = [&] {
    const uint64_t offset = variable.data.size();
    variable.data.resize(offset + elementBytes);
    if (peek().kind == PtxToken::Word) {
      PtxOperand symbol;
      symbol.kind = PtxOperand::Symbol;
      const bool generic = accept("generic");
      if (generic)
        expect("(");
      symbol.name = take().text;
      if (generic)
        expect(")");
      if (accept("+"))
        symbol.offset = takeInteger();
      if (elementBytes != 8)
        fail("the address of '" + symbol.name + "' does not fit into " + std::to_string(elementBytes) + " bytes");
      variable.relocations.emplace_back(offset, symbol);
      return;
    }
    const PtxOperand number = parseNumber();
    uint64_t bits = number.bits;
    if (number.kind == PtxOperand::Double && elementBytes == 4) {
      double wide;
      std::memcpy(&wide, &bits, 8);
      const float narrow = static_cast<float>(wide);
      bits = 0;
      std::memcpy(&bits, &narrow, 4);
    }
    std::memcpy(variable.data.data() + offset, &bits, elementBytes);
  };
  if (!accept("{"))
    return one();
  unsigned depth = 1;
  while (depth)
    if (accept("{"))
      ++depth;
    else if (accept("}"))
      --depth;
    else if (!accept(","))
      one();
  if (variable.data.size() > variable.size)
    fail("'" + variable.name + "' has more values than elements");
}

} // namespace lathe::ptx
