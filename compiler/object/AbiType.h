//===- AbiType.h - element types as the ABI writes them ---------------------------------------------*- C++ -*-===//
//
// What a compiled kernel expects in its buffers' headers.
//
//===----------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_OBJECT_ABITYPE_H
#define LATHE_COMPILER_OBJECT_ABITYPE_H

#include "compiler/kernels/Signature.h"
#include "runtime/abi/model_abi.h"

namespace lathe {

inline lathe_type abiType(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return {LATHE_FLOAT, 32, 1};
  case ElementType::F16:
    return {LATHE_FLOAT, 16, 1};
  case ElementType::BF16:
    return {LATHE_BFLOAT, 16, 1};
  case ElementType::I8:
    return {LATHE_INT, 8, 1};
  case ElementType::U8:
    return {LATHE_UINT, 8, 1};
  case ElementType::U16:
    return {LATHE_UINT, 16, 1};
  case ElementType::I32:
    return {LATHE_INT, 32, 1};
  }
  return {};
}

} // namespace lathe

#endif
