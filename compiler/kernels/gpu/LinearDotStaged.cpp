//===- LinearDotStaged.cpp - integer weights times bytes, from shared memory -------------------------------------===//
//
// A buffer has, one after another,
//
//   panels    a step of each, as it lies, in rows of 128 bytes of which the 32-byte parts are exchanged by the row (swizzled):
//             what half a warp reads lies on banks of its own
//   heads     of block scales, of each panel: 16 f16 d (, 16 f16 m)
//   planes    [q, low] [rows] [32 bytes], or of parts of 16 columns [q, low] [part] [rows] [16 bytes]
//   scales    [rows] [1 or 2] f32
//   sums      [rows] [2] i32
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/LinearDot.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

namespace {

constexpr int64_t kLine = 128; ///< bytes of all banks

V swizzled(V byte) { return byte ^ (shiftRight(byte, 7) & 3) << int64_t(5); }

/// Where a buffer's parts begin.
struct Places {
  Places(const LinearKernel &k, const Spread &spread) {
    const PanelLayout &layout = panelLayout(k.format);
    rows = spread.allGroups() * kTokens;
    panel = (layout.stepBytes() + kLine - 1) / kLine * kLine;
    head = layout.blockHeadBytes();
    scale = 4 * (kGroup / scaleColumns(k.input));
    sum = layout.zero || layout.minimum ? 8 : 0;
    heads = panel * spread.allPanels();
    planes = heads + head * spread.allPanels();
    plane = rows * kGroup;
    scales = planes + plane * (k.input == ActFormat::Q16 ? 2 : 1);
    sums = scales + scale * rows;
    bytes = (sums + sum * rows + 15) / 16 * 16;
  }
  int64_t rows, panel, head, plane, scale, sum; ///< sizes
  int64_t heads, planes, scales, sums, bytes;
};

class StagedDot final : public StagedProducts {
public:
  StagedDot(const LinearKernel &k, TileCall &call, const Spread &spread)
      : k(k), call(call), c(call.code), math(k, c, /*staged=*/true), spread(spread), places(k, spread) {}

  std::pair<V, V> panelRows() const override { return {math.g * 2, math.g * 2 + 1}; }

  std::vector<StepCopy> copies() override {
    std::vector<StepCopy> all = {ofPanels("w", 0, places.panel, math.layout.stepBytes())};
    if (places.head) {
      all.push_back(ofPanels("d", places.heads, places.head, 2 * kPanelRows));
      if (math.layout.minimum)
        all.push_back(ofPanels("m", places.heads + 2 * kPanelRows, places.head, 2 * kPanelRows));
    }
    int64_t plane = places.planes;
    for (const char *name : {"q", "low"})
      if (call.has(name)) {
        all.push_back(ofRows(name, plane, kGroup));
        plane += places.plane;
      }
    all.push_back(ofRows("scale", places.scales, places.scale));
    if (places.sum)
      all.push_back(ofRows("sum", places.sums, places.sum));
    return all;
  }

  void from(mlir::Value buffer, V, V firstPanel, V firstGroup) override {
    panels = c.moved(buffer, firstPanel * double(places.panel));
    heads = c.moved(buffer, firstPanel * double(places.head) + math.g * 4);
    const int64_t each = math.halves ? 16 : kGroup;
    V row = firstGroup * double(kTokens);
    planes = c.moved(buffer, (row + math.g) * double(each) + math.t * (math.halves ? 4 : 8));
    scales = c.moved(buffer, (row + math.t * 2) * double(places.scale));
    sums = c.moved(buffer, (row + math.t * 2) * 8);
  }

  std::vector<V> weights(int64_t panel, int64_t) override {
    const PanelLayout &layout = math.layout;
    std::vector<V> all;
    auto read = [&](V byte, int64_t words) {
      for (V word : c.loadWords(c.moved(c.moved(panels, swizzled(byte)), panel * places.panel), words))
        all.push_back(word);
    };
    for (auto [bits, at] : {std::pair{layout.lowBits, int64_t(0)}, {layout.highBits, layout.highAt()}})
      if (bits)
        for (V line : math.lines(bits))
          read(line * 64 + math.g * 8 + double(at), 2);
    for (int64_t kind = 0; kind < 1 + layout.minimum; ++kind) {
      const int64_t at = kind ? layout.minimumsAt() : layout.scalesAt();
      if (layout.blockScales)
        all.push_back(c.loadWords(c.moved(heads, places.heads + panel * places.head + kind * 2 * kPanelRows), 1)[0]);
      for (int64_t i = 0; i < math.groups; ++i)
        if (layout.blockScales)
          for (int64_t lower : {0, 1})
            all.push_back(byteAt(panel, math.g * 2 + double(at + i * kPanelRows + lower)));
        else
          read(math.g * 4 + double(at + i * 2 * kPanelRows), 1);
    }
    return math.weights(all);
  }

  std::vector<V> operand(int64_t group, int64_t) override {
    std::vector<V> words;
    const int64_t each = math.halves ? 16 : kGroup;
    for (int64_t plane = 0; plane < 1 + math.twice; ++plane)
      for (int64_t part = 0; part < (math.halves ? 2 : 1); ++part)
        for (V word : c.loadWords(c.moved(planes, places.planes + plane * places.plane + part * places.rows * each +
                                                      group * kTokens * each),
                                  math.halves ? 1 : 2))
          words.push_back(word);
    std::vector<V> ofScales = c.loadWords(c.moved(scales, places.scales + group * kTokens * places.scale), 2 * math.scales);
    std::vector<V> ofSums;
    if (places.sum)
      ofSums = c.loadWords(c.moved(sums, places.sums + group * kTokens * 8), 4);
    std::vector<DotMath::Column> columns(2);
    for (int64_t column : {0, 1}) {
      for (int64_t i = 0; i < math.scales; ++i)
        columns[column].scales.push_back(fromBits(ofScales[column * math.scales + i]));
      if (places.sum)
        columns[column].sums = {ofSums[2 * column], ofSums[2 * column + 1]};
    }
    return math.operand(words, columns);
  }

  void multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand) override {
    math.multiply(sums, weights, operand);
  }

private:
  /// `each` bytes of each panel, `stride` apart.
  StepCopy ofPanels(const std::string &name, int64_t at, int64_t stride, int64_t each) {
    const bool head = name != "w";
    const int64_t bytes = std::min<int64_t>(16, call.array(name).alignment), units = each / bytes;
    auto panel = [=](V i) { return i / double(units); };
    auto byte = [=](V i) { return i % units * double(bytes); };
    return {.units = units * spread.allPanels(),
            .bytes = bytes,
            .from =
                [=, this](V i, V step) {
                  V own = min(panel(i), c.i32(k.panels - 1));
                  const Array &array = call.array(name);
                  return c.moved(head ? array.address({c.i32(0), step / double(kBlock / kGroup), own})
                                      : array.address({c.i32(0), c.i32(0), c.i32(0), step, own}),
                                 byte(i));
                },
            .to = [=](V i) { return panel(i) * double(stride) + (head ? byte(i) : swizzled(byte(i))) + double(at); }};
  }

  /// `each` bytes of each row of activations.
  StepCopy ofRows(const std::string &name, int64_t at, int64_t each) {
    const Array &array = call.array(name);
    const int64_t bytes = std::min({int64_t(16), array.alignment, each}), units = each / bytes;
    const int64_t elements = each / elementBytes(array.argument.type);
    auto row = [=](V i) { return i / double(units); };
    auto byte = [=](V i) { return i % units * double(bytes); };
    const bool byParts = math.halves && each == kGroup;
    return {.units = units * places.rows,
            .bytes = bytes,
            .from =
                [=, this](V i, V step) {
                  V own = min(row(i), min(call.tile.rowsLeft, c.i32(k.rows)) - 1);
                  return c.moved(call.array(name).address({step * double(elements), own}), byte(i));
                },
            .to =
                [=, this](V i) {
                  V place = byParts ? byte(i) / 16 * double(16 * places.rows) + row(i) * 16 + byte(i) % 16
                                    : row(i) * double(each) + byte(i);
                  return place + double(at);
                }};
  }

  V byteAt(int64_t panel, V byte) {
    Array bytes = {&c, c.moved(c.moved(panels, swizzled(byte)), panel * places.panel), {"", ElementType::I8, {}, false}};
    return bytes.at({});
  }

  const LinearKernel &k;
  TileCall &call;
  Code &c;
  DotMath math;
  const Spread spread;
  const Places places;
  mlir::Value panels, heads, planes, scales, sums; ///< the lane's, of the buffer that is read
};

} // namespace

std::unique_ptr<StagedProducts> gpu::stagedDotProducts(const LinearKernel &k, TileCall &call, const Spread &spread) {
  return std::make_unique<StagedDot>(k, call, spread);
}

int64_t gpu::dotBufferBytes(const LinearKernel &k, const Spread &spread) { return Places(k, spread).bytes; }
