//===- Largest.cpp - the largest logits of a row -------------------------------------------------------------------===//
//
// Bitonic top-k (Shanbhag, Pirk, Madden 2018): runs of `kept` keys are sorted, one down and the next up; of two such
// runs the larger ones of the keys that lie over each other are the `kept` largest, as a bitonic sequence, which is
// sorted in its turn. With one kept that is a tree of maxima.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Largest.h"
#include "compiler/kernels/gpu/Code.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe::gpu {

namespace {

class Writer {
public:
  Writer(ModuleOp module, const TargetDesc &target) : b(module.getBodyRegion()), code(b, target) {}

  void run(const char *entry, bool fromKeys, int64_t blockNumbers) {
    auto global = LLVM::LLVMPointerType::get(b.getContext(), 1);
    const Type number = b.getI64Type();
    SmallVector<Type> parameters = {global, number, number, number, global, number};
    if (!fromKeys)
      parameters.append({global, global});
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), parameters);
    auto function = LLVM::LLVMFuncOp::create(b, code.loc(), entry, type);
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
    function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), b.getDenseI32ArrayAttr({int32_t(kThreads)}));
    b.setInsertionPointToStart(function.addEntryBlock(b));
    auto given = [&](unsigned i) { return code.wrap(function.getArgument(i)); };

    keys = code.sharedAt(0);
    V row = toI64(code.blockIndex(1)), first = code.blockIndex(0) * code.i32(blockNumbers);
    V count = toI32(given(2));
    log = toI32(given(3));
    kept = code.i32(1) << log;
    V start = row * given(1);
    std::vector<V> own;
    for (int64_t part = 0; part < blockNumbers; part += kThreads) {
      V inBlock = code.thread() + double(part), id = first + inBlock;
      std::vector<V> key = code.ifElse(
          id < count,
          [&] {
            V at = start + toI64(id);
            return std::vector<V>{fromKeys ? load(function.getArgument(0), at, number) : keyOf(
                toF32(load(function.getArgument(0), at, b.getF32Type())), id)};
          },
          [&] { return std::vector<V>{code.i64(std::numeric_limits<int64_t>::min())}; });
      store(keys, toI64(inBlock), key[0]);
      own.push_back(key[0]);
    }
    code.barrier();

    code.loop(code.i32(1), log + 1, 1, [&](V size) { sortBitonic(size, code.i32(blockNumbers)); });
    const int64_t levels = llvm::Log2_64(blockNumbers);
    code.loop(code.i32(0), code.i32(levels) - log, 1, [&](V level) {
      halve(blockNumbers / 2);
      sortBitonic(log, shiftRight(code.i32(blockNumbers / 2), level));
    });

    V to = row * given(5) + toI64(code.blockIndex(0)) * toI64(kept);
    code.eachOf(kept, [&](V i) { store(function.getArgument(4), to + toI64(i), load(keys, toI64(i), number)); });
    if (!fromKeys) {
      V scales = code.wrap(LLVM::PtrToIntOp::create(b, code.loc(), number, function.getArgument(6)));
      code.ifThen(scales != 0, [&] {
        V scale = load(function.getArgument(6), row, b.getF64Type());
        V blocks = toI64((count + double(blockNumbers - 1)) / code.i32(blockNumbers));
        sumWeights(own, scale, function.getArgument(7), (row * blocks + toI64(code.blockIndex(0))) * code.i64(2),
                   blockNumbers);
      });
    }
    LLVM::ReturnOp::create(b, code.loc(), ValueRange());
  }

private:
  /// The largest logit of the block and the sum of its weights, to f64 [2].
  void sumWeights(const std::vector<V> &own, V scale, Value to, V at, int64_t blockNumbers) {
    Value sums = code.sharedAt(blockNumbers * 8); // f64 [kThreads]
    V largest = toF64(logitOf(load(keys, code.i64(0), b.getI64Type())));
    V sum = code.f64(0);
    for (V key : own)
      sum = sum + exponentialOf(max((toF64(logitOf(key)) - largest) * scale, -700.0)); // of NaN: -700
    V thread = code.thread();
    store(sums, toI64(thread), sum);
    code.barrier();
    for (int64_t apart = kThreads / 2; apart; apart /= 2) {
      code.ifThen(thread < double(apart), [&] {
        V other = load(sums, toI64(thread + double(apart)), b.getF64Type());
        store(sums, toI64(thread), load(sums, toI64(thread), b.getF64Type()) + other);
      });
      code.barrier();
    }
    code.ifThen(thread == 0, [&] {
      store(to, at, largest);
      store(to, at + code.i64(1), load(sums, code.i64(0), b.getF64Type()));
    });
  }

  /// e^x of f64 in [-700, 0], as runtime/sample/Exponential.h has it, but for roundings.
  V exponentialOf(V x) {
    constexpr double kLog2E = 1.4426950408889634, kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
    constexpr double kRound = 0x1.8p52;
    V shifted = x * kLog2E + kRound, n = shifted - kRound;
    V r = (x - n * kLn2High) - n * kLn2Low;
    double factorial = 6227020800; // 13!
    V sum = code.f64(1 / factorial);
    for (int k = 12; k >= 0; --k) {
      factorial /= k + 1;
      sum = multiplyAdd(sum, r, code.f64(1 / factorial));
    }
    V bits = code.wrap(arith::BitcastOp::create(b, code.loc(), b.getI64Type(), shifted.value));
    V power = (bits + code.i64(1023)) << 52;
    return sum * code.wrap(arith::BitcastOp::create(b, code.loc(), b.getF64Type(), power.value));
  }

  /// What keyOf() was given; of what is no token NaN.
  V logitOf(V key) {
    V ordered = toI32(shiftRight(key, 32));
    return fromBits(ordered ^ (shiftRightSigned(ordered, code.i32(31)) & 0x7fffffff));
  }

  /// Bits of a float, as an integer in the same order, over those of the id, the lower one the larger.
  V keyOf(V logit, V id) {
    V bits = bitsOf(logit + 0.0); // -0 is 0
    V ordered = bits ^ (shiftRightSigned(bits, code.i32(31)) & 0x7fffffff);
    ordered = select(logit == logit, ordered, code.i32(0x7fffffff));
    return (toI64(ordered) << 32) | toI64(id ^ 0x7fffffff);
  }

  /// Sorts bitonic runs of 1 << log keys of the first `count`, one down and the next up.
  void sortBitonic(V log, V count) {
    V half = shiftRight(count, 1);
    code.loop(code.i32(0), log, 1, [&](V turn) {
      V apart = code.i32(1) << (log - turn - 1);
      code.eachOf(half, [&](V pair) {
        V low = pair + pair - (pair & (apart - 1));
        V i = toI64(low), j = toI64(low + apart);
        V a = load(keys, i, b.getI64Type()), c = load(keys, j, b.getI64Type());
        V down = (shiftRight(low, log) & 1) == 0;
        V larger = max(a, c), smaller = min(a, c);
        store(keys, i, select(down, larger, smaller));
        store(keys, j, select(down, smaller, larger));
      });
      code.barrier();
    });
  }

  /// Of each two runs of `kept`, the larger ones of keys at equal places; of `half` keys or fewer, those behind being
  /// of no meaning.
  void halve(int64_t half) {
    std::vector<V> larger;
    for (int64_t part = 0; part < half; part += kThreads) {
      V i = code.thread() + double(part);
      V from = (shiftRight(i, log) << (log + 1)) + (i & (kept - 1));
      larger.push_back(
          max(load(keys, toI64(from), b.getI64Type()), load(keys, toI64(from + kept), b.getI64Type())));
    }
    code.barrier();
    for (int64_t part = 0; part < half; part += kThreads)
      store(keys, toI64(code.thread() + double(part)), larger[size_t(part / kThreads)]);
    code.barrier();
  }

  Value place(Value start, V index, Type type) {
    return LLVM::GEPOp::create(b, code.loc(), start.getType(), type, start,
                               ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(index.value)});
  }
  V load(Value start, V index, Type type) {
    return code.wrap(LLVM::LoadOp::create(b, code.loc(), type, place(start, index, type),
                                          type.getIntOrFloatBitWidth() / 8));
  }
  void store(Value start, V index, V value) {
    LLVM::StoreOp::create(b, code.loc(), value.value, place(start, index, value.type()),
                          value.type().getIntOrFloatBitWidth() / 8);
  }

  OpBuilder b;
  Code code;
  Value keys; ///< shared, i64 [blockNumbers]
  V log, kept;
};

} // namespace

void writeLargest(ModuleOp module, const char *entry, bool fromKeys, int64_t blockNumbers, const TargetDesc &target) {
  assert(llvm::isPowerOf2_64(uint64_t(blockNumbers)) && blockNumbers >= 2 * kThreads);
  Writer(module, target).run(entry, fromKeys, blockNumbers);
}

} // namespace lathe::gpu
