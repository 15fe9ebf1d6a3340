//===- Scan.cpp - a selective scan, one row ---------------------------------------------------------------------===//
//
// S6 (arXiv:2312.00752, algorithm 2) with the lanes of a block 16 channels, SSD (arXiv:2405.21060, section 7) with the
// channels of one head. The state is replaced in place; at position 0 what was there counts as zero. A channel's numbers
// are of four neighbouring threads, number n of thread n mod 4, which add up what they have in a tree.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Kernel.h"
#include "compiler/kernels/gpu/Math.h"
#include <numeric>

namespace lathe::gpu {

namespace {

constexpr int64_t kThreadsOfChannel = 4, kUnroll = 8;

class Scan {
public:
  Scan(const ScanKernel &k, TileCall &call)
      : k(k), call(call), code(call.code), share(std::gcd(kThreadsOfChannel, k.stateSize)), zero(code.i32(0)),
        position(call.array("positions").at({zero})), block(call.array("blocks").at({zero})) {}

  void write() {
    const int64_t items = k.lanes() * k.blocks() * share;
    // All threads take each turn, for they add up together.
    code.loop(zero, code.i32(items), kThreads, [&](V base) {
      V item = base + code.thread();
      channel(min(item, double(items - 1)), item < double(items));
    });
  }

private:
  void channel(V item, V own) {
    first = item % share;
    V index = item / double(share);
    lane = index % k.lanes(), part = index / double(k.lanes());
    V channel = min(index, double(k.heads * k.headSize - 1));
    V ofCall = k.byChannel ? channel : part; // the head
    // What a head has one of; with lanes of channels, each lane is a head.
    auto ofHead = [&](const char *name) {
      return k.byChannel ? call.array(name).at({lane, part}) : call.array(name).at({part});
    };
    V head = call.tile.n * double(k.heads) + ofCall;
    group = k.groups == 1 ? zero : min(head / double(k.groupHeads), double(k.groups - 1));
    step = softplus(call.array("dt").at({ofCall}) + ofHead("dt_bias"));
    if (k.dtMin > 0)
      step = max(step, static_cast<float>(k.dtMin));
    if (k.dtMax > 0)
      step = min(step, static_cast<float>(k.dtMax));
    if (!k.byChannel)
      decay = exponential(step * call.array("a").at({part}));
    x = call.array("x").at({channel});
    const int64_t turns = k.stateSize / share, unroll = std::gcd(turns, kUnroll);
    V sum = code.loop(zero, code.i32(turns), unroll, {code.f32(0)}, [&](V turn, const std::vector<V> &so) {
      return std::vector<V>{numbers(turn, unroll, so[0], own)};
    })[0];
    for (int64_t mask = 1; mask < share; mask *= 2)
      sum = sum + code.shuffleXor(sum, mask);
    code.ifThen(own & (first == 0), [&] { call.array("y").store({lane, part}, ofHead("d") * x + sum); });
  }

  /// `sum` and what `count` numbers from the thread's `turn`-th on add to it.
  V numbers(V turn, int64_t count, V sum, V own) {
    const Array &state = call.array("state");
    std::vector<V> places, states;
    for (int64_t i = 0; i < count; ++i) {
      places.push_back((turn + double(i)) * double(share) + first);
      states.push_back(state.at({lane, places[i], part, block}));
    }
    for (int64_t i = 0; i < count; ++i) {
      V n = places[i];
      V kept = k.byChannel ? exponential(step * call.array("a").at({lane, n, part})) : decay;
      states[i] = kept * select(position > 0, states[i], code.f32(0)) + step * x * call.array("b").at({n, group});
      sum = sum + states[i] * call.array("c").at({n, group});
    }
    code.ifThen(own, [&] {
      for (int64_t i = 0; i < count; ++i)
        state.store({lane, places[i], part, block}, states[i]);
    });
    return sum;
  }

  const ScanKernel &k;
  TileCall &call;
  Code &code;
  const int64_t share; ///< threads of a channel
  V zero, position, block;
  V first, lane, part, group, step, decay, x; ///< of the thread's channel
};

} // namespace

void writeKernel(const ScanKernel &k, TileCall &call) { Scan(k, call).write(); }

} // namespace lathe::gpu
