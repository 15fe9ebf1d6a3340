//===- Linear.cpp - y = x W^T over packed panels ----------------------------------------------------------------===//
#include "compiler/kernels/gpu/Linear.h"
#include "compiler/kernels/gpu/Math.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

namespace {

/// Sums of a tile of few rows: each warp has a segment of all panels. [n, r, p, segment] in shared memory.
class Segments {
public:
  Segments(const LinearKernel &k, TileCall &call, DirectProducts &products, const Array &sums)
      : k(k), c(call.code), products(products), sums(sums), groups((k.rows + kTokens - 1) / kTokens),
        unroll(call.values["unroll"]) {}

  void write() {
    V segment = c.warp(), steps = c.i32(stepsOf(k));
    V begin = steps * segment / double(kSegments), end = steps * (segment + 1) / double(kSegments);
    std::vector<V> values(k.panels * groups * 4, c.f32(0));
    V chunked = begin + (end - begin) / double(unroll) * double(unroll);
    if (unroll > 1)
      values = c.loop(begin, chunked, unroll, values,
                      [&](V step, const std::vector<V> &before) { return addSteps(step, unroll, before); });
    values = c.loop(unroll > 1 ? chunked : begin, end, 1, values,
                    [&](V step, const std::vector<V> &before) { return addSteps(step, 1, before); });
    keep(segment, values);
  }

private:
  std::vector<V> addSteps(V first, int64_t count, const std::vector<V> &before) {
    const int64_t slices = products.slices();
    std::vector<std::vector<V>> loaded; // all under way before the first is needed
    for (int64_t i = 0; i < count * slices; ++i)
      for (int64_t p = 0; p < k.panels; ++p)
        loaded.push_back(products.load(c.i32(p), first + double(i / slices), i % slices));
    c.warpBarrier();
    std::vector<V> values = before;
    for (int64_t i = 0; i < count * slices; ++i) {
      std::vector<std::vector<V>> operands;
      for (int64_t group = 0; group < groups; ++group)
        operands.push_back(products.operand(group, first + double(i / slices), i % slices));
      for (int64_t p = 0; p < k.panels; ++p) {
        const std::vector<V> weights = products.weights(loaded[i * k.panels + p]);
        for (int64_t group = 0; group < groups; ++group)
          products.multiply(&values[(p * groups + group) * 4], weights, operands[group]);
      }
    }
    return values;
  }

  void keep(V segment, const std::vector<V> &values) {
    auto [upper, lower] = products.panelRows();
    V pair = (c.lane() & 3) * 2;
    for (int64_t p = 0; p < k.panels; ++p)
      for (int64_t group = 0; group < groups; ++group)
        for (int64_t second : {0, 1}) {
          V row = pair + double(group * kTokens + second);
          auto put = [&] {
            for (int64_t half : {0, 1})
              sums.store({half ? lower : upper, row, c.i32(p), segment}, values[(p * groups + group) * 4 + 2 * half + second]);
          };
          if ((group + 1) * kTokens <= k.rows)
            put();
          else if (group * kTokens + second < k.rows)
            c.ifThen(row < double(k.rows), put);
        }
  }

  const LinearKernel &k;
  Code &c;
  DirectProducts &products;
  const Array &sums;
  const int64_t groups, unroll;
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

bool gpu::usesTensorCores(const LinearKernel &k) {
  return k.input != ActFormat::F32 || k.format == PackedFormat::F16 || k.format == PackedFormat::BF16;
}

bool gpu::isStaged(const LinearKernel &k) {
  const int64_t groups = (k.rows + kTokens - 1) / kTokens;
  return usesTensorCores(k) && groups > 1 && groups * k.panels >= kWarps;
}

void gpu::writeKernel(const LinearKernel &k, TileCall &call) {
  Code &c = call.code;
  if (isStaged(k))
    return writeEpilogue(k, call, writeStagedSums(k, call), 1);
  const bool tensor = usesTensorCores(k);
  const int64_t segments = tensor ? kSegments : 1;
  Array sums = c.shared(ElementType::F32, {kPanelRows, k.rows, k.panels, segments});
  if (!tensor) {
    writePlainSums(k, call, sums);
  } else {
    std::unique_ptr<DirectProducts> products = k.input != ActFormat::F32 ? dotProducts(k, call) : halfProducts(k, call);
    Segments(k, call, *products, sums).write();
    c.barrier();
  }
  writeEpilogue(k, call, sums, segments);
}
