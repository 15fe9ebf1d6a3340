//===- ArithmeticTest.cpp - what single instructions give ---------------------------------------------------------===//
#include "test/cuda/Sim.h"
#include <bit>
#include <cmath>
#include <gmock/gmock.h>

namespace lathe::ptx {
namespace {

/// Instructions over constants, each of which leaves 32 bits in %r9: one thread, one module.
class Arithmetic : public Sim {
protected:
  struct Case {
    std::string text;
    uint32_t bits;
  };
  void check(const std::vector<Case> &cases) {
    std::string body;
    for (size_t i = 0; i < cases.size(); ++i)
      body += "{ " + cases[i].text + " st.global.b32 [%rd0+" + std::to_string(4 * i) + "], %r9; }\n";
    const std::vector<uint32_t> out = run<uint32_t>(body, cases.size(), std::vector<uint32_t>{}, {1, 1});
    for (size_t i = 0; i < cases.size(); ++i)
      EXPECT_EQ(out[i], cases[i].bits) << cases[i].text;
  }
  static uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
};

TEST_F(Arithmetic, integers) {
  check({
      {"add.s32 %r9, -5, 3;", uint32_t(-2)},
      {"add.sat.s32 %r9, 2147483647, 3;", 2147483647},
      {"sub.u32 %r9, 3, 5;", uint32_t(-2)},
      {"mul.lo.s32 %r9, -70000, 70000;", uint32_t(-70000 * int64_t(70000))},
      {"mul.hi.u32 %r9, 0xFFFFFFFF, 0xFFFFFFFF;", 0xFFFFFFFE},
      {"mul.hi.s32 %r9, 0xFFFFFFFF, 0xFFFFFFFF;", 0},
      {"mad.lo.s32 %r9, 7, 6, -2;", 40},
      {"mul.wide.s32 %rd9, -3, 5; cvt.u32.u64 %r9, %rd9;", uint32_t(-15)},
      {"mul.wide.u32 %rd9, 0xFFFFFFFF, 16; shr.u64 %rd9, %rd9, 32; cvt.u32.u64 %r9, %rd9;", 15},
      {"mad.wide.s32 %rd9, -3, 5, 20; cvt.u32.u64 %r9, %rd9;", 5},
      {"mul.hi.s64 %rd9, -1, 2; cvt.u32.u64 %r9, %rd9;", 0xFFFFFFFF},
      {"div.s32 %r9, -7, 2;", uint32_t(-3)},
      {"rem.s32 %r9, -7, 2;", uint32_t(-1)},
      {"div.u32 %r9, 0xFFFFFFF9, 2;", 0x7FFFFFFC},
      {"div.s32 %r9, 0x80000000, -1;", 0x80000000},
      {"abs.s32 %r9, -7;", 7},
      {"neg.s32 %r9, 7;", uint32_t(-7)},
      {"min.s32 %r9, -1, 1;", uint32_t(-1)},
      {"min.u32 %r9, -1, 1;", 1},
      {"max.s16 %rs9, -1, 1; cvt.u32.u16 %r9, %rs9;", 1},
      {"add.s16 %rs9, 0x7FFF, 1; cvt.s32.s16 %r9, %rs9;", 0xFFFF8000},
      {"mul.lo.s16 %rs9, 0xFFFF, 0xFFFF; cvt.u32.u16 %r9, %rs9;", 1},
      {"dp4a.s32.s32 %r9, 0x01FF02FE, 0x02030405, 100;", 100 + 1 * 2 - 1 * 3 + 2 * 4 - 2 * 5},
      {"dp4a.u32.s32 %r9, 0x01FF02FE, 0x020304FF, 0;", uint32_t(2 + 255 * 3 + 2 * 4 - 254)},
      {"dp2a.lo.s32.s32 %r9, 0x0002FFFF, 0x01020304, 1;", uint32_t(1 - 4 + 2 * 3)},
      {"add.s16x2 %r9, 0x0001FFFF, 0x00010001;", 0x00020000},
      {"max.u16x2 %r9, 0x0001FFFF, 0x00020001;", 0x0002FFFF},
      {"add.cc.u32 %r8, -1, 1; addc.u32 %r9, 5, 6;", 12},
      {"sub.cc.u32 %r8, 0, 1; subc.cc.u32 %r9, 5, 5; subc.u32 %r9, %r9, 0;", uint32_t(-2)},
      {"sad.s32 %r9, -3, 4, 10;", 17},
  });
}

TEST_F(Arithmetic, bits) {
  check({
      {"and.b32 %r9, 12, 10;", 8},
      {"or.b32 %r9, 12, 10;", 14},
      {"xor.b32 %r9, 12, 10;", 6},
      {"not.b32 %r9, 5;", ~5u},
      {"cnot.b32 %r9, 0;", 1},
      {"shl.b32 %r9, 3, 4;", 48},
      {"shl.b32 %r9, 3, 32;", 0},
      {"shr.s32 %r9, -8, 40;", ~0u},
      {"shr.u32 %r9, 0x80000000, 31;", 1},
      {"shl.b16 %rs9, 1, 15; cvt.u32.u16 %r9, %rs9;", 0x8000},
      {"shr.s16 %rs9, 0x8000, 3; cvt.u32.u16 %r9, %rs9;", 0xF000},
      {"shl.b64 %rd9, 1, 33; shr.u64 %rd9, %rd9, 1; shr.b64 %rd9, %rd9, 32; cvt.u32.u64 %r9, %rd9;", 1},
      {"lop3.b32 %r9, 0xF0, 0xCC, 0xAA, 0xEA;", (0xF0u & 0xCC) | 0xAA},
      {"prmt.b32 %r9, 0x33221100, 0x77665544, 0x7401;", 0x77440011},
      {"prmt.b32 %r9, 0x33228100, 0, 0x0009;", 0x000000FF},
      {"bfe.u32 %r9, 0xABCD, 4, 8;", 0xBC},
      {"bfe.s32 %r9, 0xABCD, 4, 8;", 0xFFFFFFBC},
      {"bfi.b32 %r9, 0xF, 0xABCD1234, 8, 4;", 0xABCD1F34},
      {"bfind.u32 %r9, 0x00010000;", 16},
      {"bfind.s32 %r9, -1;", ~0u},
      {"bfind.shiftamt.u32 %r9, 0x00010000;", 15},
      {"clz.b32 %r9, 1;", 31},
      {"clz.b64 %r9, 1;", 63},
      {"popc.b32 %r9, 0xF0F0;", 8},
      {"brev.b32 %r9, 1;", 0x80000000},
      {"shf.l.wrap.b32 %r9, 0x80000000, 1, 1;", 3},
      {"shf.r.clamp.b32 %r9, 0x80000000, 1, 40;", 1},
      {"shf.r.wrap.b32 %r9, 0x80000000, 1, 31;", 3},
      {"mov.b32 %r8, 0x12345678; mov.b32 {%rs1, %rs2}, %r8; mov.b32 %r9, {%rs2, %rs1};", 0x56781234},
      {"mov.b64 %rd9, {1, 2}; mov.b64 {_, %r9}, %rd9;", 2},
  });
}

TEST_F(Arithmetic, floats) {
  check({
      {"add.rn.f32 %r9, 0f3F800000, 0f3F800000;", bits(2)},
      {"sub.f32 %r9, 0f3F800000, 0f40000000;", bits(-1)},
      {"fma.rn.f32 %r9, 0f3F800001, 0f3F800001, 0fBF800002;", bits(std::ldexp(1.0f, -46))},
      {"mul.rn.f32 %r9, 0f00800000, 0f3F000000;", 0x00400000},
      {"mul.ftz.f32 %r9, 0f00800000, 0f3F000000;", 0},
      {"mul.ftz.f32 %r9, 0f80400000, 0f4B000000;", 0x80000000},
      {"add.sat.f32 %r9, 0f3F800000, 0f3F800000;", bits(1)},
      {"div.rn.f32 %r9, 0f3F800000, 0f40400000;", bits(1.0f / 3)},
      {"rcp.rn.f32 %r9, 0f40000000;", bits(0.5)},
      {"sqrt.rn.f32 %r9, 0f41100000;", bits(3)},
      {"rsqrt.approx.f32 %r9, 0f40800000;", bits(0.5)},
      {"ex2.approx.ftz.f32 %r9, 0f40400000;", bits(8)},
      {"lg2.approx.f32 %r9, 0f41000000;", bits(3)},
      {"min.f32 %r9, 0f7FFFFFFF, 0f3F800000;", bits(1)},
      {"max.f32 %r9, 0f80000000, 0f00000000;", 0},
      {"min.f32 %r9, 0f80000000, 0f00000000;", 0x80000000},
      {"abs.f32 %r9, 0fBF800000;", bits(1)},
      {"neg.f32 %r9, 0f00000000;", 0x80000000},
      {"copysign.f32 %r9, 0f80000000, 0f3F800000;", bits(-1)},
      {"add.rn.f64 %rd9, 0d3FF0000000000000, 0d3CA0000000000000; cvt.rp.f32.f64 %r9, %rd9;", bits(1)},
      {"cvt.f64.f32 %rd9, 0f3F800000; div.rn.f64 %rd9, %rd9, 0d4008000000000000; cvt.rn.f32.f64 %r9, %rd9;",
       bits(1.0 / 3)},
      {"add.rn.f16x2 %r9, 0x3C003C00, 0x3C004000;", 0x40004200},
      {"fma.rn.f16 %rs9, 0x3C01, 0x3C01, 0xBC02; cvt.u32.u16 %r9, %rs9;", 0x0010},  // 2^-20
      {"fma.rn.bf16 %rs9, 0x3F81, 0x3F81, 0xBF82; cvt.u32.u16 %r9, %rs9;", 0x3880}, // 2^-14
      {"mul.rn.bf16x2 %r9, 0x3F804000, 0x40403F80;", 0x40404000},
      {"min.bf16x2 %r9, 0x3F804000, 0x40403F80;", 0x3F803F80},
      {"neg.bf16x2 %r9, 0x3F804000;", 0xBF80C000},
  });
}

TEST_F(Arithmetic, maximaWithNan) {
  const auto out = run<float>("mov.b32 %r8, 0x7FFFFFFF; max.NaN.f32 %r9, %r8, 0f3F800000; st.global.b32 [%rd0], %r9;",
                              1, std::vector<uint32_t>{}, {1, 1});
  EXPECT_TRUE(std::isnan(out[0]));
}

TEST_F(Arithmetic, conversions) {
  check({
      {"cvt.rzi.s32.f32 %r9, 0fC0200000;", uint32_t(-2)}, // -2.5
      {"cvt.rni.s32.f32 %r9, 0fC0200000;", uint32_t(-2)},
      {"cvt.rmi.s32.f32 %r9, 0fC0200000;", uint32_t(-3)},
      {"cvt.rpi.s32.f32 %r9, 0f40200000;", 3},
      {"cvt.rni.s32.f32 %r9, 0f40600000;", 4}, // 3.5
      {"cvt.rzi.u32.f32 %r9, 0fBF800000;", 0},
      {"cvt.rzi.s32.f32 %r9, 0f7F800000;", 0x7FFFFFFF},
      {"cvt.rzi.s32.f32 %r9, 0f7FC00000;", 0},
      {"cvt.rzi.u16.f32 %rs9, 0f49000000; cvt.u32.u16 %r9, %rs9;", 0xFFFF},
      {"cvt.rni.f32.f32 %r9, 0f40600000;", bits(4)},
      {"cvt.rmi.f32.f32 %r9, 0fBE800000;", bits(-1)},
      {"cvt.rn.f32.s32 %r9, -3;", bits(-3)},
      {"cvt.rn.f32.u32 %r9, 0xFFFFFFFF;", bits(4294967296.0f)},
      {"cvt.rz.f32.u32 %r9, 0xFFFFFFFF;", 0x4F7FFFFF},
      {"mov.b64 %rd9, 0x4000004000000001; cvt.rn.f32.s64 %r9, %rd9;", 0x5E800001},
      {"cvt.sat.f32.f32 %r9, 0fC0000000;", 0},
      {"cvt.s32.s8 %r9, 0x1FF;", ~0u},
      {"cvt.u32.u8 %r9, 0x1FF;", 0xFF},
      {"cvt.sat.s8.s32 %r9, 300;", 127},
      {"cvt.sat.u8.s32 %r9, -300;", 0},
      {"mov.b64 %rd9, 0xFF; cvt.s64.s8 %rd9, %rd9; cvt.u32.u64 %r9, %rd9;", ~0u},
      {"cvt.rn.f16.f32 %rs9, 0f477FE000; cvt.u32.u16 %r9, %rs9;", 0x7BFF},
      {"cvt.rn.f16.f32 %rs9, 0f477FF000; cvt.u32.u16 %r9, %rs9;", 0x7C00},
      {"cvt.rz.f16.f32 %rs9, 0f477FF000; cvt.u32.u16 %r9, %rs9;", 0x7BFF},
      {"cvt.rn.f16.f32 %rs9, 0f33000001; cvt.u32.u16 %r9, %rs9;", 1},
      {"cvt.rn.f16.f32 %rs9, 0f33000000; cvt.u32.u16 %r9, %rs9;", 0},
      {"mov.b16 %rs9, 0x0001; cvt.f32.f16 %r9, %rs9;", 0x33800000},
      {"mov.b16 %rs9, 0xFC00; cvt.f32.f16 %r9, %rs9;", 0xFF800000},
      {"mov.b16 %rs9, 0x3F80; cvt.f32.bf16 %r9, %rs9;", bits(1)},
      {"cvt.rn.bf16.f32 %rs9, 0f3F808000; cvt.u32.u16 %r9, %rs9;", 0x3F80},
      {"cvt.rn.bf16.f32 %rs9, 0f3F818000; cvt.u32.u16 %r9, %rs9;", 0x3F82},
      {"cvt.rz.bf16.f32 %rs9, 0f3F81FFFF; cvt.u32.u16 %r9, %rs9;", 0x3F81},
      {"cvt.rn.f16x2.f32 %r9, 0f3F800000, 0f40000000;", 0x3C004000},
      {"cvt.rn.bf16x2.f32 %r9, 0f3F800000, 0f40000000;", 0x3F804000},
      {"cvt.rna.tf32.f32 %r9, 0f3F801000;", 0x3F802000},
      {"cvt.rna.tf32.f32 %r9, 0f3F800FFF;", 0x3F800000},
  });
}

TEST_F(Arithmetic, comparisons) {
  const std::string give = " selp.b32 %r9, 1, 0, %p1;";
  check({
      {"setp.lt.s32 %p1, -1, 1;" + give, 1},
      {"setp.lt.u32 %p1, -1, 1;" + give, 0},
      {"setp.hs.u32 %p1, 1, 1;" + give, 1},
      {"setp.ne.b64 %p1, 0x100000000, 0;" + give, 1},
      {"setp.eq.s16 %p1, 0xFFFF, -1;" + give, 1},
      {"setp.lt.f32 %p1, 0f7FC00000, 0f3F800000;" + give, 0},
      {"setp.ltu.f32 %p1, 0f7FC00000, 0f3F800000;" + give, 1},
      {"setp.ne.f32 %p1, 0f7FC00000, 0f3F800000;" + give, 0},
      {"setp.neu.f32 %p1, 0f7FC00000, 0f3F800000;" + give, 1},
      {"setp.equ.f32 %p1, 0f7FC00000, 0f3F800000;" + give, 1},
      {"setp.equ.f32 %p1, 0f3F800000, 0f40000000;" + give, 0},
      {"setp.nan.f32 %p1, 0f7FC00000, 0f3F800000;" + give, 1},
      {"setp.num.f64 %p1, 0d3FF0000000000000, 0d3FF0000000000000;" + give, 1},
      {"setp.gt.bf16 %p1, 0x4000, 0x3F80;" + give, 1},
      {"setp.gt.ftz.f32 %p1, 0f00000001, 0f00000000;" + give, 0},
      {"setp.eq.s32 %p2, 1, 1; setp.lt.and.s32 %p1|%p3, 2, 1, %p2; selp.b32 %r9, 2, 0, %p3;", 2},
      {"setp.eq.s32 %p2, 1, 1; setp.lt.or.s32 %p1, 2, 1, !%p2;" + give, 0},
      {"setp.eq.s32 %p2, 1, 1; setp.eq.s32 %p3, 1, 2; xor.pred %p1, %p2, %p3;" + give, 1},
      {"setp.eq.s32 %p2, 1, 1; not.pred %p1, %p2;" + give, 0},
      {"mov.pred %p1, -1;" + give, 1},
      {"set.lt.f32.s32 %r9, 1, 2;", bits(1)},
      {"set.lt.u32.f32 %r9, 0f3F800000, 0f40000000;", ~0u},
      {"slct.b32.s32 %r9, 3, 4, -1;", 4},
      {"testp.infinite.f32 %p1, 0f7F800000;" + give, 1},
  });
}

} // namespace
} // namespace lathe::ptx
