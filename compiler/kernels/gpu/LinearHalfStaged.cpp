//===- LinearHalfStaged.cpp - f16 and bf16 weights times f32, from shared memory ---------------------------------===//
//
// A buffer has, one after another,
//
//   panels    of each 32 columns of 16 numbers, 32 bytes; of every other four columns the two halves are exchanged, so
//             that the eight 16-byte parts that ldmatrix reads at once lie on banks of their own
//   x         of each row 32 numbers, kRowBytes apart, so that 8 bytes of half a warp lie on banks of their own
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/LinearHalf.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

namespace {

constexpr int64_t kColumnBytes = 2 * kPanelRows, kPanelBytes = kGroup * kColumnBytes;
constexpr int64_t kGivenBytes = 4 * kGroup, kRowBytes = kGivenBytes + 32;

class StagedHalf final : public StagedProducts {
public:
  StagedHalf(const LinearKernel &k, TileCall &call, const Spread &spread)
      : k(k), call(call), c(call.code), math(k, c), spread(spread), rows(kPanelBytes * spread.allPanels()) {}

  int64_t slices() const override { return math.slices(); }
  std::pair<V, V> panelRows() const override { return {math.g, math.g + 8}; }

  std::vector<StepCopy> copies() override {
    const Array &w = call.array("w"), &x = call.array("x");
    const int64_t wBytes = std::min<int64_t>(16, w.alignment), xBytes = std::min<int64_t>(16, x.alignment);
    const int64_t wUnits = kPanelBytes / wBytes, xUnits = kGivenBytes / xBytes;
    auto column = [=](V i, V step) { return step * double(kGroup) + i % wUnits / double(kColumnBytes / wBytes); };
    auto number = [=](V i, V step) { return step * double(kGroup) + i % xUnits * double(xBytes / 4); };
    StepCopy ofPanels = {
        .units = wUnits * spread.allPanels(),
        .bytes = wBytes,
        .from =
            [=, this, &w](V i, V step) {
              V own = min(i / double(wUnits), c.i32(k.panels - 1));
              V there = math.whole ? column(i, step) : min(column(i, step), c.i32(k.columns - 1));
              return c.moved(w.address({c.i32(0), there, own}), i % (kColumnBytes / wBytes) * double(wBytes));
            },
        .to =
            [=](V i) {
              V byte = i * double(wBytes);
              return byte ^ (shiftRight(byte, 7) & 1) << int64_t(4);
            }};
    StepCopy ofRows = {.units = xUnits * kTokens * spread.allGroups(),
                       .bytes = xBytes,
                       .from =
                           [=, this, &x](V i, V step) {
                             V own = min(i / double(xUnits), min(call.tile.rowsLeft, c.i32(k.rows)) - 1);
                             V there = number(i, step);
                             return x.address({math.whole ? there : min(there, c.i32(k.columns - 1)), own});
                           },
                       .to =
                           [=, this](V i) {
                             return i / double(xUnits) * double(kRowBytes) + i % xUnits * double(xBytes) + double(rows);
                           }};
    if (!math.whole) {
      ofPanels.given = [=, this](V i, V step) {
        return select(column(i, step) < double(k.columns), c.i32(wBytes), c.i32(0));
      };
      ofRows.given = [=, this](V i, V step) { // rows are padded to whole panels
        return select(number(i, step) < double(k.columns), c.i32(xBytes), c.i32(0));
      };
    }
    return {std::move(ofPanels), std::move(ofRows)};
  }

  void from(mlir::Value buffer, V ofStep, V firstPanel, V firstGroup) override {
    step = ofStep;
    // Of each matrix of 8 columns and 8 rows that ldmatrix reads eight lanes have the parts: upper, lower, of the next 8
    // columns upper, lower.
    V column = (c.lane() & 7) + shiftRight(c.lane(), 4) * 8, half = shiftRight(c.lane(), 3) & 1;
    V byte = column * double(kColumnBytes) + half * 16;
    panels = c.moved(buffer, firstPanel * double(kPanelBytes) + (byte ^ (shiftRight(byte, 7) & 1) << int64_t(4)));
    x = c.moved(buffer, (firstGroup * double(kTokens) + math.g) * double(kRowBytes) + math.t * 8);
  }

  std::vector<V> weights(int64_t panel, int64_t slice) override {
    const int64_t eight = slice * math.eights; // two eights are read at once
    std::vector<V> &words = read[panel];
    if (eight % 2 == 0)
      words = c.ptx("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {$0, $1, $2, $3}, [$4];",
                    std::vector<mlir::Type>(4, c.i32Type()),
                    {c.wrap(c.moved(panels, panel * kPanelBytes + eight * kEight * kColumnBytes))});
    if (math.brain)
      return math.weights(words);
    return math.weights({words[2 * (eight % 2)], words[2 * (eight % 2) + 1]});
  }

  std::vector<V> operand(int64_t group, int64_t slice) override {
    std::vector<V> numbers;
    for (int64_t eight = 0; eight < math.eights; ++eight)
      for (V bits : c.loadWords(c.moved(x, rows + group * kTokens * kRowBytes + (slice * math.eights + eight) * kEight * 4), 2))
        numbers.push_back(fromBits(bits));
    return math.operand(numbers, step, slice);
  }

  void multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand) override {
    math.multiply(sums, weights, operand);
  }

private:
  const LinearKernel &k;
  TileCall &call;
  Code &c;
  HalfMath math;
  const Spread spread;
  const int64_t rows; ///< where x begins
  V step;
  mlir::Value panels, x; ///< the lane's, of the buffer that is read
  std::map<int64_t, std::vector<V>> read; ///< of panels
};

} // namespace

std::unique_ptr<StagedProducts> gpu::stagedHalfProducts(const LinearKernel &k, TileCall &call, const Spread &spread) {
  return std::make_unique<StagedHalf>(k, call, spread);
}

int64_t gpu::halfBufferBytes(const LinearKernel &, const Spread &spread) {
  return (kPanelBytes * spread.allPanels() + kRowBytes * kTokens * spread.allGroups() + 15) / 16 * 16;
}
