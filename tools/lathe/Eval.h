//===- Eval.h - lathe eval, in either program ---------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_EVAL_H
#define LATHE_TOOLS_LATHE_EVAL_H

#include "compiler/spec/Input.h"
#include "tools/lathe/Bundle.h"
#include "tools/lathe/Command.h"
#include "tools/lathe/Evaluate.h"

namespace lathe::cli {

struct EvalOptions;
using EvaluateFunction = llvm::Expected<Evaluation>(const EvalOptions &options, const IdBatch &batch);

struct EvalOptions {
  std::string source, ids, logits;
  InputOptions input;
  ProgramFlags program;
  bool reference = false, layers = false, json = false;
  unsigned step = 0;
  DeviceFlags device;
  EvaluateFunction *byCompiler = nullptr;
};

/// `byCompiler` evaluates what is no bundle, and what the reference shall; null in a program without the compiler.
void addEval(CLI::App &app, Outcome &outcome, EvaluateFunction *byCompiler);

} // namespace lathe::cli

#endif
