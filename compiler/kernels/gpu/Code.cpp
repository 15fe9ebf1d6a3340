//===- Code.cpp - the code of a block of threads, while it is written --------------------------------------------===//
#include "compiler/kernels/gpu/Code.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace mlir;

namespace lathe::gpu {

namespace {

Type elementType(OpBuilder &b, ElementType type) {
  switch (type) {
  case ElementType::F32:
    return b.getF32Type();
  case ElementType::F16:
    return b.getF16Type();
  case ElementType::BF16:
  case ElementType::U16:
    return b.getI16Type();
  case ElementType::I8:
  case ElementType::U8:
    return b.getI8Type();
  case ElementType::I32:
    break;
  }
  return b.getI32Type();
}

SmallVector<Value> valuesOf(const std::vector<V> &list) {
  SmallVector<Value> values;
  for (const V &one : list)
    values.push_back(one.value);
  return values;
}

std::vector<V> wrapAll(Code &code, ValueRange values) {
  std::vector<V> list;
  for (Value value : values)
    list.push_back(code.wrap(value));
  return list;
}

} // namespace

//===-- arrays --------------------------------------------------------------------------------------------------===//

bool Array::isShared() const { return llvm::cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace() == 3; }

Value Array::address(const std::vector<V> &index) const {
  assert(index.size() == argument.dims.size() && "one index a dimension");
  OpBuilder &b = code->b;
  V place; // in elements: below 2^31, as the signature promises
  for (size_t i = 0; i < index.size(); ++i) {
    const int64_t stride = argument.dims[i].stride;
    V moved = stride == 1 ? index[i] : index[i] * code->i32(stride);
    place = place.code ? place + moved : moved;
  }
  if (!place.code)
    return pointer;
  V wide = isShared() ? place : toI64(place);
  return LLVM::GEPOp::create(b, code->loc(), pointer.getType(), elementType(b, argument.type), pointer,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(wide.value)});
}

V Array::at(const std::vector<V> &index) const {
  OpBuilder &b = code->b;
  V raw = code->wrap(LLVM::LoadOp::create(b, code->loc(), elementType(b, argument.type), address(index),
                                          elementBytes(argument.type), false, false, constant));
  switch (argument.type) {
  case ElementType::F16:
    return code->wrap(arith::ExtFOp::create(b, code->loc(), b.getF32Type(), raw.value));
  case ElementType::BF16:
    return brainToF32(code->wrap(arith::ExtUIOp::create(b, code->loc(), b.getI32Type(), raw.value)));
  case ElementType::I8:
    return code->wrap(arith::ExtSIOp::create(b, code->loc(), b.getI32Type(), raw.value));
  case ElementType::U8:
  case ElementType::U16:
    return code->wrap(arith::ExtUIOp::create(b, code->loc(), b.getI32Type(), raw.value));
  case ElementType::F32:
  case ElementType::I32:
    break;
  }
  return raw;
}

void Array::store(const std::vector<V> &index, V value) const {
  OpBuilder &b = code->b;
  assert(argument.type != ElementType::BF16 && "no kernel writes bf16");
  Value raw = value.value;
  if (argument.type == ElementType::F16)
    raw = arith::TruncFOp::create(b, code->loc(), b.getF16Type(), raw);
  else if (elementBytes(argument.type) < 4)
    raw = arith::TruncIOp::create(b, code->loc(), elementType(b, argument.type), raw);
  LLVM::StoreOp::create(b, code->loc(), raw, address(index), elementBytes(argument.type));
}

std::vector<V> Array::words(const std::vector<V> &index, int64_t count) const {
  return code->loadWords(address(index), count, constant);
}

std::vector<V> Array::streamedWords(const std::vector<V> &index, int64_t count) const {
  assert(!isShared() && "from global memory");
  std::string names, form = count == 1 ? "" : ".v" + std::to_string(count);
  for (int64_t i = 0; i < count; ++i)
    names += (i ? ", $" : "$") + std::to_string(i);
  if (count > 1)
    names = "{" + names + "}";
  return code->ptx("ld.global.L1::no_allocate.L2::256B" + form + ".b32 " + names + ", [$" + std::to_string(count) +
                       "];",
                   std::vector<Type>(count, code->i32Type()), {code->wrap(address(index))});
}

void Array::storeWords(const std::vector<V> &index, const std::vector<V> &words) const {
  OpBuilder &b = code->b;
  const int64_t count = words.size();
  Value to = address(index);
  if (count == 1) {
    LLVM::StoreOp::create(b, code->loc(), words[0].value, to, 4);
    return;
  }
  auto type = VectorType::get({count}, b.getI32Type());
  Value all = LLVM::UndefOp::create(b, code->loc(), type);
  for (int64_t i = 0; i < count; ++i)
    all = LLVM::InsertElementOp::create(b, code->loc(), all, words[i].value, code->i32(i).value);
  LLVM::StoreOp::create(b, code->loc(), all, to, 4 * count);
}

//===-- numbers and threads -------------------------------------------------------------------------------------===//

V Code::i32(int64_t number) { return wrap(arith::ConstantIntOp::create(b, loc(), b.getI32Type(), number)); }
V Code::i64(int64_t number) { return wrap(arith::ConstantIntOp::create(b, loc(), b.getI64Type(), number)); }
V Code::f32(double number) { return wrap(arith::ConstantOp::create(b, loc(), b.getF32FloatAttr(number))); }
V Code::f64(double number) { return wrap(arith::ConstantOp::create(b, loc(), b.getF64FloatAttr(number))); }
V Code::boolean(bool value) { return wrap(arith::ConstantIntOp::create(b, loc(), b.getI1Type(), value)); }

V Code::thread() { return wrap(NVVM::ThreadIdXOp::create(b, loc(), b.getI32Type())); }
V Code::lane() { return thread() & kWarpThreads - 1; }
V Code::warp() { return shuffle(shiftRight(thread(), 5), i32(0)); } // so that it is known to be uniform
V Code::blockIndex(int dimension) {
  switch (dimension) {
  case 0:
    return wrap(NVVM::BlockIdXOp::create(b, loc(), b.getI32Type()));
  case 1:
    return wrap(NVVM::BlockIdYOp::create(b, loc(), b.getI32Type()));
  default:
    return wrap(NVVM::BlockIdZOp::create(b, loc(), b.getI32Type()));
  }
}

//===-- control -------------------------------------------------------------------------------------------------===//

std::vector<V> Code::loop(V begin, V end, int64_t step, const std::vector<V> &first,
                          const std::function<std::vector<V>(V, const std::vector<V> &)> &body) {
  auto loop = scf::ForOp::create(b, loc(), begin.value, end.value, i32(step).value, valuesOf(first));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  if (first.empty()) // the terminator is there already
    b.setInsertionPoint(loop.getBody()->getTerminator());
  std::vector<V> next = body(wrap(loop.getInductionVar()), wrapAll(*this, loop.getRegionIterArgs()));
  assert(next.size() == first.size() && "a loop carries on what it was given");
  if (!first.empty())
    scf::YieldOp::create(b, loc(), valuesOf(next));
  return wrapAll(*this, loop.getResults());
}

void Code::loop(V begin, V end, int64_t step, const std::function<void(V)> &body) {
  loop(begin, end, step, {}, [&](V i, const std::vector<V> &) {
    body(i);
    return std::vector<V>();
  });
}

void Code::ifThen(V condition, const std::function<void()> &body) {
  auto op = scf::IfOp::create(b, loc(), condition.value, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.thenBlock()->getTerminator());
  body();
}

std::vector<V> Code::ifElse(V condition, const std::function<std::vector<V>()> &then,
                            const std::function<std::vector<V>()> &otherwise) {
  // The types are known when the first side has been written, so that is written into a block of its own first.
  Block *here = b.getBlock();
  Block::iterator point = b.getInsertionPoint();
  Region scratch;
  Block *thenBlock = b.createBlock(&scratch);
  SmallVector<Value> thenValues = valuesOf(then());
  Block *elseBlock = b.createBlock(&scratch);
  SmallVector<Value> elseValues = valuesOf(otherwise());
  assert(thenValues.size() == elseValues.size() && "both sides give the same");
  b.setInsertionPoint(here, point);
  SmallVector<Type> types = llvm::map_to_vector(thenValues, [](Value value) { return value.getType(); });
  auto op = scf::IfOp::create(b, loc(), types, condition.value, /*addThenBlock=*/true, /*addElseBlock=*/true);
  auto move = [&](Block *from, Region &to, ArrayRef<Value> values) {
    Block &block = to.front();
    block.clear();
    block.getOperations().splice(block.end(), from->getOperations());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(&block);
    scf::YieldOp::create(b, loc(), values);
  };
  move(thenBlock, op.getThenRegion(), thenValues);
  move(elseBlock, op.getElseRegion(), elseValues);
  return wrapAll(*this, op.getResults());
}

void Code::eachOf(V count, const std::function<void(V)> &body) { loop(thread(), count, kThreads, body); }

//===-- threads together ----------------------------------------------------------------------------------------===//

void Code::barrier() { NVVM::BarrierOp::create(b, loc()); }
void Code::warpBarrier() { NVVM::SyncWarpOp::create(b, loc(), i32(-1).value); }

V Code::shuffleXor(V value, int64_t mask) {
  return wrap(NVVM::ShflOp::create(b, loc(), value.type(), i32(-1).value, value.value, i32(mask).value,
                                   i32(kWarpThreads - 1).value, NVVM::ShflKind::bfly, UnitAttr()));
}

V Code::shuffle(V value, V fromLane) {
  return wrap(NVVM::ShflOp::create(b, loc(), value.type(), i32(-1).value, value.value, fromLane.value,
                                   i32(kWarpThreads - 1).value, NVVM::ShflKind::idx, UnitAttr()));
}

V Code::warpSum(V value) {
  for (int64_t mask = kWarpThreads / 2; mask; mask /= 2)
    value = value + shuffleXor(value, mask);
  return value;
}

V Code::warpMax(V value) {
  for (int64_t mask = kWarpThreads / 2; mask; mask /= 2)
    value = max(value, shuffleXor(value, mask));
  return value;
}

V Code::reduce(V value, bool sum) {
  const int64_t mark = sharedMark();
  Array parts = shared(value.isFloat() ? ElementType::F32 : ElementType::I32, {kWarps});
  V ofWarp = sum ? warpSum(value) : warpMax(value);
  ifThen(lane() == 0, [&] { parts.store({shiftRight(thread(), 5)}, ofWarp); });
  barrier();
  V total = parts.at({i32(0)});
  for (int64_t i = 1; i < kWarps; ++i)
    total = sum ? total + parts.at({i32(i)}) : max(total, parts.at({i32(i)}));
  barrier(); // before the next one to write there
  freeShared(mark);
  return total;
}

V Code::blockSum(V value) { return reduce(value, true); }
V Code::blockMax(V value) { return reduce(value, false); }

//===-- shared memory -------------------------------------------------------------------------------------------===//

int64_t Code::reserveShared(int64_t bytes) {
  const int64_t at = (used + 15) / 16 * 16;
  used = at + (bytes + 15) / 16 * 16; // LLVM reads three numbers of an aligned array as four
  most = std::max(most, used);
  return at;
}

Value Code::sharedAt(int64_t byte) {
  auto type = LLVM::LLVMPointerType::get(b.getContext(), 3);
  Value start = LLVM::AddressOfOp::create(b, loc(), type, kSharedSymbol);
  return LLVM::GEPOp::create(b, loc(), type, b.getI8Type(), start, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(byte)});
}

Array Code::shared(ElementType type, std::vector<int64_t> extents) {
  Argument argument{"shared", type, {}, true};
  int64_t stride = 1;
  for (int64_t extent : extents) {
    argument.dims.push_back({extent, stride});
    stride *= extent;
  }
  return {this, sharedAt(reserveShared(stride * elementBytes(type))), std::move(argument)};
}

//===-- memory by addresses -------------------------------------------------------------------------------------===//

Value Code::moved(Value pointer, V bytes) {
  return LLVM::GEPOp::create(b, loc(), pointer.getType(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(bytes.value)});
}

Value Code::moved(Value pointer, int64_t bytes) {
  return bytes ? LLVM::GEPOp::create(b, loc(), pointer.getType(), b.getI8Type(), pointer,
                                     ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)})
               : pointer;
}

std::vector<V> Code::loadWords(Value pointer, int64_t count, bool constant) {
  if (count == 1)
    return {wrap(LLVM::LoadOp::create(b, loc(), b.getI32Type(), pointer, 4, false, false, constant))};
  auto type = VectorType::get({count}, b.getI32Type());
  Value all = LLVM::LoadOp::create(b, loc(), type, pointer, 4 * count, false, false, constant);
  std::vector<V> words;
  for (int64_t i = 0; i < count; ++i)
    words.push_back(wrap(LLVM::ExtractElementOp::create(b, loc(), all, i32(i).value)));
  return words;
}

void Code::copyAsync(Value shared, Value global, int64_t bytes, std::optional<V> given) {
  std::vector<V> operands = {wrap(shared), wrap(global)};
  if (given)
    operands.push_back(*given);
  ptx(std::string(bytes == 16 ? "cp.async.cg" : "cp.async.ca") + ".shared.global [$0], [$1], " +
          std::to_string(bytes) + (given ? ", $2;" : ";"),
      {}, operands);
}

void Code::commitCopies() { ptx("cp.async.commit_group;", {}, {}); }
void Code::waitCopies(int64_t staying) { ptx("cp.async.wait_group " + std::to_string(staying) + ";", {}, {}); }

std::vector<V> Code::ptx(const std::string &text, const std::vector<Type> &results, const std::vector<V> &operands,
                         bool effects) {
  auto letter = [](Type type) {
    return llvm::isa<LLVM::LLVMPointerType>(type) || type.isInteger(64)
               ? (llvm::isa<LLVM::LLVMPointerType>(type) &&
                          llvm::cast<LLVM::LLVMPointerType>(type).getAddressSpace() == 3
                      ? "r"
                      : "l")
               : type.isF32() ? "f"
                              : "r";
  };
  std::string constraints;
  for (Type type : results)
    constraints += std::string(constraints.empty() ? "=" : ",=") + letter(type);
  for (const V &operand : operands)
    constraints += std::string(constraints.empty() ? "" : ",") + letter(operand.type());
  Type type = results.empty()       ? Type(LLVM::LLVMVoidType::get(b.getContext()))
              : results.size() == 1 ? results[0]
                                    : Type(LLVM::LLVMStructType::getLiteral(b.getContext(), results));
  auto op = LLVM::InlineAsmOp::create(b, loc(), results.empty() ? TypeRange() : TypeRange(type), valuesOf(operands),
                                      text, constraints, effects, /*is_align_stack=*/false,
                                      LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
  if (results.empty())
    return {};
  if (results.size() == 1)
    return {wrap(op.getRes())};
  std::vector<V> values;
  for (size_t i = 0; i < results.size(); ++i)
    values.push_back(wrap(LLVM::ExtractValueOp::create(b, loc(), op.getRes(), ArrayRef<int64_t>{int64_t(i)})));
  return values;
}

} // namespace lathe::gpu
