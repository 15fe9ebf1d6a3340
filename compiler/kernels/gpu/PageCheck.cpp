//===- PageCheck.cpp - is a page of the cache finite? -------------------------------------------------------------===//
#include "compiler/kernels/gpu/PageCheck.h"
#include "compiler/kernels/gpu/Code.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace lathe::gpu {

void writePageCheck(ModuleOp module, const char *entry, int64_t blockWords, const TargetDesc &target) {
  OpBuilder b(module.getBodyRegion());
  Code code(b, target);
  auto global = LLVM::LLVMPointerType::get(b.getContext(), 1);
  const Type number = b.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {global, number, number, number, number, number, global});
  auto function = LLVM::LLVMFuncOp::create(b, code.loc(), entry, type);
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), b.getDenseI32ArrayAttr({int32_t(kThreads)}));
  b.setInsertionPointToStart(function.addEntryBlock(b));
  auto given = [&](unsigned i) { return code.wrap(function.getArgument(i)); };
  auto wordAt = [&](Value pointer, V bytes) {
    return LLVM::GEPOp::create(b, code.loc(), global, b.getI8Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(bytes.value)});
  };

  V region = toI64(code.blockIndex(0)) * given(1) + toI64(code.blockIndex(1)) * given(2);
  Value start = wordAt(function.getArgument(0), region);
  V words = toI32(given(3)), low = toI32(given(4)), high = toI32(given(5));
  V part = code.blockIndex(2) * code.i32(blockWords);
  V end = min(part + double(blockWords), words);
  std::vector<V> found =
      code.loop(part + code.thread(), end, kThreads, {code.i32(0)}, [&](V i, const std::vector<V> &carried) {
        V word = code.wrap(
            LLVM::LoadOp::create(b, code.loc(), b.getI32Type(), wordAt(start, toI64(i) * code.i64(4)), 4));
        V wrong = ((word & low) == low) | ((word & high) == high);
        return std::vector<V>{carried[0] | toI32(wrong)};
      });
  code.ifThen(found[0] != 0, [&] { LLVM::StoreOp::create(b, code.loc(), code.i32(1).value, function.getArgument(6), 4); });
  LLVM::ReturnOp::create(b, code.loc(), ValueRange());
}

} // namespace lathe::gpu
