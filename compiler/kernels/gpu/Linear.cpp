//===- Linear.cpp - y = x W^T over packed panels ----------------------------------------------------------------===//
#include "compiler/kernels/gpu/Linear.h"
#include "compiler/kernels/gpu/Math.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

namespace {

/// Writes the sums of segments, [segment, p, r, n] in shared memory.
class Tensor {
public:
  Tensor(const LinearKernel &k, TileCall &call, Products &products, const Array &sums)
      : k(k), c(call.code), products(products), sums(sums), tokens((k.rows + kTokens - 1) / kTokens),
        unroll(call.values["unroll"]) {}

  /// Each warp a segment of all panels.
  void shared() {
    std::vector<V> panels;
    for (int64_t p = 0; p < k.panels; ++p)
      panels.push_back(c.i32(p));
    V segment = c.warp();
    keep(segment, panels, segmentSums(segment, panels));
  }

  /// Each warp whole panels.
  void whole() {
    c.loop(c.warp(), c.i32(k.panels), kWarps, [&](V panel) {
      std::vector<V> total = c.loop(c.i32(0), c.i32(kSegments), 1, zeros(1), [&](V segment, const std::vector<V> &before) {
        std::vector<V> part = segmentSums(segment, {panel}), after;
        for (size_t i = 0; i < part.size(); ++i)
          after.push_back(before[i] + part[i]);
        return after;
      });
      keep(c.i32(0), {panel}, total);
    });
  }

private:
  std::vector<V> zeros(size_t panels) { return std::vector<V>(panels * tokens * 4, c.f32(0)); }

  std::vector<V> segmentSums(V segment, const std::vector<V> &panels) {
    const int64_t steps = products.steps();
    V begin = c.i32(steps) * segment / double(kSegments), end = c.i32(steps) * (segment + 1) / double(kSegments);
    std::vector<V> sums = zeros(panels.size());
    V chunked = begin + (end - begin) / double(unroll) * double(unroll);
    if (unroll > 1)
      sums = c.loop(begin, chunked, unroll, sums,
                    [&](V step, const std::vector<V> &before) { return addSteps(panels, step, unroll, before); });
    return c.loop(unroll > 1 ? chunked : begin, end, 1, sums,
                  [&](V step, const std::vector<V> &before) { return addSteps(panels, step, 1, before); });
  }

  std::vector<V> addSteps(const std::vector<V> &panels, V first, int64_t count, const std::vector<V> &before) {
    std::vector<std::vector<V>> loaded; // all under way before the first is needed
    for (int64_t i = 0; i < count; ++i)
      for (V panel : panels)
        loaded.push_back(products.load(panel, first + double(i)));
    c.warpBarrier();
    std::vector<V> sums = before;
    const size_t each = tokens * 4;
    for (int64_t i = 0; i < count; ++i) {
      const std::vector<V> operand = products.operand(first + double(i));
      for (size_t p = 0; p < panels.size(); ++p) {
        std::vector<V> own(sums.begin() + p * each, sums.begin() + (p + 1) * each);
        products.multiply(own, loaded[i * panels.size() + p], operand);
        std::copy(own.begin(), own.end(), sums.begin() + p * each);
      }
    }
    return sums;
  }

  void keep(V segment, const std::vector<V> &panels, const std::vector<V> &values) {
    auto [upper, lower] = products.panelRows();
    V pair = (c.lane() & 3) * 2;
    for (size_t p = 0; p < panels.size(); ++p)
      for (int64_t tile = 0; tile < tokens; ++tile)
        for (int64_t second : {0, 1}) {
          V row = pair + double(tile * kTokens + second);
          auto put = [&] {
            for (int64_t half : {0, 1})
              sums.store({half ? lower : upper, row, panels[p], segment}, values[(p * tokens + tile) * 4 + 2 * half + second]);
          };
          if ((tile + 1) * kTokens <= k.rows)
            put();
          else if (tile * kTokens + second < k.rows)
            c.ifThen(row < double(k.rows), put);
        }
  }

  const LinearKernel &k;
  Code &c;
  Products &products;
  const Array &sums;
  const int64_t tokens, unroll;
};

/// Bias, activation or gated pair, scale, softcap, residual, in that order; `segments` of the sums are joined.
void writeEpilogue(const LinearKernel &k, TileCall &call, const Array &sums, int64_t segments) {
  Code &c = call.code;
  const int64_t panels = k.gated ? k.panels / 2 : k.panels;
  V rows = min(call.tile.rowsLeft, c.i32(k.rows));
  c.eachOf(rows * double(panels * kPanelRows), [&](V i) {
    V n = i % kPanelRows, p = i / double(kPanelRows) % panels, r = i / double(kPanelRows * panels);
    auto sum = [&](V panel) {
      V total = c.f32(0) + sums.at({n, r, panel, c.i32(0)});
      for (int64_t s = 1; s < segments; ++s)
        total = total + sums.at({n, r, panel, c.i32(s)});
      return k.bias ? total + call.array("bias").at({n, panel}) : total;
    };
    V value = k.gated ? gatedUnit(k.activation, sum(p * 2), sum(p * 2 + 1), k.shape)
                      : activate(k.activation, sum(p), k.shape);
    if (k.scale != 1)
      value = value * k.scale;
    if (k.softcap != 0)
      value = softcap(value, k.softcap);
    if (k.residual)
      value = call.array("residual").at({n, p, r}) + value;
    call.array("y").store({n, p, r}, value);
  });
}

} // namespace

void gpu::writeKernel(const LinearKernel &k, TileCall &call) {
  Code &c = call.code;
  const bool dot = k.input != ActFormat::F32, plain = !dot && (isInteger(k.format) || k.format == PackedFormat::F32);
  const bool few = k.rows <= kTokens;
  const int64_t segments = few && !plain ? kSegments : 1;
  Array sums = c.shared(ElementType::F32, {kPanelRows, k.rows, k.panels, segments});
  if (plain) {
    writePlainSums(k, call, sums);
    writeEpilogue(k, call, sums, segments);
    return;
  }
  std::unique_ptr<Products> products = dot ? dotProducts(k, call) : halfProducts(k, call);
  Tensor tensor(k, call, *products, sums);
  few ? tensor.shared() : tensor.whole();
  c.barrier();
  writeEpilogue(k, call, sums, segments);
}
