//===- Combine.cpp - joins the partial softmaxes of a row's splits ----------------------------------------------===//
//
// A warp for each head's factors, then all threads over the components. Additions go over the splits in ascending order,
// however many there are.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Math.h"
#include "compiler/kernels/gpu/Row.h"
#include <algorithm>

namespace lathe::gpu {

namespace {

/// Factors of splits that are kept, in f32; of more each thread computes its own.
constexpr int64_t kKept = 4096;

class Combine {
public:
  Combine(const CombineKernel &k, TileCall &call) : k(k), call(call), code(call.code), partial(call.array("partial")) {
    splits = call.array("positions").at({code.i32(0)}) / double(k.splitPositions) + 1;
    highs = code.shared(ElementType::F32, {k.heads});
    sums = code.shared(ElementType::F32, {k.heads});
    if (keeps())
      weights = code.shared(ElementType::F32, {k.heads, k.maxSplits});
  }

  /// Of every head: its maximum, the sum of weights, and the weights if they are kept.
  void factors() {
    V zero = code.i32(0), one = code.i32(1);
    code.loop(code.warp(), code.i32(k.heads), kWarps, [&](V h) {
      // An unseen split has high -inf and sum 0, which are taken as they are.
      V start = k.sinks ? call.array("sinks").at({h}) : code.f32(-1e30f);
      V high = code.warpMax(code.loop(code.lane(), splits, kWarpThreads, {start},
                                      [&](V s, const std::vector<V> &so) {
                                        return std::vector<V>{max(so[0], partial.at({zero, h, s}))};
                                      })[0]);
      V sum = k.sinks ? exponential(start - high) : code.f32(0);
      sum = code.loop(zero, splits, kWarpThreads, {sum}, [&](V base, const std::vector<V> &so) {
        V s = base + code.lane(), within = s < splits, at = min(s, splits - 1);
        V weight = exponential(partial.at({zero, h, at}) - high), product = weight * partial.at({one, h, at});
        if (keeps())
          code.ifThen(within, [&] { weights.store({h, at}, weight); });
        return code.loop(zero, min(splits - base, code.i32(kWarpThreads)), 1, so,
                         [&](V lane, const std::vector<V> &sum) {
                           return std::vector<V>{sum[0] + code.shuffle(product, lane)};
                         });
      })[0];
      code.ifThen(code.lane() == 0, [&] {
        highs.store({h}, high);
        sums.store({h}, sum);
      });
    });
    code.barrier();
  }

  std::vector<V> mixed(const Columns &mine) {
    std::vector<V> heads, components, high;
    for (V first : mine.first) {
      heads.push_back(first / double(k.headSize));
      components.push_back(first % k.headSize);
    }
    const bool together = k.headSize % mine.width == 0; // a run is of one head
    if (!together)
      for (size_t i = 0; i < mine.size(); ++i) {
        heads.resize(mine.size()), components.resize(mine.size());
        heads[i] = mine.at(i) / double(k.headSize);
        components[i] = mine.at(i) % k.headSize;
      }
    const int64_t each = together ? mine.width : 1;
    if (!keeps())
      for (V h : heads)
        high.push_back(highs.at({h}));
    // Some splits at once, so that their loads are under way together.
    const int64_t step = std::clamp<int64_t>(kHeld / 2 / int64_t(mine.size()), 1, std::min<int64_t>(4, k.maxSplits));
    std::vector<V> sum = code.loop(code.i32(0), splits, step, std::vector<V>(mine.size(), code.f32(0)),
                                   [&](V base, const std::vector<V> &so) {
                                     std::vector<V> all = so;
                                     for (int64_t turn = 0; turn < step; ++turn)
                                       add(all, base + double(turn), turn > 0, heads, components, high, each);
                                     return all;
                                   });
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] = sum[i] / sums.at({heads[i / each]});
    return sum;
  }

private:
  bool keeps() const { return k.heads * k.maxSplits <= kKept; }

  /// Split s of every element; `each` neighbours have one head.
  void add(std::vector<V> &sums, V s, bool mayBeBeyond, const std::vector<V> &heads, const std::vector<V> &components,
           const std::vector<V> &high, int64_t each) {
    V seen = s < splits, at = mayBeBeyond ? min(s, splits - 1) : s;
    for (size_t run = 0; run < heads.size(); ++run) {
      V weight = keeps() ? weights.at({heads[run], at})
                         : exponential(partial.at({code.i32(0), heads[run], at}) - high[run]);
      for (int64_t c = 0; c < each; ++c) {
        V &sum = sums[run * each + c];
        V more = sum + weight * partial.at({components[run] + double(2 + c), heads[run], at});
        sum = mayBeBeyond ? select(seen, more, sum) : more;
      }
    }
  }

  const CombineKernel &k;
  TileCall &call;
  Code &code;
  const Array &partial;
  V splits; ///< that the row has
  Array highs, sums, weights;
};

} // namespace

void writeKernel(const CombineKernel &k, TileCall &call) {
  const int64_t mark = call.code.sharedMark();
  Combine combine(k, call);
  combine.factors();
  writeColumns(call, k.output, k.heads * k.headSize, kHeld / 2,
               [&](const Columns &mine) { return combine.mixed(mine); });
  call.code.freeShared(mark);
}

} // namespace lathe::gpu
