//===- LinearDot.cpp - integer weights times bytes ---------------------------------------------------------------===//
#include "compiler/kernels/gpu/LinearDot.h"
#include <algorithm>

using namespace lathe;
using namespace lathe::gpu;

/// 1.5 * 2^23: integers around it are f32 with their low bits.
static constexpr int64_t kMagic = 12582912, kMagicBits = 0x4b400000;

DotMath::DotMath(const LinearKernel &k, Code &code, bool staged)
    : k(k), c(code), layout(panelLayout(k.format)), twice(k.input == ActFormat::Q16), groups(layout.groups()),
      scales(kGroup / scaleColumns(k.input)), parts(std::max(groups, scales)), halves(staged && parts == 2),
      g(shiftRight(c.lane(), 2)), t(c.lane() & 3) {}

std::vector<V> DotMath::lines(int bits) {
  switch (bits) {
  case 8:
    return halves ? std::vector{t, t + 4} : std::vector{t * 2, t * 2 + 1};
  case 4:
    return halves ? std::vector{shiftRight(t, 1), shiftRight(t, 1) + 2} : std::vector{t};
  case 2:
    return halves ? std::vector{c.i32(0), c.i32(1)} : std::vector{shiftRight(t, 1)};
  default:
    return {c.i32(0)};
  }
}

/// Where the lane's first or second quad begins in its line's bytes.
V DotMath::shiftOf(int bits, int64_t second) {
  switch (bits) {
  case 4:
    return halves ? (t & 1) * 4 : c.i32(4 * second);
  case 2:
    return halves ? t * 2 : (t & 1) * 4 + double(2 * second);
  default:
    return halves ? t + double(4 * second) : t * 2 + double(second);
  }
}

/// As Halide's (kernels/halide/Decode.cpp), four at once: bytes of two tables by the low three bits, chosen by the fourth.
V DotMath::doubledE2M1(V codes) {
  V x = codes & 0x07070707, y = (x | shiftRight(x, 4)) & 0x00ff00ff, places = y | shiftRight(y, 8);
  V above = c.ptx("prmt.b32 $0, $1, $2, $3;", {c.i32Type()}, {c.i32(0x0f0e0d0c), c.i32(0x18141210), places}, false)[0];
  V below = c.ptx("prmt.b32 $0, $1, $2, $3;", {c.i32Type()}, {c.i32(0x090a0b0c), c.i32(0x00040608), places}, false)[0];
  V negative = (shiftRight(codes, 3) & 0x01010101) * 255.0;
  return (above & (negative ^ int64_t(-1))) | (below & negative);
}

/// Four words of codes: (row 2g, first quad), (row 2g + 1, first quad), then of the second, as products take them; then of
/// each group its scales in rows 2g and 2g + 1, then its minima.
std::vector<V> DotMath::weights(const std::vector<V> &loaded) {
  size_t at = 0;
  auto plane = [&](int bits) {
    const size_t count = lines(bits).size(), first = at;
    at += 2 * count;
    std::vector<V> quads;
    for (int64_t second : {0, 1})
      for (int64_t lower : {0, 1}) {
        V word = loaded[first + (count == 2 ? 2 * second : 0) + lower];
        const int64_t mask = ((1 << bits) - 1) * 0x01010101;
        quads.push_back(bits == 8 ? word : shiftRight(word, shiftOf(bits, second)) & c.i32(mask));
      }
    return quads;
  };
  std::vector<V> all = plane(layout.lowBits);
  if (layout.highBits) {
    std::vector<V> high = plane(layout.highBits);
    for (int64_t i = 0; i < 4; ++i)
      all[i] = all[i] | high[i] << int64_t(layout.lowBits);
  }
  if (!layout.evenly)
    for (V &code : all)
      code = doubledE2M1(code);
  auto halfOf = [&](V word, int64_t lower) {
    V bits = lower ? shiftRight(word, 16) : word & 0xffff;
    return layout.brain ? brainToF32(bits) : halfToF32(bits);
  };
  for (int64_t kind = 0; kind < 1 + layout.minimum; ++kind) {
    V block = layout.blockScales ? loaded[at++] : V();
    for (int64_t i = 0; i < groups; ++i) {
      V word = layout.blockScales ? block : loaded[at++];
      for (int64_t lower : {0, 1})
        all.push_back(layout.blockScales ? halfOf(word, lower) * toF32(loaded[at++]) : halfOf(word, lower));
    }
  }
  return all;
}

/// Of a group of weights, the sum of what its activations are.
V DotMath::scaledSum(const Column &of, int64_t group) {
  auto scaled = [&](int64_t i) { return toF32(of.sums[i]) * of.scales[i * scales / 2]; };
  return groups == 1 ? scaled(0) + scaled(1) : scaled(group);
}

/// The planes' words; of each part and plane what the sums of two columns begin with; of each part two scales; of minima of
/// each group two sums.
std::vector<V> DotMath::operand(const std::vector<V> &planes, const std::vector<Column> &columns) {
  std::vector<V> all = planes;
  auto ofColumns = [&](auto value) {
    for (int64_t column : {0, 1})
      all.push_back(column && columns.size() == 1 ? all.back() : value(columns[column]));
  };
  for (int64_t part = 0; part < parts; ++part)
    for (int64_t plane = 0; plane < 1 + twice; ++plane)
      ofColumns([&](const Column &of) {
        if (!layout.zero)
          return c.i32(kMagicBits);
        V sum = parts == 1 ? of.sums[0] + of.sums[1] : of.sums[part]; // parts are 32 or 16 columns, sums of 16
        V own = !twice ? sum : plane == 0 ? shiftRightSigned(sum, c.i32(8)) : sum & 255;
        return own * double(-layout.zero) + double(kMagicBits);
      });
  for (int64_t part = 0; part < parts; ++part)
    ofColumns([&](const Column &of) { return of.scales[part * scales / parts]; });
  for (int64_t group = 0; layout.minimum && group < groups; ++group)
    ofColumns([&](const Column &of) { return scaledSum(of, group); });
  return all;
}

void DotMath::multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand) {
  const int64_t planes = 1 + twice;
  const V *starts = &operand[2 * planes], *scaleOf = starts + 2 * planes * parts, *sumOf = scaleOf + 2 * parts;
  const V *factors = &weights[4], *minimums = factors + 2 * groups;
  const std::vector<V> codes(weights.begin(), weights.begin() + 4);
  const int64_t columns = k.rows == 1 ? 1 : 2;
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t group = part * groups / parts;
    std::vector<V> dots[2];
    for (int64_t plane = 0; plane < planes; ++plane)
      dots[plane] = product(codes, &operand[2 * plane], part, starts + 2 * (part * planes + plane));
    for (int64_t half : {0, 1})
      for (int64_t column = 0; column < columns; ++column) {
        const int64_t i = 2 * half + column;
        V dot = fromBits(dots[0][i]);
        dot = twice ? multiplyAdd(dot, c.f32(256), c.f32(-257.0 * kMagic)) + fromBits(dots[1][i]) : dot - double(kMagic);
        V &sum = sums[i];
        sum = multiplyAdd(dot, factors[2 * group + half] * scaleOf[2 * part + column], sum);
        // Once for a group, with its last part.
        if (layout.minimum && (part + 1) * groups % parts == 0)
          sum = multiplyAdd(minimums[2 * group + half], sumOf[2 * group + column], sum);
      }
  }
}

std::vector<V> DotMath::product(const std::vector<V> &codes, const V *plane, int64_t part, const V *starts) {
  std::vector<V> operands = codes;
  V first = plane[0], second = plane[1];
  std::string text = "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, "
                     "{$10, $11, $12, $13};";
  if (halves) {
    operands = {codes[2 * part], codes[2 * part + 1], plane[part]};
    text = "mma.sync.aligned.m16n8k16.row.col.s32.u8.s8.s32 {$0, $1, $2, $3}, {$4, $5}, {$6}, {$7, $8, $9, $10};";
  } else {
    if (parts == 2) { // quads 0..3 are those of lanes with t < 2
      V own = part == 0 ? t < 2.0 : t >= 2.0;
      first = select(own, first, c.i32(0));
      second = select(own, second, c.i32(0));
    }
    operands.insert(operands.end(), {first, second});
  }
  operands.insert(operands.end(), {starts[0], starts[1], starts[0], starts[1]});
  return c.ptx(text, std::vector<mlir::Type>(4, c.i32Type()), operands);
}

//===-- from where panels and activations lie -------------------------------------------------------------------===//

namespace {

class DotProducts final : public DirectProducts {
public:
  DotProducts(const LinearKernel &k, TileCall &call) : call(call), math(k, call.code, /*staged=*/false), c(call.code) {}

  std::pair<V, V> panelRows() const override { return {math.g * 2, math.g * 2 + 1}; }

  std::vector<V> load(V panel, V step, int64_t) override {
    const PanelLayout &layout = math.layout;
    std::vector<V> all;
    auto plane = [&](const char *name, int bits) {
      for (V line : math.lines(bits))
        for (V word : call.array(name).streamedWords({c.i32(0), math.g * 2, line, step, panel}, 2))
          all.push_back(word);
    };
    plane("w", layout.lowBits);
    if (layout.highBits)
      plane("wh", layout.highBits);
    loadScales(all, "d", "s", panel, step);
    if (layout.minimum)
      loadScales(all, "m", "t", panel, step);
    return all;
  }
  std::vector<V> weights(const std::vector<V> &loaded) override { return math.weights(loaded); }

  std::vector<V> operand(int64_t group, V step, int64_t) override {
    auto row = [&](V index) {
      return math.k.rows == 1 ? c.i32(0) : min(index + double(group * kTokens), c.i32(math.k.rows - 1));
    };
    std::vector<V> planes;
    for (const char *plane : {"q", "low"})
      if (call.has(plane))
        for (V word : call.array(plane).words({step * double(kGroup) + math.t * 8, row(math.g)}, 2))
          planes.push_back(word);
    std::vector<DotMath::Column> columns(math.k.rows == 1 ? 1 : 2);
    for (size_t column = 0; column < columns.size(); ++column) {
      V r = row(math.t * 2 + double(column));
      for (int64_t i = 0; i < math.scales; ++i)
        columns[column].scales.push_back(call.array("scale").at({step * double(math.scales) + double(i), r}));
      for (int64_t i = 0; math.needsSums() && i < 2; ++i)
        columns[column].sums.push_back(call.array("sum").at({step * 2 + double(i), r}));
    }
    return math.operand(planes, columns);
  }
  void multiply(V *sums, const std::vector<V> &weights, const std::vector<V> &operand) override {
    math.multiply(sums, weights, operand);
  }

private:
  /// Scales of rows 2g and 2g + 1: two f16 in a word for each group; of block scales the block's word and the groups' bytes.
  void loadScales(std::vector<V> &all, const char *name, const char *ofGroup, V panel, V step) {
    if (!math.layout.blockScales) {
      for (int64_t i = 0; i < math.groups; ++i)
        all.push_back(call.array(name).streamedWords({math.g * 2, c.i32(i), step, panel}, 1)[0]);
      return;
    }
    all.push_back(call.array(name).streamedWords({math.g * 2, step / double(kBlock / kGroup), panel}, 1)[0]);
    Array bytes = call.array(ofGroup);
    bytes.constant = false; // or the barrier after loads would not hold them (Array::streamedWords)
    for (int64_t i = 0; i < math.groups; ++i)
      for (int64_t lower : {0, 1})
        all.push_back(bytes.at({math.g * 2 + double(lower), c.i32(i), step, panel}));
  }

  TileCall &call;
  DotMath math;
  Code &c;
};

} // namespace

std::unique_ptr<DirectProducts> gpu::dotProducts(const LinearKernel &k, TileCall &call) {
  return std::make_unique<DotProducts>(k, call);
}
