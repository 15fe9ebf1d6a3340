//===- Assign.cpp - the choices of a step by expert -------------------------------------------------------------===//
//
// A counting sort by one block. Each warp has a run of the choices, 32 at a time: those of one expert find each other
// and rank by lane, so a choice's place is its expert's first, and how many of the expert's choices earlier warps and
// earlier turns have, and its rank. Two passes, one to count and one to place.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Kernel.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace lathe::gpu {

namespace {

class Assign {
public:
  Assign(const AssignKernel &k, TileCall &call)
      : l(k.layout), call(call), code(call.code), counts(code.shared(ElementType::I32, {kWarps, l.experts})),
        firsts(code.shared(ElementType::I32, {l.experts})), zero(code.i32(0)) {
    count = min(call.tile.rows, double(l.rows)) * double(l.choices);
    warp = code.warp();
    lane = code.lane();
    turns = (count + double(kThreads - 1)) / double(kThreads); // of each warp
  }

  void write() {
    code.eachOf(l.experts * kWarps, [&](V i) { counts.store({i % kWarps, i / double(kWarps)}, zero); });
    // What fills a tile up is row 0 again.
    code.eachOf(1 + l.tiles(), [&](V i) { call.array("tiles").store({i}, zero); });
    code.eachOf(l.places(), [&](V i) { call.array("rows").store({i}, zero); });
    code.barrier();
    pass([](V, V, V, V) {});
    code.barrier();
    tiles();
    pass([&](V valid, V i, V expert, V before) {
      code.ifThen(valid, [&] {
        V place = firsts.at({expert}) * double(l.tileRows) + before;
        call.array("places").store({i + double(l.experts)}, place);
        call.array("tiles").store({place / double(l.tileRows) + 1}, expert);
        call.array("rows").store({place}, i / double(l.choices));
      });
    });
  }

private:
  void warpBarrier() { NVVM::SyncWarpOp::create(code.b, code.loc(), code.i32(-1).value); }

  /// Every choice in its order: body(whether there is one, its number, its expert, how many of its expert go before by
  /// `counts`), which then has it too.
  void pass(const std::function<void(V, V, V, V)> &body) {
    code.loop(zero, turns, 1, [&](V turn) {
      V i = (warp * turns + turn) * double(kWarpThreads) + lane, valid = i < count, at = min(i, count - 1);
      V expert = toI32(call.array("routes").at({at % l.choices, at / double(l.choices)}));
      expert = min(max(expert, 0), double(l.experts - 1));
      V same = code.wrap(NVVM::MatchSyncOp::create(code.b, code.loc(), code.i32Type(), code.i32(-1).value,
                                                   select(valid, expert, code.i32(-1)).value,
                                                   NVVM::MatchSyncKind::any));
      V earlier = same & ((code.i32(1) << lane) - 1);
      V so = counts.at({warp, expert}), rank = bits(earlier);
      body(valid, i, expert, so + rank);
      warpBarrier(); // all have read
      code.ifThen(valid & (earlier == 0), [&] { counts.store({warp, expert}, so + bits(same)); });
      warpBarrier();
    });
  }
  V bits(V mask) { return code.wrap(LLVM::CtPopOp::create(code.b, code.loc(), code.i32Type(), mask.value)); }

  /// Each expert's first tile, and of its counts in each warp how many there are before.
  void tiles() {
    const int64_t mark = code.sharedMark();
    Array sums = code.shared(ElementType::I32, {kWarps});
    std::vector<V> before = code.loop(zero, code.i32(l.experts), kThreads, {zero}, [&](V base, const std::vector<V> &so) {
      V e = base + code.thread(), inside = e < double(l.experts), expert = min(e, double(l.experts - 1));
      V choices = zero;
      std::vector<V> starts;
      for (int64_t w = 0; w < kWarps; ++w) {
        starts.push_back(choices);
        choices = choices + counts.at({code.i32(w), expert});
      }
      V tiles = select(inside, (choices + double(l.tileRows - 1)) / double(l.tileRows), zero), upTo = tiles;
      for (int64_t distance = 1; distance < kWarpThreads; distance *= 2) {
        V other = code.shuffle(upTo, max(lane - double(distance), 0));
        upTo = upTo + select(lane >= double(distance), other, zero);
      }
      code.ifThen(lane == double(kWarpThreads - 1), [&] { sums.store({warp}, upTo); });
      code.barrier();
      V first = so[0] + upTo - tiles, total = so[0];
      for (int64_t w = 0; w < kWarps; ++w) {
        V sum = sums.at({code.i32(w)});
        first = first + select(warp > double(w), sum, zero);
        total = total + sum;
      }
      code.ifThen(inside, [&] {
        firsts.store({expert}, first);
        call.array("places").store({expert}, first * double(l.tileRows) + choices); // as the CPU leaves it
        for (int64_t w = 0; w < kWarps; ++w)
          counts.store({code.i32(w), expert}, starts[w]);
      });
      code.barrier();
      return std::vector<V>{total};
    });
    code.ifThen(code.thread() == 0, [&] { call.array("tiles").store({zero}, before[0]); });
    code.freeShared(mark);
  }

  const ChoiceLayout &l;
  TileCall &call;
  Code &code;
  Array counts; ///< [warp, expert]
  Array firsts; ///< [expert]: tile
  V zero, count, warp, lane, turns;
};

} // namespace

void writeKernel(const AssignKernel &k, TileCall &call) {
  const int64_t mark = call.code.sharedMark();
  Assign(k, call).write();
  call.code.freeShared(mark);
}

} // namespace lathe::gpu
