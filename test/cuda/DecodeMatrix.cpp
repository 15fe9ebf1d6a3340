//===- DecodeMatrix.cpp - mma.sync, ldmatrix, stmatrix, movmatrix -------------------------------------------------===//
//
// Fragments of mma.sync.m16n8kK with p elements of A and B in a register (2 of 16 bits, 4 of 8, 1 of tf32); lane 4g +
// t:
//
//   A, register j, element e:  row g + 8 (j mod 2), column p t + e + 4 p (j div 2)
//   B, register j, element e:  row p t + e + 4 p j, column g
//   C and D, register j:       row g + 8 (j div 2), column 2 t + j mod 2;  of f16: row g + 8 j, columns 2 t, 2 t + 1
//
// The sum of a float product's K terms is made in f64 and rounded to f32 once with C: hardware sums in an order of its
// own with fewer bits. tf32 operands lose their low 13 bits, as in hardware. Integers are exact; .satfinite clamps.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Access.h"
#include "test/cuda/Block.h"

namespace lathe::ptx {

struct F16 {
  static constexpr int perRegister = 2;
  static double get(uint32_t r, int e) { return decodeHalf({uint16_t(r >> 16 * e)}); }
};
struct BF16 {
  static constexpr int perRegister = 2;
  static double get(uint32_t r, int e) { return decodeBrain({uint16_t(r >> 16 * e)}); }
};
struct TF32 {
  static constexpr int perRegister = 1;
  static double get(uint32_t r, int) { return std::bit_cast<float>(r & ~0x1FFFu); }
};
struct S8 {
  static constexpr int perRegister = 4;
  static int32_t get(uint32_t r, int e) { return int8_t(r >> 8 * e); }
};
struct U8 {
  static constexpr int perRegister = 4;
  static int32_t get(uint32_t r, int e) { return uint8_t(r >> 8 * e); }
};
template <int E, int M> struct F8 {
  static constexpr int perRegister = 4;
  static double get(uint32_t r, int at) {
    const unsigned bits = r >> 8 * at & 0xFF, exponent = bits >> M & ((1 << E) - 1), mantissa = bits & ((1 << M) - 1);
    const int bias = (1 << (E - 1)) - 1;
    double value = exponent ? std::ldexp(1 + mantissa / double(1 << M), int(exponent) - bias)
                            : std::ldexp(mantissa / double(1 << M), 1 - bias);
    if (E == 5 && exponent == 31)
      value = mantissa ? NAN : INFINITY;
    if (E == 4 && exponent == 15 && mantissa == 7)
      value = NAN;
    return bits & 0x80 ? -value : value;
  }
};

enum Accumulator : uint8_t { Single, Halves, Integer, Saturated };
static constexpr int rows = 16, columns = 8;

/// list: D, A, B, C.
template <class TA, class TB, int K, class Sum>
static void products(Warp &warp, const int32_t *a, const int32_t *b, Sum out[rows][columns]) {
  constexpr int p = TA::perRegister;
  Sum left[rows][K], right[K][columns];
  for (int j = 0; j < K / (2 * p); ++j)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      for (int e = 0; e < p; ++e)
        left[lane / 4 + 8 * (j & 1)][p * (lane % 4) + e + 4 * p * (j >> 1)] =
            TA::get(warp.lanes<uint32_t>(a[j])[lane], e);
  for (int j = 0; j < K / (4 * p); ++j)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      for (int e = 0; e < p; ++e)
        right[p * (lane % 4) + e + 4 * p * j][lane / 4] = TB::get(warp.lanes<uint32_t>(b[j])[lane], e);
  for (int row = 0; row < rows; ++row) {
    Sum sums[columns] = {};
    for (int k = 0; k < K; ++k)
      for (int column = 0; column < columns; ++column)
        sums[column] += left[row][k] * right[k][column];
    std::memcpy(out[row], sums, sizeof sums);
  }
}

template <class TA, class TB, int K> static void multiply(Warp &warp, const Inst &inst, uint32_t) {
  using Sum = std::conditional_t<std::is_same_v<decltype(TA::get(0, 0)), double>, double, int64_t>;
  constexpr int p = TA::perRegister, countA = K / (2 * p), countB = K / (4 * p);
  const Accumulator kind = static_cast<Accumulator>(inst.mode[0]);
  const int countD = kind == Halves ? 2 : 4;
  const int32_t *d = warp.list(inst), *a = d + countD, *b = a + countA, *c = b + countB;
  Sum sums[rows][columns];
  products<TA, TB, K, Sum>(warp, a, b, sums);
  uint32_t out[4][warpSize];
  for (int j = 0; j < countD; ++j)
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      const uint32_t old = warp.lanes<uint32_t>(c[j])[lane];
      const int column = 2 * (lane % 4);
      if (kind == Halves) {
        const Sum *row = sums[lane / 4 + 8 * j];
        const uint32_t low = encodeHalf(row[column] + decodeHalf({uint16_t(old)})).bits;
        out[j][lane] = low | uint32_t(encodeHalf(row[column + 1] + decodeHalf({uint16_t(old >> 16)})).bits) << 16;
        continue;
      }
      const Sum sum = sums[lane / 4 + 8 * (j >> 1)][column + (j & 1)];
      if (kind == Single) {
        out[j][lane] = std::bit_cast<uint32_t>(static_cast<float>(sum + std::bit_cast<float>(old)));
      } else {
        const int64_t exact = int64_t(sum) + int32_t(old);
        out[j][lane] = kind == Saturated ? uint32_t(std::clamp<int64_t>(exact, INT32_MIN, INT32_MAX)) : uint32_t(exact);
      }
    }
  for (int j = 0; j < countD; ++j)
    std::memcpy(warp.lanes<uint32_t>(d[j]), out[j], sizeof out[j]);
}

using E4M3 = F8<4, 3>;
using E5M2 = F8<5, 2>;

static const std::map<std::string, std::pair<Handler, int>> multiplications = {
    // shape.a.b -> handler, K / p
    {"m16n8k16.f16.f16", {multiply<F16, F16, 16>, 8}},     {"m16n8k8.f16.f16", {multiply<F16, F16, 8>, 4}},
    {"m16n8k16.bf16.bf16", {multiply<BF16, BF16, 16>, 8}}, {"m16n8k8.bf16.bf16", {multiply<BF16, BF16, 8>, 4}},
    {"m16n8k8.tf32.tf32", {multiply<TF32, TF32, 8>, 8}},   {"m16n8k4.tf32.tf32", {multiply<TF32, TF32, 4>, 4}},
    {"m16n8k32.s8.s8", {multiply<S8, S8, 32>, 8}},         {"m16n8k32.s8.u8", {multiply<S8, U8, 32>, 8}},
    {"m16n8k32.u8.s8", {multiply<U8, S8, 32>, 8}},         {"m16n8k32.u8.u8", {multiply<U8, U8, 32>, 8}},
    {"m16n8k16.s8.s8", {multiply<S8, S8, 16>, 4}},         {"m16n8k16.s8.u8", {multiply<S8, U8, 16>, 4}},
    {"m16n8k16.u8.s8", {multiply<U8, S8, 16>, 4}},         {"m16n8k16.u8.u8", {multiply<U8, U8, 16>, 4}},
    {"m16n8k32.e4m3.e4m3", {multiply<E4M3, E4M3, 32>, 8}}, {"m16n8k32.e4m3.e5m2", {multiply<E4M3, E5M2, 32>, 8}},
    {"m16n8k32.e5m2.e4m3", {multiply<E5M2, E4M3, 32>, 8}}, {"m16n8k32.e5m2.e5m2", {multiply<E5M2, E5M2, 32>, 8}},
};

static std::vector<PtxOperand> partsOf(const PtxOperand &operand) {
  return operand.kind == PtxOperand::Vector ? operand.parts : std::vector{operand};
}

/// mma.sync.aligned.shape.row.col[.satfinite].d.a.b.c
static bool decodeMultiply(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  std::vector<std::string> parts;
  bool saturates = false;
  for (const std::string &part : ptx.parts)
    if (part == "satfinite")
      saturates = true;
    else if (part != "kind::f8f6f4")
      parts.push_back(part);
  if (parts.size() != 10 || parts[1] != "sync" || parts[2] != "aligned" || parts[4] != "row" || parts[5] != "col")
    return false;
  const auto found = multiplications.find(parts[3] + "." + parts[7] + "." + parts[8]);
  const bool integer = parts[7][0] == 's' || parts[7][0] == 'u', halves = parts[6] == "f16" && parts[7] == "f16";
  if (found == multiplications.end() || parts[6] != parts[9] ||
      (integer ? parts[6] != "s32" : !halves && parts[6] != "f32"))
    return false;
  if (saturates && !integer)
    return false;
  decoder.operands(4, 4);
  const size_t units = found->second.second, counts[] = {halves ? 2u : 4u, units / 2, units / 4, halves ? 2u : 4u};
  std::vector<int32_t> slots;
  for (size_t i = 0; i < 4; ++i) {
    const std::vector<PtxOperand> registers = partsOf(ptx.operands[i]);
    if (registers.size() != counts[i])
      decoder.fail("operand " + std::to_string(i + 1) + " has not " + std::to_string(counts[i]) + " registers");
    for (const PtxOperand &each : registers)
      slots.push_back(i ? decoder.source(each, 4) : decoder.target(each, 4));
  }
  inst.list = decoder.list(slots);
  inst.mode[0] = integer ? (saturates ? Saturated : Integer) : halves ? Halves : Single;
  inst.run = found->second.first;
  return true;
}

/// mode: [1] the space of none here, [2] .trans; imm of the address. list: how many matrices, then their registers.
template <bool Store> static void moveMatrices(Warp &warp, const Inst &inst, uint32_t) {
  const int32_t *list = warp.list(inst);
  const int count = list[0];
  const bool transposed = inst.mode[2];
  uint64_t addresses[warpSize];
  warp.addresses(inst, addresses);
  uint8_t *rowsOf[warpSize] = {};
  for (int lane = 0; lane < 8 * count; ++lane)
    rowsOf[lane] = resolveShared(warp, addresses[lane], 16, lane);
  for (int j = 0; j < count; ++j)
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      uint32_t &value = warp.lanes<uint32_t>(list[1 + j])[lane];
      uint16_t halves[2];
      if (Store)
        std::memcpy(halves, &value, 4);
      for (unsigned e = 0; e < 2; ++e) {
        const unsigned row = transposed ? 2 * (lane % 4) + e : lane / 4,
                       column = transposed ? lane / 4 : 2 * (lane % 4) + e;
        uint8_t *at = rowsOf[8 * j + row] + 2 * column;
        Store ? std::memcpy(at, &halves[e], 2) : std::memcpy(&halves[e], at, 2);
      }
      if (!Store)
        std::memcpy(&value, halves, 4);
    }
  if (Store)
    warp.block->progress = true;
}

static bool decodeMatrices(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const bool store = ptx.parts[0] == "stmatrix";
  decoder.only({"sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "shared::cta", "b16"});
  decoder.operands(2, 2);
  const int count = ptx.has("x4") ? 4 : ptx.has("x2") ? 2 : 1;
  const std::vector<PtxOperand> registers = partsOf(ptx.operands[store ? 1 : 0]);
  if (int(registers.size()) != count)
    decoder.fail("the number of registers is not that of matrices");
  std::vector<int32_t> slots = {count};
  for (const PtxOperand &each : registers)
    slots.push_back(store ? decoder.source(each, 4) : decoder.target(each, 4));
  decoder.address(ptx.operands[store ? 0 : 1], inst);
  inst.list = decoder.list(slots);
  inst.mode[2] = ptx.has("trans");
  inst.run = store ? moveMatrices<true> : moveMatrices<false>;
  return true;
}

/// movmatrix.sync.aligned.m8n8.trans.b16 d, a: lane 4 r + c holds columns 2 c and 2 c + 1 of row r.
static void transpose(Warp &warp, const Inst &inst, uint32_t) {
  uint32_t from[warpSize], out[warpSize];
  std::memcpy(from, warp.lanes<uint32_t>(inst.a), sizeof from);
  const auto at = [&](unsigned row, unsigned column) -> uint32_t {
    return from[4 * row + column / 2] >> (column % 2 * 16) & 0xFFFF;
  };
  for (unsigned lane = 0; lane < warpSize; ++lane)
    out[lane] = at(2 * (lane % 4), lane / 4) | at(2 * (lane % 4) + 1, lane / 4) << 16;
  std::memcpy(warp.lanes<uint32_t>(inst.d), out, sizeof out);
}

bool decodeMatrix(Decoder &decoder, const PtxInstruction &ptx, Inst &inst) {
  const std::string &op = ptx.parts[0];
  inst.flow = Flow::Together;
  inst.target = wholeWarp;
  if (op == "mma")
    return decodeMultiply(decoder, ptx, inst);
  if (op == "ldmatrix" || op == "stmatrix")
    return decodeMatrices(decoder, ptx, inst);
  if (op != "movmatrix")
    return false;
  decoder.only({"sync", "aligned", "m8n8", "trans", "b16"});
  decoder.operands(2, 2);
  inst.d = decoder.target(ptx.operands[0], 4);
  inst.a = decoder.source(ptx.operands[1], 4);
  inst.run = transpose;
  return true;
}

} // namespace lathe::ptx
