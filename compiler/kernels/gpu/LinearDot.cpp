//===- LinearDot.cpp - integer weights times bytes ---------------------------------------------------------------===//
//
// A step is one m16n8k32 product for each plane of activations. Lane (g, t) has rows 2g and 2g + 1 of the panel and quads
// 2t and 2t + 1 of the step, which lie side by side in the activations. Of parts of 16 columns (two scales in a step)
// each has a product of its own, in which the other part's activations are zero.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "compiler/kernels/gpu/Linear.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

namespace {

class DotProducts final : public Products {
public:
  DotProducts(const LinearKernel &k, TileCall &call)
      : k(k), call(call), c(call.code), layout(panelLayout(k.format)), twice(k.input == ActFormat::Q16),
        groups(layout.groups()), scales(kGroup / scaleColumns(k.input)), parts(std::max(groups, scales)),
        tokens((k.rows + kTokens - 1) / kTokens), columns(k.rows == 1 ? 1 : 2), g(shiftRight(c.lane(), 2)),
        t(c.lane() & 3) {}

  int64_t steps() const override { return k.columns / kGroup; }
  std::pair<V, V> panelRows() const override { return {g * 2, g * 2 + 1}; }

  std::vector<V> load(V panel, V step) override {
    std::vector<V> all;
    loadPlane(all, "w", layout.lowBits, panel, step);
    if (layout.highBits)
      loadPlane(all, "wh", layout.highBits, panel, step);
    for (const char *name : {"d", "m"})
      if (call.has(name))
        loadScales(all, name, name[0] == 'd' ? "s" : "t", panel, step);
    return all;
  }

  /// Of each 8 rows: two words of each plane, then for each column of the lane the scales and the sums of the step.
  std::vector<V> operand(V step) override {
    std::vector<V> all;
    const bool sums = layout.zero || layout.minimum;
    for (int64_t tile = 0; tile < tokens; ++tile) {
      for (const char *plane : {"q", "low"})
        if (call.has(plane))
          for (V word : call.array(plane).words({step * double(kGroup) + t * 8, row(g + double(tile * kTokens))}, 2))
            all.push_back(word);
      for (int64_t column = 0; column < columns; ++column) {
        V r = row(t * 2 + double(tile * kTokens + column));
        for (int64_t i = 0; i < scales; ++i)
          all.push_back(call.array("scale").at({step * double(scales) + double(i), r}));
        for (int64_t i = 0; sums && i < 2; ++i)
          all.push_back(call.array("sum").at({step * 2 + double(i), r}));
      }
    }
    return all;
  }

  void multiply(std::vector<V> &sums, const std::vector<V> &loaded, const std::vector<V> &operand) override {
    size_t at = 0;
    const std::vector<V> codes = codesOf(loaded, at);
    std::vector<V> factors = factorsOf(loaded, at, "d"), minimums;
    if (layout.minimum)
      minimums = factorsOf(loaded, at, "m");
    size_t next = 0;
    for (int64_t tile = 0; tile < tokens; ++tile) {
      std::vector<V> planes(operand.begin() + next, operand.begin() + next + (twice ? 4 : 2));
      next += planes.size();
      Column of[2];
      for (int64_t column = 0; column < columns; ++column) {
        for (int64_t i = 0; i < scales; ++i)
          of[column].scales.push_back(operand[next++]);
        for (int64_t i = 0; (layout.zero || layout.minimum) && i < 2; ++i)
          of[column].sums.push_back(operand[next++]);
      }
      for (int64_t part = 0; part < parts; ++part)
        addPart(&sums[tile * 4], part, codes, planes, of, factors, minimums);
    }
  }

private:
  struct Column {
    std::vector<V> scales, sums; ///< of the step: scales of x, sums of 16 columns
  };

  V row(V index) { return k.rows == 1 ? c.i32(0) : min(index, c.i32(k.rows - 1)); }

  void loadPlane(std::vector<V> &all, const char *name, int bits, V panel, V step) {
    const Array &plane = call.array(name);
    auto line = [&](V which) {
      for (V word : plane.streamedWords({c.i32(0), g * 2, which, step, panel}, 2))
        all.push_back(word);
    };
    if (bits == 8) {
      line(t * 2);
      line(t * 2 + 1);
    } else {
      line(bits == 4 ? t : bits == 2 ? shiftRight(t, 1) : c.i32(0));
    }
  }

  /// Scales of rows 2g and 2g + 1: two f16 in a word for each group; of block scales the block's word and the groups' bytes.
  void loadScales(std::vector<V> &all, const char *name, const char *ofGroup, V panel, V step) {
    if (!layout.blockScales) {
      for (int64_t i = 0; i < groups; ++i)
        all.push_back(call.array(name).streamedWords({g * 2, c.i32(i), step, panel}, 1)[0]);
      return;
    }
    all.push_back(call.array(name).streamedWords({g * 2, step / double(kBlock / kGroup), panel}, 1)[0]);
    Array bytes = call.array(ofGroup);
    bytes.constant = false; // or the barrier after loads would not hold them (Array::streamedWords)
    for (int64_t i = 0; i < groups; ++i)
      for (int64_t lower : {0, 1})
        all.push_back(bytes.at({g * 2 + double(lower), c.i32(i), step, panel}));
  }

  /// Bits of quad 2t (second: 2t + 1) in a plane's words of one row.
  V planeBits(int bits, V word, int64_t second) {
    const int64_t mask = ((1 << bits) - 1) * 0x01010101;
    V shift = bits == 4   ? c.i32(4 * second)
              : bits == 2 ? (t & 1) * 4 + double(2 * second)
                          : t * 2 + double(second);
    return shiftRight(word, shift) & c.i32(mask);
  }

  /// Four words: (row 2g, quad 2t), (row 2g + 1, quad 2t), then of quad 2t + 1, as the product takes them.
  std::vector<V> codesOf(const std::vector<V> &loaded, size_t &at) {
    std::vector<V> codes;
    const size_t low = at;
    at += layout.lowBits == 8 ? 4 : 2;
    const size_t high = at;
    at += layout.highBits ? 2 : 0;
    for (int64_t second : {0, 1})
      for (int64_t lower : {0, 1}) {
        V code = layout.lowBits == 8 ? loaded[low + 2 * second + lower]
                                     : planeBits(layout.lowBits, loaded[low + lower], second);
        if (layout.highBits)
          code = code | planeBits(layout.highBits, loaded[high + lower], second) << int64_t(layout.lowBits);
        codes.push_back(layout.evenly ? code : doubledE2M1(code));
      }
    return codes;
  }

  /// As Halide's (kernels/halide/Decode.cpp), four at once: bytes of two tables by the low three bits, chosen by the fourth.
  V doubledE2M1(V codes) {
    V x = codes & 0x07070707, y = (x | shiftRight(x, 4)) & 0x00ff00ff, places = y | shiftRight(y, 8);
    V above = c.ptx("prmt.b32 $0, $1, $2, $3;", {c.i32Type()}, {c.i32(0x0f0e0d0c), c.i32(0x18141210), places}, false)[0];
    V below = c.ptx("prmt.b32 $0, $1, $2, $3;", {c.i32Type()}, {c.i32(0x090a0b0c), c.i32(0x00040608), places}, false)[0];
    V negative = (shiftRight(codes, 3) & 0x01010101) * 255.0;
    return (above & (negative ^ int64_t(-1))) | (below & negative);
  }

  /// Of each group: of row 2g, of row 2g + 1.
  std::vector<V> factorsOf(const std::vector<V> &loaded, size_t &at, const char *name) {
    std::vector<V> factors;
    if (!layout.blockScales) {
      for (int64_t i = 0; i < groups; ++i, ++at)
        for (int64_t lower : {0, 1}) {
          V bits = lower ? shiftRight(loaded[at], 16) : loaded[at] & 0xffff;
          factors.push_back(layout.brain ? brainToF32(bits) : halfToF32(bits));
        }
      return factors;
    }
    V block = loaded[at++];
    for (int64_t i = 0; i < groups; ++i)
      for (int64_t lower : {0, 1})
        factors.push_back(halfToF32(lower ? shiftRight(block, 16) : block & 0xffff) * toF32(loaded[at++]));
    return factors;
  }

  void addPart(V *sums, int64_t part, const std::vector<V> &codes, const std::vector<V> &planes, const Column *of,
               const std::vector<V> &factors, const std::vector<V> &minimums) {
    const int64_t group = part * groups / parts, scale = part * scales / parts;
    std::vector<V> offsets;
    for (int64_t column = 0; column < columns; ++column)
      offsets.push_back(layout.zero ? partSum(of[column], part) * double(-layout.zero) : c.i32(0));
    if (columns == 1)
      offsets.push_back(offsets[0]);
    std::vector<V> dot;
    if (twice) {
      dot = product(codes, planes[0], planes[1], part, std::vector<V>(4, c.i32(0)));
      for (int64_t i = 0; i < 4; ++i)
        dot[i] = dot[i] * 256.0 + offsets[i % 2];
      dot = product(codes, planes[2], planes[3], part, dot);
    } else {
      dot = product(codes, planes[0], planes[1], part, {offsets[0], offsets[1], offsets[0], offsets[1]});
    }
    for (int64_t half : {0, 1})
      for (int64_t column = 0; column < columns; ++column) {
        V &sum = sums[2 * half + column];
        sum = multiplyAdd(toF32(dot[2 * half + column]), factors[2 * group + half] * of[column].scales[scale], sum);
        // Once for a group, with its last part.
        if (layout.minimum && (part + 1) * groups % parts == 0)
          sum = multiplyAdd(minimums[2 * group + half], scaledSum(of[column], group), sum);
      }
  }

  /// Of all columns of a part: parts are 32 or 16 columns, sums of 16.
  V partSum(const Column &of, int64_t part) { return parts == 1 ? of.sums[0] + of.sums[1] : of.sums[part]; }

  /// Of a group of weights, the sum of what its activations are.
  V scaledSum(const Column &of, int64_t group) {
    auto scaled = [&](int64_t i) { return toF32(of.sums[i]) * of.scales[i * scales / 2]; };
    return groups == 1 ? scaled(0) + scaled(1) : scaled(group);
  }

  std::vector<V> product(const std::vector<V> &codes, V first, V second, int64_t part, const std::vector<V> &add) {
    if (parts == 2) { // quads 0..3 are those of lanes with t < 2
      V own = part == 0 ? t < 2.0 : t >= 2.0;
      first = select(own, first, c.i32(0));
      second = select(own, second, c.i32(0));
    }
    std::vector<V> operands = codes;
    operands.insert(operands.end(), {first, second});
    operands.insert(operands.end(), add.begin(), add.end());
    return c.ptx("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, "
                 "$11, $12, $13};",
                 std::vector<mlir::Type>(4, c.i32Type()), operands);
  }

  const LinearKernel &k;
  TileCall &call;
  Code &c;
  const PanelLayout &layout;
  const bool twice;
  const int64_t groups, scales, parts, tokens, columns;
  const V g, t;
};

} // namespace

std::unique_ptr<Products> gpu::dotProducts(const LinearKernel &k, TileCall &call) {
  return std::make_unique<DotProducts>(k, call);
}
