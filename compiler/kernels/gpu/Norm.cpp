//===- Norm.cpp - norms of a row --------------------------------------------------------------------------------===//
//
// Of one group of at most kHeldColumns columns, the usual one, each number is read once. Several groups have a warp each,
// whose factors all threads then read from shared memory.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Row.h"

namespace lathe::gpu {

namespace {

/// value(i) over what a thread has, in an order that is that of no other format: by place in a run, then over those.
V sumOf(const Columns &mine, const std::function<V(size_t)> &value) {
  std::vector<V> sums;
  for (size_t i = 0; i < mine.size(); ++i) {
    V one = mine.owned(i, value(i), 0);
    if (i < size_t(mine.width))
      sums.push_back(one);
    else
      sums[i % mine.width] = sums[i % mine.width] + one;
  }
  return mine.width == 1 ? sums[0] : (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

struct Factors {
  V mean, inverse; ///< mean: of Layer
};

class Norm {
public:
  Norm(const NormKernel &k, TileCall &call) : k(k), call(call), code(call.code), x(call.array("x")) {
    if (k.gatherRows)
      row = {call.array("rows").at({code.i32(0)})};
  }

  void write() {
    if (k.kind == NormKind::None)
      return writeColumns(call, k.output, k.columns, 16, [&](const Columns &mine) { return loadColumns(x, mine, row); });
    if (k.width() == k.columns && k.columns <= kHeldColumns)
      return writeColumns(call, k.output, k.columns, kHeld, [&](const Columns &mine) { return held(mine); });
    const int64_t mark = code.sharedMark();
    const int64_t groups = k.columns / k.width();
    if (groups == 1)
      factors = wholeRow();
    else
      ofGroups(groups);
    writeRow(call, k.output, k.columns, [&](V i) { return normed(i, groups > 1); });
    code.freeShared(mark);
  }

private:
  bool layer() const { return k.kind == NormKind::Layer; }
  V at(V i) const {
    std::vector<V> index = {i};
    index.insert(index.end(), row.begin(), row.end());
    return x.at(index);
  }
  V inverseOf(V squares) const {
    return 1.0f / squareRoot(squares / static_cast<float>(k.width()) + static_cast<float>(k.eps));
  }
  V weighted(V value, const std::function<V()> &weight, const std::function<V()> &bias) const {
    if (!k.unweighted)
      value = value * (k.unitOffset ? 1.0f + weight() : weight());
    return k.bias ? value + bias() : value;
  }

  std::vector<V> held(const Columns &mine) {
    std::vector<V> values = loadColumns(x, mine, row), weight, bias;
    auto loadVectors = [&] {
      if (!k.unweighted)
        weight = loadColumns(call.array("weight"), mine);
      if (k.bias)
        bias = loadColumns(call.array("bias"), mine);
    };
    const bool early = mine.size() <= kHeld / 2; // while the sums go on, if there are registers for that
    if (early)
      loadVectors();
    if (layer()) {
      V mean = code.blockSum(sumOf(mine, [&](size_t i) { return values[i]; })) / static_cast<float>(k.columns);
      for (V &value : values)
        value = value - mean;
    }
    V inverse = inverseOf(code.blockSum(sumOf(mine, [&](size_t i) { return values[i] * values[i]; })));
    if (!early)
      loadVectors();
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = weighted(values[i] * inverse, [&] { return weight[i]; }, [&] { return bias[i]; });
    return values;
  }

  /// Of the group that begins at `start`, by threads of which this one takes `first`, `first` + `step`, …
  Factors of(V start, V first, int64_t step, const std::function<V(V)> &sum) {
    auto over = [&](const std::function<V(V)> &value) {
      return sum(code.loop(first, code.i32(k.width()), step, {code.f32(0)}, [&](V i, const std::vector<V> &so) {
        return std::vector<V>{so[0] + value(at(start + i))};
      })[0]);
    };
    Factors f;
    if (layer())
      f.mean = over([](V value) { return value; }) / static_cast<float>(k.width());
    f.inverse = inverseOf(over([&](V value) {
      V centred = layer() ? value - f.mean : value;
      return centred * centred;
    }));
    return f;
  }

  Factors wholeRow() {
    return of(code.i32(0), code.thread(), kThreads, [&](V value) { return code.blockSum(value); });
  }

  void ofGroups(int64_t groups) {
    if (layer())
      means = code.shared(ElementType::F32, {groups});
    inverses = code.shared(ElementType::F32, {groups});
    code.loop(code.warp(), code.i32(groups), kWarps, [&](V group) {
      Factors f = of(group * double(k.width()), code.lane(), kWarpThreads, [&](V value) { return code.warpSum(value); });
      code.ifThen(code.lane() == 0, [&] {
        if (layer())
          means.store({group}, f.mean);
        inverses.store({group}, f.inverse);
      });
    });
    code.barrier();
  }

  V normed(V i, bool grouped) const {
    V group = grouped ? i / double(k.width()) : i, place = grouped ? i - group * double(k.width()) : i;
    V value = at(i), vector = k.wide ? i : place;
    if (layer())
      value = value - (grouped ? means.at({group}) : factors.mean);
    value = value * (grouped ? inverses.at({group}) : factors.inverse);
    return weighted(
        value, [&] { return call.array("weight").at({vector}); }, [&] { return call.array("bias").at({vector}); });
  }

  const NormKernel &k;
  TileCall &call;
  Code &code;
  const Array &x;
  std::vector<V> row; ///< the index of the row that is gathered
  Factors factors;
  Array means, inverses; ///< of groups
};

} // namespace

void writeKernel(const NormKernel &k, TileCall &call) { Norm(k, call).write(); }

} // namespace lathe::gpu
