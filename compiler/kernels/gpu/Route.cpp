//===- Route.cpp - which experts a row chooses ------------------------------------------------------------------===//
//
// An expert's rank is the number of experts that go before it: those with a greater score, of equal ones those with a
// lower number. It is chosen when its rank is among the first. So there is no sorting.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Kernel.h"
#include "compiler/kernels/gpu/Math.h"

namespace lathe::gpu {

namespace {

class Route {
public:
  Route(const RouteKernel &k, TileCall &call)
      : k(k), call(call), code(call.code), score(code.shared(ElementType::F32, {k.experts})),
        wanted(code.shared(ElementType::F32, {k.experts})), ranks(code.shared(ElementType::I32, {k.experts})) {}

  void write() {
    scores();
    code.eachOf(k.experts, [&](V e) {
      wanted.store({e}, k.bias ? score.at({e}) + call.array("bias").at({e}) : score.at({e}));
    });
    code.barrier();
    if (k.keep < k.groups)
      dropGroups();
    code.eachOf(k.experts, [&](V e) { ranks.store({e}, rank(wanted, e, code.i32(0), k.experts)); });
    code.barrier();
    choose();
  }

private:
  /// Over all experts, the same in all threads.
  V over(const Array &values, V first, const std::function<V(V, V)> &join) {
    return code.loop(code.thread(), code.i32(k.experts), kThreads, {first}, [&](V e, const std::vector<V> &so) {
      return std::vector<V>{join(so[0], values.at({e}))};
    })[0];
  }

  void scores() {
    const Array &x = call.array("x");
    if (k.scoring == Scoring::Sigmoid) {
      code.eachOf(k.experts, [&](V e) { score.store({e}, sigmoid(x.at({e}))); });
    } else {
      V high = code.blockMax(over(x, code.f32(-3e38f), [](V a, V b) { return max(a, b); }));
      code.eachOf(k.experts, [&](V e) { score.store({e}, exponential(x.at({e}) - high)); });
      code.barrier();
      V sum = code.blockSum(over(score, code.f32(0), [](V a, V b) { return a + b; }));
      code.eachOf(k.experts, [&](V e) { score.store({e}, score.at({e}) / sum); });
    }
    code.barrier();
  }

  /// How many of values[first, first + count) go before the one at `place`.
  V rank(const Array &values, V place, V first, int64_t count) {
    V own = values.at({place});
    return code.loop(first, first + double(count), 1, {code.i32(0)}, [&](V other, const std::vector<V> &so) {
      V value = values.at({other});
      return std::vector<V>{so[0] + toI32((value > own) | ((value == own) & (other < place)))};
    })[0];
  }

  /// What lies in a group that is not kept is wanted far less than any other.
  void dropGroups() {
    const int64_t size = k.experts / k.groups;
    Array best = code.shared(ElementType::F32, {k.groups}), places = code.shared(ElementType::I32, {k.groups});
    code.eachOf(k.experts, [&](V e) { ranks.store({e}, rank(wanted, e, e / double(size) * double(size), size)); });
    code.barrier();
    code.eachOf(k.groups, [&](V group) { // the sum of the two best
      V first = group * double(size);
      V sum = code.loop(first, first + double(size), 1, {code.f32(0)}, [&](V e, const std::vector<V> &so) {
        return std::vector<V>{so[0] + select(ranks.at({e}) < 2, wanted.at({e}), code.f32(0))};
      })[0];
      best.store({group}, sum);
    });
    code.barrier();
    code.eachOf(k.groups, [&](V group) { places.store({group}, rank(best, group, code.i32(0), k.groups)); });
    code.barrier();
    code.eachOf(k.experts, [&](V e) {
      wanted.store({e}, select(places.at({e / double(size)}) < double(k.keep), wanted.at({e}), code.f32(-3e38f)));
    });
    code.barrier();
  }

  void choose() {
    const Array &y = call.array("y");
    V zero = code.i32(0);
    auto chosen = [&](V e) { return ranks.at({e}) < double(k.choices); };
    code.eachOf(k.experts, [&](V e) {
      code.ifThen(chosen(e), [&] {
        // Choices before it, and the sum of the scores of all.
        std::vector<V> sums = code.loop(zero, code.i32(k.experts), 1, {zero, code.f32(0)},
                                        [&](V other, const std::vector<V> &so) {
                                          V counts = chosen(other);
                                          return std::vector<V>{
                                              so[0] + toI32(counts & (other < e)),
                                              so[1] + select(counts, score.at({other}), code.f32(0))};
                                        });
        V place = min(sums[0], double(k.choices - 1)); // NaN has rank 0
        V weight = k.normalise ? score.at({e}) / sums[1] : score.at({e});
        if (k.scale != 1)
          weight = weight * static_cast<float>(k.scale);
        y.store({place}, toF32(e));
        y.store({place + double(k.choices)}, weight);
      });
    });
  }

  const RouteKernel &k;
  TileCall &call;
  Code &code;
  Array score, wanted, ranks;
};

} // namespace

void writeKernel(const RouteKernel &k, TileCall &call) {
  const int64_t mark = call.code.sharedMark();
  Route(k, call).write();
  call.code.freeShared(mark);
}

} // namespace lathe::gpu
