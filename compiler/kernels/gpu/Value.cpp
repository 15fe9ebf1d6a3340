//===- Value.cpp - values of a GPU kernel's code, written as expressions ----------------------------------------===//
#include "compiler/kernels/gpu/Value.h"
#include "compiler/kernels/gpu/Code.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe::gpu {

namespace {

template <class Op> V make(V a, V b) {
  assert(a.type() == b.type() && "operands of two types");
  return {a.code, Op::create(a.code->b, a.code->loc(), a.value, b.value)};
}
template <class FloatOp, class IntOp> V make(V a, V b) { return a.isFloat() ? make<FloatOp>(a, b) : make<IntOp>(a, b); }

V compare(V a, V b, arith::CmpFPredicate ofFloats, arith::CmpIPredicate ofIntegers) {
  OpBuilder &builder = a.code->b;
  if (a.isFloat())
    return {a.code, arith::CmpFOp::create(builder, a.code->loc(), ofFloats, a.value, b.value)};
  return {a.code, arith::CmpIOp::create(builder, a.code->loc(), ofIntegers, a.value, b.value)};
}

template <class Op> V convert(V a, Type type) {
  return {a.code, Op::create(a.code->b, a.code->loc(), type, a.value)};
}

template <class Op> V unary(V a) { return {a.code, Op::create(a.code->b, a.code->loc(), a.type(), a.value)}; }

} // namespace

V V::same(double number) const {
  OpBuilder &builder = code->b;
  if (llvm::isa<FloatType>(type()))
    return {code, arith::ConstantOp::create(builder, code->loc(), builder.getFloatAttr(type(), number))};
  return {code, arith::ConstantOp::create(builder, code->loc(),
                                          builder.getIntegerAttr(type(), static_cast<int64_t>(number)))};
}

V operator+(V a, V b) { return make<arith::AddFOp, arith::AddIOp>(a, b); }
V operator-(V a, V b) { return make<arith::SubFOp, arith::SubIOp>(a, b); }
V operator*(V a, V b) { return make<arith::MulFOp, arith::MulIOp>(a, b); }
V operator/(V a, V b) { return make<arith::DivFOp, arith::DivSIOp>(a, b); }
V operator%(V a, V b) { return make<arith::RemSIOp>(a, b); }
V operator&(V a, V b) { return make<arith::AndIOp>(a, b); }
V operator|(V a, V b) { return make<arith::OrIOp>(a, b); }
V operator^(V a, V b) { return make<arith::XOrIOp>(a, b); }
V operator<<(V a, V b) { return make<arith::ShLIOp>(a, b); }
V shiftRight(V a, V b) { return make<arith::ShRUIOp>(a, b); }
V shiftRightSigned(V a, V b) { return make<arith::ShRSIOp>(a, b); }
V operator-(V a) { return a.isFloat() ? unary<arith::NegFOp>(a) : a.same(0) - a; }
V operator!(V a) { return a ^ a.same(1); }

V operator<(V a, V b) { return compare(a, b, arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt); }
V operator>(V a, V b) { return compare(a, b, arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt); }
V operator<=(V a, V b) { return compare(a, b, arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle); }
V operator>=(V a, V b) { return compare(a, b, arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge); }
V operator==(V a, V b) { return compare(a, b, arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq); }
V operator!=(V a, V b) { return compare(a, b, arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne); }

V select(V condition, V a, V b) {
  return {a.code, arith::SelectOp::create(a.code->b, a.code->loc(), condition.value, a.value, b.value)};
}
V min(V a, V b) { return make<arith::MinNumFOp, arith::MinSIOp>(a, b); }
V max(V a, V b) { return make<arith::MaxNumFOp, arith::MaxSIOp>(a, b); }
V abs(V a) { return unary<LLVM::FAbsOp>(a); }
V squareRoot(V a) { return unary<LLVM::SqrtOp>(a); }
V roundToEven(V a) { return unary<LLVM::RoundEvenOp>(a); }
V floorOf(V a) { return unary<LLVM::FFloorOp>(a); }
V multiplyAdd(V a, V b, V c) {
  return {a.code, LLVM::FMAOp::create(a.code->b, a.code->loc(), a.type(), a.value, b.value, c.value)};
}

V toF32(V a) {
  OpBuilder &b = a.code->b;
  if (a.isFloat())
    return a.type().isF32() ? a : convert<arith::TruncFOp>(a, b.getF32Type());
  return convert<arith::SIToFPOp>(a, b.getF32Type());
}
V toF64(V a) {
  OpBuilder &b = a.code->b;
  return a.isFloat() ? convert<arith::ExtFOp>(a, b.getF64Type()) : convert<arith::SIToFPOp>(a, b.getF64Type());
}
V toI32(V a) {
  OpBuilder &b = a.code->b;
  if (a.isFloat())
    return convert<arith::FPToSIOp>(a, b.getI32Type());
  const unsigned bits = a.type().getIntOrFloatBitWidth();
  return bits == 32  ? a
         : bits < 32 ? convert<arith::ExtUIOp>(a, b.getI32Type())
                     : convert<arith::TruncIOp>(a, b.getI32Type());
}
V toI64(V a) { return a.type().isInteger(64) ? a : convert<arith::ExtSIOp>(a, a.code->b.getI64Type()); }
V bitsOf(V a) { return convert<arith::BitcastOp>(a, a.code->b.getI32Type()); }
V fromBits(V a) { return convert<arith::BitcastOp>(a, a.code->b.getF32Type()); }
V halfToF32(V bits) {
  OpBuilder &b = bits.code->b;
  V low = convert<arith::TruncIOp>(bits, b.getI16Type());
  return convert<arith::ExtFOp>(convert<arith::BitcastOp>(low, b.getF16Type()), b.getF32Type());
}
V brainToF32(V bits) { return fromBits(bits << 16); }
V f32ToHalfBits(V a) {
  OpBuilder &b = a.code->b;
  V half = convert<arith::TruncFOp>(a, b.getF16Type());
  return convert<arith::ExtUIOp>(convert<arith::BitcastOp>(half, b.getI16Type()), b.getI32Type());
}

} // namespace lathe::gpu
