//===- LinearHalf.cpp - f16 and bf16 weights times f32 ----------------------------------------------------------===//
#include "compiler/kernels/gpu/LinearHalf.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

HalfMath::HalfMath(const LinearKernel &k, Code &code)
    : k(k), c(code), brain(k.format == PackedFormat::BF16), eights(brain ? 2 : 1), whole(k.columns % kGroup == 0),
      g(shiftRight(c.lane(), 2)), t(c.lane() & 3) {}

std::vector<V> HalfMath::weights(const std::vector<V> &pairs) {
  if (brain)
    return pairs;
  return {bitsOf(halfToF32(pairs[0])), bitsOf(halfToF32(pairs[1])), bitsOf(halfToF32(shiftRight(pairs[0], 16))),
          bitsOf(halfToF32(shiftRight(pairs[1], 16)))};
}

std::vector<V> HalfMath::operand(std::vector<V> numbers, V step, int64_t slice) {
  if (!whole)
    for (int64_t i = 0; i < 2 * eights; ++i) // what is behind a row is no number
      numbers[i] = select(column(step, slice, i / 2) + t * 2 + double(i % 2) < double(k.columns), numbers[i], c.f32(0));
  std::vector<V> large, small;
  if (!brain) {
    for (V number : numbers) {
      V upper = bitsOf(number) & int64_t(-0x2000); // the 11 bits of a tf32
      large.push_back(upper);
      small.push_back(bitsOf(number - fromBits(upper)));
    }
  } else {
    auto pair = [&](V first, V second) { // both to the nearest
      return c.ptx("cvt.rn.bf16x2.f32 $0, $1, $2;", {c.i32Type()}, {second, first}, false)[0];
    };
    for (int64_t i = 0; i < 2 * eights; i += 2) {
      V both = pair(numbers[i], numbers[i + 1]);
      large.push_back(both);
      small.push_back(pair(numbers[i] - fromBits(both << 16), numbers[i + 1] - fromBits(both & int64_t(-0x10000))));
    }
  }
  large.insert(large.end(), small.begin(), small.end());
  return large;
}

void HalfMath::multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand) {
  for (int64_t part : {1, 0}) { // the small products first
    std::vector<V> operands = weights;
    operands.insert(operands.end(), {operand[2 * part], operand[2 * part + 1]});
    operands.insert(operands.end(), sums, sums + 4);
    std::vector<V> added = c.ptx(std::string("mma.sync.aligned.") + (brain ? "m16n8k16.row.col.f32.bf16.bf16.f32"
                                                                           : "m16n8k8.row.col.f32.tf32.tf32.f32") +
                                     " {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};",
                                 std::vector<mlir::Type>(4, c.f32Type()), operands);
    std::copy(added.begin(), added.end(), sums);
  }
}

//===-- from where panels and activations lie -------------------------------------------------------------------===//

namespace {

/// Lane (g, t) reads rows 4t .. 4t + 3 of column g, 8 bytes; movmatrix turns that round, so that it has row 4 (g / 2) +
/// g % 2 (and the one two below) of columns 2t and 2t + 1.
class HalfProducts final : public DirectProducts {
public:
  HalfProducts(const LinearKernel &k, TileCall &call) : call(call), math(k, call.code), c(call.code) {}

  int64_t slices() const override { return math.slices(); }
  std::pair<V, V> panelRows() const override {
    V upper = shiftRight(math.g, 1) * 4 + (math.g & 1);
    return {upper, upper + 2};
  }

  std::vector<V> load(V panel, V step, int64_t slice) override {
    std::vector<V> all;
    for (int64_t eight = 0; eight < math.eights; ++eight) {
      V column = math.column(step, slice, eight) + math.g;
      V there = math.whole ? column : min(column, c.i32(math.k.columns - 1));
      for (V word : call.array("w").streamedWords({math.t * 4, there, panel}, 2))
        all.push_back(math.whole ? word : select(column < double(math.k.columns), word, c.i32(0)));
    }
    return all;
  }

  std::vector<V> weights(const std::vector<V> &loaded) override {
    std::vector<V> pairs;
    for (V word : loaded)
      pairs.push_back(c.ptx("movmatrix.sync.aligned.m8n8.trans.b16 $0, $1;", {c.i32Type()}, {word})[0]);
    return math.weights(pairs);
  }

  std::vector<V> operand(int64_t group, V step, int64_t slice) override {
    V r = math.k.rows == 1 ? c.i32(0) : min(math.g + double(group * kTokens), c.i32(math.k.rows - 1));
    std::vector<V> numbers;
    for (int64_t eight = 0; eight < math.eights; ++eight) {
      V column = math.column(step, slice, eight) + math.t * 2;
      if (!math.whole)
        column = min(column, c.i32((math.k.columns - 1) / 2 * 2)); // rows are padded to whole panels
      for (V bits : call.array("x").words({column, r}, 2))
        numbers.push_back(fromBits(bits));
    }
    return math.operand(numbers, step, slice);
  }

  void multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand) override {
    math.multiply(sums, weights, operand);
  }

private:
  TileCall &call;
  HalfMath math;
  Code &c;
};

} // namespace

std::unique_ptr<DirectProducts> gpu::halfProducts(const LinearKernel &k, TileCall &call) {
  return std::make_unique<HalfProducts>(k, call);
}
