//===- PtxStatements.cpp - what stands in a function's braces -----------------------------------------------------===//
#include "test/cuda/PtxParser.h"
#include <cstdlib>
#include <cstring>

namespace lathe::ptx {

void PtxParser::parseBlock(PtxFunction &function, unsigned scope) {
  while (!accept("}")) {
    if (peek().kind == PtxToken::End)
      fail("a block of '" + function.name + "' has no end");
    if (accept("{")) {
      const unsigned inner = function.scopes.size();
      function.scopes.emplace_back().parent = scope;
      parseBlock(function, inner);
    } else if (accept(";")) {
    } else if (is(".reg")) {
      parseRegisters(function, scope);
    } else if (is(".local") || is(".shared") || is(".param")) {
      PtxVariable variable = parseVariable(false);
      expect(";");
      function.scopes[scope].variables[variable.name] = variable;
    } else if (accept(".loc")) {
      while (peek().kind == PtxToken::Number)
        take();
    } else if (accept(".pragma")) {
      while (!accept(";"))
        take();
    } else if (peek().kind == PtxToken::Word && peek(1).text == ":") {
      const std::string name = take().text;
      take();
      if (accept(".branchtargets")) {
        auto &targets = function.scopes[scope].tables[name];
        do
          targets.push_back(take().text);
        while (accept(","));
        expect(";");
      } else if (!function.scopes[scope].labels.emplace(name, function.body.size()).second) {
        fail("the label '" + name + "' is there twice");
      }
    } else {
      parseInstruction(function, scope);
    }
  }
}

void PtxParser::parseRegisters(PtxFunction &function, unsigned scope) {
  take();
  std::string type = take().text.substr(1);
  if (type != "pred" && !typeBytes(type))
    fail("the type '." + type + "' of a register is not known");
  const auto declare = [&](const std::string &name) {
    const std::string unique = scope ? name + "@" + std::to_string(scope) : name;
    function.scopes[scope].registers[name] = unique;
    function.registers[unique] = type;
  };
  do {
    const std::string name = take().text;
    if (accept("<")) {
      const uint64_t count = takeInteger();
      expect(">");
      for (uint64_t i = 0; i < count; ++i)
        declare(name + std::to_string(i));
    } else {
      declare(name);
    }
  } while (accept(","));
  expect(";");
}

std::string PtxParser::lookupRegister(const PtxFunction &function, unsigned scope, const std::string &name) const {
  for (;; scope = function.scopes[scope].parent) {
    const auto found = function.scopes[scope].registers.find(name);
    if (found != function.scopes[scope].registers.end())
      return found->second;
    if (scope == 0)
      return "";
  }
}

void PtxParser::parseInstruction(PtxFunction &function, unsigned scope) {
  PtxInstruction instruction;
  const size_t begin = at;
  instruction.line = peek().line;
  instruction.scope = scope;
  if (accept("@")) {
    instruction.guardNegated = accept("!");
    const std::string name = take().text;
    instruction.guard = lookupRegister(function, scope, name);
    if (instruction.guard.empty())
      fail("the predicate '" + name + "' is not declared");
  }
  if (peek().kind != PtxToken::Word)
    fail("'" + peek().text + "' begins no statement");
  instruction.opcode = take().text;
  for (size_t from = 0; from <= instruction.opcode.size();) {
    const size_t dot = std::min(instruction.opcode.find('.', from), instruction.opcode.size());
    instruction.parts.push_back(instruction.opcode.substr(from, dot - from));
    from = dot + 1;
  }
  while (!is(";")) {
    if (peek().kind == PtxToken::End || is("}"))
      fail("';' is missing after '" + instruction.opcode + "'");
    instruction.operands.push_back(parseOperand(function, scope));
    if (accept("|"))
      instruction.operands.back().pair.push_back(parseOperand(function, scope));
    if (!is(";"))
      expect(",");
  }
  for (size_t i = begin; i < at; ++i) {
    const std::string &word = tokens[i].text;
    const bool tight = i == begin || word == "," || word == "]" || word == "}" || word == ")" || word == "+" ||
                       tokens[i - 1].text == "[" || tokens[i - 1].text == "{" || tokens[i - 1].text == "(" ||
                       tokens[i - 1].text == "@" || tokens[i - 1].text == "!" || tokens[i - 1].text == "+" ||
                       tokens[i - 1].text == "-";
    instruction.text += (tight ? "" : " ") + word;
  }
  expect(";");
  function.body.push_back(std::move(instruction));
}

PtxOperand PtxParser::parseOperand(PtxFunction &function, unsigned scope) {
  PtxOperand operand;
  if (accept("!")) {
    operand = parseOperand(function, scope);
    operand.negated = !operand.negated;
    return operand;
  }
  if (is("{") || is("(")) {
    const std::string end = take().text == "{" ? "}" : ")";
    operand.kind = PtxOperand::Vector;
    while (!accept(end)) {
      operand.parts.push_back(parseOperand(function, scope));
      if (!is(end))
        expect(",");
    }
    return operand;
  }
  if (accept("[")) {
    operand.kind = PtxOperand::Address;
    operand.parts.push_back(parseOperand(function, scope));
    std::swap(operand.offset, operand.parts[0].offset);
    while (!accept("]")) {
      expect(",");
      operand.parts.push_back(parseOperand(function, scope));
    }
    return operand;
  }
  if (peek().kind == PtxToken::Number || is("-"))
    return parseNumber();
  if (peek().kind != PtxToken::Word)
    fail("'" + peek().text + "' is no operand");
  operand.name = take().text;
  if (operand.name == "_")
    return operand;
  const std::string reg = lookupRegister(function, scope, operand.name);
  operand.kind = !reg.empty() || operand.name[0] == '%' ? PtxOperand::Register : PtxOperand::Symbol;
  if (!reg.empty())
    operand.name = reg;
  while (is("+") || (is("-") && peek(1).kind == PtxToken::Number)) {
    const bool minus = take().text == "-";
    const int64_t offset = static_cast<int64_t>(takeInteger());
    operand.offset += minus ? -offset : offset;
  }
  return operand;
}

PtxOperand PtxParser::parseNumber() {
  PtxOperand operand;
  const bool minus = accept("-");
  if (peek().kind != PtxToken::Number)
    fail("'" + peek().text + "' is not a number");
  const std::string text = take().text;
  if (text.size() == 10 && text[0] == '0' && (text[1] == 'f' || text[1] == 'F')) {
    operand.kind = PtxOperand::Single;
    operand.bits = std::strtoull(text.c_str() + 2, nullptr, 16) ^ (minus ? 0x80000000u : 0);
  } else if (text.size() == 18 && text[0] == '0' && (text[1] == 'd' || text[1] == 'D')) {
    operand.kind = PtxOperand::Double;
    operand.bits = std::strtoull(text.c_str() + 2, nullptr, 16) ^ (minus ? uint64_t(1) << 63 : 0);
  } else if (text.find('.') != std::string::npos) {
    const double value = minus ? -std::strtod(text.c_str(), nullptr) : std::strtod(text.c_str(), nullptr);
    operand.kind = PtxOperand::Double;
    std::memcpy(&operand.bits, &value, 8);
  } else {
    const bool binary = text.size() > 2 && text[0] == '0' && (text[1] == 'b' || text[1] == 'B');
    char *end = nullptr;
    operand.kind = PtxOperand::Integer;
    operand.bits = binary ? std::strtoull(text.c_str() + 2, &end, 2) : std::strtoull(text.c_str(), &end, 0);
    if (*end && *end != 'U')
      fail("'" + text + "' is not a number");
    if (minus)
      operand.bits = 0 - operand.bits;
  }
  return operand;
}

} // namespace lathe::ptx
