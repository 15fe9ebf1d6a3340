//===- Value.h - values of a GPU kernel's code, written as expressions ----------------------------------*- C++ -*-===//
//
// A V is one number of one thread: i1, i32 (signed), i64, f32 or f64. Operators write the arith op where the builder
// stands; a C++ number beside a V becomes a constant of its type. No operation is contracted or reassociated: what shall
// be fused is multiplyAdd.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_KERNELS_GPU_VALUE_H
#define LATHE_COMPILER_KERNELS_GPU_VALUE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lathe::gpu {

class Code;

struct V {
  Code *code = nullptr;
  mlir::Value value;

  mlir::Type type() const { return value.getType(); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(value.getType()); }
  /// A constant of this value's type.
  V same(double number) const;
};

V operator+(V a, V b);
V operator-(V a, V b);
V operator*(V a, V b);
V operator/(V a, V b); ///< integers: signed, towards zero
V operator%(V a, V b);
V operator&(V a, V b);
V operator|(V a, V b);
V operator^(V a, V b);
V operator<<(V a, V b);
V operator-(V a);
V operator!(V a);
V operator<(V a, V b); ///< signed; of floats ordered
V operator>(V a, V b);
V operator<=(V a, V b);
V operator>=(V a, V b);
V operator==(V a, V b);
V operator!=(V a, V b);
#define LATHE_WITH_NUMBER(op)                                                                                          \
  inline V operator op(V a, double b) { return a op a.same(b); }                                                       \
  inline V operator op(double a, V b) { return b.same(a) op b; }
LATHE_WITH_NUMBER(+)
LATHE_WITH_NUMBER(-)
LATHE_WITH_NUMBER(*)
LATHE_WITH_NUMBER(/)
LATHE_WITH_NUMBER(<)
LATHE_WITH_NUMBER(>)
LATHE_WITH_NUMBER(<=)
LATHE_WITH_NUMBER(>=)
LATHE_WITH_NUMBER(==)
LATHE_WITH_NUMBER(!=)
#undef LATHE_WITH_NUMBER
#define LATHE_WITH_INTEGER(op)                                                                                         \
  inline V operator op(V a, int64_t b) { return a op a.same(static_cast<double>(b)); }
LATHE_WITH_INTEGER(%)
LATHE_WITH_INTEGER(&)
LATHE_WITH_INTEGER(|)
LATHE_WITH_INTEGER(^)
LATHE_WITH_INTEGER(<<)
#undef LATHE_WITH_INTEGER

V shiftRight(V a, V b); ///< zeros come in
inline V shiftRight(V a, int64_t b) { return shiftRight(a, a.same(static_cast<double>(b))); }
V shiftRightSigned(V a, V b);
V select(V condition, V a, V b);
V min(V a, V b); ///< of floats: the number where one is NaN
V max(V a, V b);
inline V min(V a, double b) { return min(a, a.same(b)); }
inline V max(V a, double b) { return max(a, a.same(b)); }
inline V clamp(V a, double low, double high) { return min(max(a, low), high); }
V abs(V a);             ///< of floats
V squareRoot(V a);      ///< rounded
V roundToEven(V a);     ///< of floats
V floorOf(V a);         ///< of floats
/// a * b + c rounded once.
V multiplyAdd(V a, V b, V c);

V toF32(V a); ///< from i32 or f64
V toF64(V a); ///< from i32 or f32
V toI32(V a); ///< from floats, towards zero; from i64 by its low bits; from i1 as 0 or 1
V toI64(V a); ///< from i32, signed
V bitsOf(V a);   ///< f32 -> i32
V fromBits(V a); ///< i32 -> f32
V halfToF32(V bits);  ///< of the f16 in the low 16 bits of an i32
V brainToF32(V bits); ///< of the bf16 in the low 16 bits of an i32
V f32ToHalfBits(V a); ///< to nearest even: i32 with the f16's bits, zeros above

} // namespace lathe::gpu

#endif
