//===- EvalSource.h - lathe eval of what the compiler is needed for -----------------------------------*- C++ -*-===//
#ifndef LATHE_TOOLS_LATHE_EVALSOURCE_H
#define LATHE_TOOLS_LATHE_EVALSOURCE_H

#include "tools/lathe/Eval.h"

namespace lathe::cli {

/// By the reference interpreter where that is asked for; else by a bundle that is compiled for this call.
EvaluateFunction evaluateSource;

} // namespace lathe::cli

#endif
