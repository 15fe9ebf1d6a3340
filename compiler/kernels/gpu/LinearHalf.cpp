//===- LinearHalf.cpp - f16 and bf16 weights times f32 ----------------------------------------------------------===//
//
// A step is 8 columns. Lane (g, t) reads rows 4t .. 4t + 3 of column g, 8 bytes; movmatrix turns that round, so that it
// has row 4 (g / 2) + g % 2 (and the one two below) of columns 2t and 2t + 1: what m16n8k8 wants, with column 2t for its
// slot t and 2t + 1 for t + 4.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Linear.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

namespace {

constexpr int64_t kColumns = 8;

class HalfProducts final : public Products {
public:
  HalfProducts(const LinearKernel &k, TileCall &call)
      : k(k), call(call), c(call.code), tokens((k.rows + kTokens - 1) / kTokens), whole(k.columns % kColumns == 0),
        g(shiftRight(c.lane(), 2)), t(c.lane() & 3) {}

  int64_t steps() const override { return (k.columns + kColumns - 1) / kColumns; }
  std::pair<V, V> panelRows() const override {
    V upper = shiftRight(g, 1) * 4 + (g & 1);
    return {upper, upper + 2};
  }

  std::vector<V> load(V panel, V step) override {
    V column = step * double(kColumns) + g;
    if (whole)
      return call.array("w").streamedWords({t * 4, column, panel}, 2);
    std::vector<V> words = call.array("w").streamedWords({t * 4, min(column, c.i32(k.columns - 1)), panel}, 2);
    for (V &word : words)
      word = select(column < double(k.columns), word, c.i32(0));
    return words;
  }

  /// Of each 8 rows: of columns 2t and 2t + 1 the upper part, then the rest.
  std::vector<V> operand(V step) override {
    std::vector<V> all;
    const Array &x = call.array("x");
    V column = step * double(kColumns) + t * 2;
    for (int64_t tile = 0; tile < tokens; ++tile) {
      V r = k.rows == 1 ? c.i32(0) : min(g + double(tile * kTokens), c.i32(k.rows - 1));
      std::vector<V> numbers, rests;
      for (V bits : x.words({column, r}, 2)) // rows are padded to whole panels
        numbers.push_back(fromBits(bits));
      for (int64_t i : {0, 1}) {
        if (!whole)
          numbers[i] = select(column + double(i) < double(k.columns), numbers[i], c.f32(0));
        V upper = bitsOf(numbers[i]) & int64_t(-0x2000); // the 11 bits of a tf32
        rests.push_back(bitsOf(numbers[i] - fromBits(upper)));
        all.push_back(upper);
      }
      all.insert(all.end(), rests.begin(), rests.end());
    }
    return all;
  }

  void multiply(std::vector<V> &sums, const std::vector<V> &loaded, const std::vector<V> &operand) override {
    std::vector<V> weights(4);
    for (int64_t lower : {0, 1}) {
      V turned = c.ptx("movmatrix.sync.aligned.m8n8.trans.b16 $0, $1;", {c.i32Type()}, {loaded[lower]})[0];
      const bool brain = k.format == PackedFormat::BF16;
      weights[lower] = brain ? turned << 16 : bitsOf(halfToF32(turned));
      weights[2 + lower] = brain ? turned & int64_t(-0x10000) : bitsOf(halfToF32(shiftRight(turned, 16)));
    }
    for (int64_t tile = 0; tile < tokens; ++tile)
      for (int64_t rest : {1, 0}) { // the small products first
        std::vector<V> operands = weights;
        for (int64_t i : {0, 1})
          operands.push_back(operand[tile * 4 + 2 * rest + i]);
        for (int64_t i = 0; i < 4; ++i)
          operands.push_back(sums[tile * 4 + i]);
        std::vector<V> added = c.ptx("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {$0, $1, $2, $3}, {$4, $5, $6, "
                                     "$7}, {$8, $9}, {$10, $11, $12, $13};",
                                     std::vector<mlir::Type>(4, c.f32Type()), operands);
        std::copy(added.begin(), added.end(), sums.begin() + tile * 4);
      }
  }

private:
  const LinearKernel &k;
  TileCall &call;
  Code &c;
  const int64_t tokens;
  const bool whole;
  const V g, t;
};

} // namespace

std::unique_ptr<Products> gpu::halfProducts(const LinearKernel &k, TileCall &call) {
  return std::make_unique<HalfProducts>(k, call);
}
