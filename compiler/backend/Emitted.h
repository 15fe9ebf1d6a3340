//===- Emitted.h - what a code generator gives ----------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_BACKEND_EMITTED_H
#define LATHE_COMPILER_BACKEND_EMITTED_H

#include <string>

namespace lathe {

/// Bytes or text; or what went wrong.
struct Emitted {
  std::string bytes;
  std::string error; ///< empty: it went well
};

} // namespace lathe

#endif
