//===- MatrixTest.cpp - mma.sync of every form against a plain loop, and what moves its fragments -----------------===//
//
// Where an element lies is written here as the PTX ISA's tables say it, element by element.
//
//===--------------------------------------------------------------------------------------------------------------===//
#include "test/cuda/Sim.h"
#include <bit>
#include <cmath>
#include <gmock/gmock.h>

namespace lathe::ptx {
namespace {

struct Place {
  int row, column;
};
using Where = Place (*)(int g, int t, int i);

struct Form {
  const char *name, *accumulator; ///< m16n8k16.row.col.f32.bf16.bf16.f32
  int k, elementBits;
  Where a, b;
  bool aSigned = true, bSigned = true, floating = true;
};

Place a16k16(int g, int t, int i) { return {(i & 3) < 2 ? g : g + 8, t * 2 + (i & 1) + (i < 4 ? 0 : 8)}; }
Place b16k16(int g, int t, int i) { return {t * 2 + (i & 1) + (i < 2 ? 0 : 8), g}; }
Place a16k8(int g, int t, int i) { return {i < 2 ? g : g + 8, t * 2 + (i & 1)}; }
Place b16k8(int g, int t, int i) { return {t * 2 + i, g}; }
Place aTf32k8(int g, int t, int i) { return {i % 2 ? g + 8 : g, i < 2 ? t : t + 4}; }
Place bTf32k8(int g, int t, int i) { return {i ? t + 4 : t, g}; }
Place aTf32k4(int g, int t, int i) { return {i ? g + 8 : g, t}; }
Place bTf32k4(int g, int t, int) { return {t, g}; }
Place a8k32(int g, int t, int i) { return {(i & 7) < 4 ? g : g + 8, t * 4 + (i & 3) + (i < 8 ? 0 : 16)}; }
Place b8k32(int g, int t, int i) { return {t * 4 + (i & 3) + (i < 4 ? 0 : 16), g}; }
Place a8k16(int g, int t, int i) { return {i < 4 ? g : g + 8, t * 4 + (i & 3)}; }
Place b8k16(int g, int t, int i) { return {t * 4 + i, g}; }
Place c32(int g, int t, int i) { return {i < 2 ? g : g + 8, t * 2 + (i & 1)}; }

class Matrix : public Sim {
protected:
  static float value(const Form &form, uint32_t bits, bool isSigned) {
    const std::string name = form.name;
    if (name.find("tf32") != name.npos)
      return std::bit_cast<float>(bits & ~0x1FFFu);
    if (name.find("bf16") != name.npos)
      return std::bit_cast<float>(bits << 16);
    if (form.elementBits == 16) { // normal f16 alone
      const float magnitude = std::ldexp(1 + (bits & 1023) / 1024.0f, int(bits >> 10 & 31) - 15);
      return bits & 0x8000 ? -magnitude : magnitude;
    }
    return isSigned ? float(int8_t(bits)) : float(uint8_t(bits));
  }
  uint32_t random() { return state = state * 1664525 + 1013904223, state >> 8; }
  uint32_t element(const Form &form) {
    const uint32_t x = random();
    if (form.elementBits == 8)
      return x & 0xFF;
    if (form.elementBits == 32)
      return 0x3F800000 | (x & 0x807FFFFF);
    return std::string(form.name).find("bf16") != std::string::npos ? 0x3F80 | (x & 0x807F) : 0x3C00 | (x & 0x83FF);
  }
  uint32_t state = 1;

  void check(const Form &form) {
    SCOPED_TRACE(form.name);
    const int perRegister = 32 / form.elementBits, countA = 16 * form.k / 32 / perRegister, countB = countA / 2;
    std::vector<float> a(16 * form.k), b(form.k * 8);
    std::vector<uint32_t> in(32 * 16);
    std::vector<double> c(16 * 8);
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      for (int i = 0; i < countA * perRegister; ++i) {
        const uint32_t bits = element(form);
        in[lane * 16 + i / perRegister] |= bits << (i % perRegister * form.elementBits % 32);
        const Place at = form.a(g, t, i);
        a[at.row * form.k + at.column] = value(form, bits, form.aSigned);
      }
      for (int i = 0; i < countB * perRegister; ++i) {
        const uint32_t bits = element(form);
        in[lane * 16 + 4 + i / perRegister] |= bits << (i % perRegister * form.elementBits % 32);
        const Place at = form.b(g, t, i);
        b[at.row * 8 + at.column] = value(form, bits, form.bSigned);
      }
      for (int i = 0; i < 4; ++i) {
        const int32_t number = int32_t(random() % 1000) - 500;
        in[lane * 16 + 8 + i] = form.floating ? std::bit_cast<uint32_t>(number / 8.0f) : uint32_t(number);
        const Place at = c32(g, t, i);
        c[at.row * 8 + at.column] = form.floating ? number / 8.0 : number;
      }
    }
    std::string body =
        "mul.wide.u32 %rd4, %r1, 64; add.s64 %rd4, %rd1, %rd4; mul.wide.u32 %rd5, %r1, 16; add.s64 %rd5, %rd0, %rd5;\n";
    for (int i = 0; i < 12; ++i)
      body += "ld.global.b32 %r" + std::to_string(10 + i) + ", [%rd4+" + std::to_string(4 * i) + "];\n";
    const auto list = [](int first, int count) {
      std::string text = "{";
      for (int i = 0; i < count; ++i)
        text += (i ? ", %r" : "%r") + std::to_string(first + i);
      return text + "}";
    };
    body += std::string("mma.sync.aligned.") + form.name + " {%r30, %r31, %r32, %r33}, " + list(10, countA) + ", " +
            list(14, countB) + ", {%r18, %r19, %r20, %r21};\nst.global.v4.b32 [%rd5], {%r30, %r31, %r32, %r33};";
    const std::vector<uint32_t> out = run<uint32_t>(body, 128, in);
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) {
        const Place at = c32(lane / 4, lane % 4, i);
        double sum = c[at.row * 8 + at.column];
        for (int k = 0; k < form.k; ++k)
          sum += double(a[at.row * form.k + k]) * b[k * 8 + at.column];
        const uint32_t bits = out[lane * 4 + i];
        if (form.floating)
          EXPECT_NEAR(std::bit_cast<float>(bits), sum, std::abs(sum) * 1e-6 + 1e-6) << lane << " " << i;
        else
          EXPECT_EQ(int32_t(bits), int64_t(sum)) << lane << " " << i;
      }
  }
};

TEST_F(Matrix, multiplies) {
  check({"m16n8k16.row.col.f32.bf16.bf16.f32", "f32", 16, 16, a16k16, b16k16});
  check({"m16n8k16.row.col.f32.f16.f16.f32", "f32", 16, 16, a16k16, b16k16});
  check({"m16n8k8.row.col.f32.bf16.bf16.f32", "f32", 8, 16, a16k8, b16k8});
  check({"m16n8k8.row.col.f32.f16.f16.f32", "f32", 8, 16, a16k8, b16k8});
  check({"m16n8k8.row.col.f32.tf32.tf32.f32", "f32", 8, 32, aTf32k8, bTf32k8});
  check({"m16n8k4.row.col.f32.tf32.tf32.f32", "f32", 4, 32, aTf32k4, bTf32k4});
  check({"m16n8k32.row.col.s32.s8.s8.s32", "s32", 32, 8, a8k32, b8k32, true, true, false});
  check({"m16n8k32.row.col.s32.u8.s8.s32", "s32", 32, 8, a8k32, b8k32, false, true, false});
  check({"m16n8k32.row.col.s32.s8.u8.s32", "s32", 32, 8, a8k32, b8k32, true, false, false});
  check({"m16n8k32.row.col.satfinite.s32.u8.u8.s32", "s32", 32, 8, a8k32, b8k32, false, false, false});
  check({"m16n8k16.row.col.s32.s8.s8.s32", "s32", 16, 8, a8k16, b8k16, true, true, false});
}

TEST_F(Matrix, movmatrixTransposes) {
  // Lane 4 r + c holds 8 r + 2 c and 8 r + 2 c + 1.
  const auto out = run<uint32_t>(R"(
  shl.b32 %r4, %r1, 1; add.s32 %r5, %r4, 1; shl.b32 %r5, %r5, 16; or.b32 %r4, %r4, %r5;
  movmatrix.sync.aligned.m8n8.trans.b16 %r6, %r4;
  st.global.b32 [%rd2], %r6;)",
                                 32);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t r = lane / 4, c = 2 * (lane % 4);
    EXPECT_EQ(out[lane], (8 * c + r) | (8 * (c + 1) + r) << 16);
  }
}

/// 128 16-bit numbers of two matrices in shared memory, in 16 rows of 8.
static const std::string rowsInShared = R"(
  .shared .align 16 .b8 box[512];
  mov.b64 %rd4, box;
  shl.b32 %r4, %r1, 4;
  cvt.u64.u32 %rd5, %r4; add.s64 %rd6, %rd4, %rd5;
  shl.b32 %r5, %r1, 3;
  mad.lo.s32 %r5, %r5, 65537, 65536;
  add.s32 %r6, %r5, 131074; add.s32 %r7, %r6, 131074; add.s32 %r8, %r7, 131074;
  st.shared.v4.b32 [%rd6], {%r5, %r6, %r7, %r8};
  bar.warp.sync -1;
)";

TEST_F(Matrix, ldmatrix) {
  const auto out = run<uint32_t>(rowsInShared + R"(
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%rd6];
  ldmatrix.sync.aligned.m8n8.x2.trans.shared::cta.b16 {%r14, %r15}, [%rd6];
  ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r16}, [%rd6];
  st.global.b32 [%rd2], %r10; st.global.b32 [%rd2+128], %r13; st.global.b32 [%rd2+256], %r15;
  st.global.b32 [%rd2+384], %r16;)",
                                 128);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t r = lane / 4, c = 2 * (lane % 4);
    const auto at = [](uint32_t row, uint32_t column) { return 8 * row + column; };
    EXPECT_EQ(out[lane], at(r, c) | at(r, c + 1) << 16);
    EXPECT_EQ(out[32 + lane], at(24 + r, c) | at(24 + r, c + 1) << 16);
    EXPECT_EQ(out[64 + lane], at(8 + c, r) | at(8 + c + 1, r) << 16);
    EXPECT_EQ(out[96 + lane], out[lane]);
  }
}

TEST_F(Matrix, stmatrix) {
  const auto out = run<uint32_t>(rowsInShared + R"(
  ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r10, %r11}, [%rd6];
  bar.warp.sync -1;
  stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%rd6], {%r11, %r10};
  bar.warp.sync -1;
  mul.wide.u32 %rd7, %r1, 4; add.s64 %rd7, %rd4, %rd7;
  ld.shared.b32 %r12, [%rd7]; st.global.b32 [%rd2], %r12;)",
                                 32);
  for (uint32_t i = 0; i < 32; ++i) { // row i / 4, columns 2 (i mod 4) and the next of the first matrix
    const uint32_t r = i / 4, c = 2 * (i % 4);
    EXPECT_EQ(out[i], (8 * (8 + c) + r) | (8 * (8 + c + 1) + r) << 16);
  }
}

TEST_F(Matrix, wantsTheWholeWarp) {
  const auto [error, text] = fail("movmatrix.sync.aligned.m8n8.trans.b16 %r6, %r1;", {1, 16});
  EXPECT_EQ(error, CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_THAT(text, testing::HasSubstr("not all lanes that this instruction wants run it"));
}

} // namespace
} // namespace lathe::ptx
