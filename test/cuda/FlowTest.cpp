//===- FlowTest.cpp - lanes that part and meet, barriers, shuffles, calls -----------------------------------------===//
#include "test/cuda/Sim.h"
#include <gmock/gmock.h>
#include <numeric>

namespace lathe::ptx {
namespace {

using testing::HasSubstr;
using Flow = Sim;

TEST_F(Flow, lanesPartAndMeet) {
  // Each lane adds up 1 .. lane, then all shuffle together.
  const auto out = run<uint32_t>(R"(
  mov.b32 %r4, 0; mov.b32 %r5, 0;
LOOP:
  setp.ge.u32 %p1, %r4, %r1;
  @%p1 bra DONE;
  add.s32 %r4, %r4, 1;
  add.s32 %r5, %r5, %r4;
  bra.uni LOOP;
DONE:
  shfl.sync.bfly.b32 %r6|%p2, %r5, 1, 31, -1;
  st.global.b32 [%rd2], %r6;)",
                                 32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], (lane ^ 1) * ((lane ^ 1) + 1) / 2);
}

TEST_F(Flow, branchTable) {
  const auto out = run<uint32_t>(R"(
  and.b32 %r4, %r1, 3;
  $table: .branchtargets A, B, C, B;
  brx.idx %r4, $table;
A: mov.b32 %r5, 10; bra.uni END;
B: mov.b32 %r5, 20; bra.uni END;
C: mov.b32 %r5, 30;
END: activemask.b32 %r6;
  setp.ne.b32 %p1, %r6, -1;
  @%p1 mov.b32 %r5, 0;
  st.global.b32 [%rd2], %r5;)",
                                 32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], (lane & 3) == 0 ? 10u : (lane & 3) == 2 ? 30u : 20u);
}

TEST_F(Flow, blocksOfInlineAssemblyHaveTheirOwnNames) {
  const auto out = run<uint32_t>(R"(
  { .reg .pred p; .reg .b32 %t; mov.b32 %t, 5; setp.eq.s32 p, %t, 5; @p bra.uni L; mov.b32 %t, 7; L: mov.b32 %r4, %t; }
  { .reg .b32 %t; mov.b32 %t, 6; bra L; L: add.s32 %r4, %r4, %t; }
  st.global.b32 [%rd2], %r4;)",
                                 32);
  EXPECT_EQ(out[31], 11u);
}

TEST_F(Flow, calls) {
  const std::string helper = R"(
.func (.param .b32 result) twice(.param .b32 x, .param .b64 p)
{
  .reg .b32 %a<3>; .reg .b64 %q; .reg .pred %z;
  ld.param.b32 %a0, [x];
  ld.param.b64 %q, [p];
  setp.gt.u32 %z, %a0, 15;
  @%z bra BIG;
  add.s32 %a1, %a0, %a0;
  st.param.b32 [result], %a1;
  ret;
BIG:
  st.b32 [%q], %a0;
  mov.b32 %a1, 1000;
  st.param.b32 [result], %a1;
  ret;
}
)";
  const auto out = run<uint32_t>(R"(
  .local .align 4 .b8 frame[8];
  mov.b64 %rd4, frame; cvta.local.u64 %rd5, %rd4;
  st.local.b32 [frame+4], 7; st.local.b32 [%rd4], 3;
  add.s64 %rd6, %rd5, 4;
  { .param .b32 p0; .param .b64 p1; .param .b32 r0;
    st.param.b32 [p0], %r1; st.param.b64 [p1], %rd6;
    call.uni (r0), twice, (p0, p1);
    ld.param.b32 %r4, [r0]; }
  ld.local.b32 %r5, [%rd4+4];
  add.s32 %r4, %r4, %r5;
  st.global.b32 [%rd2], %r4;)",
                                 32, std::vector<uint32_t>{}, {}, helper);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], lane > 15 ? 1000 + lane : 2 * lane + 7);
}

TEST_F(Flow, barriersAndSharedMemory) {
  const auto out = run<uint32_t>(R"(
  .shared .align 4 .b8 box[512];
  mov.b64 %rd4, box;
  mul.wide.u32 %rd5, %r1, 4;
  add.s64 %rd6, %rd4, %rd5;
  st.shared.b32 [%rd6], %r1;
  bar.sync 0;
  sub.s32 %r4, 127, %r1;
  mul.wide.u32 %rd5, %r4, 4;
  add.s64 %rd6, %rd4, %rd5;
  ld.shared.b32 %r5, [%rd6];
  st.global.b32 [%rd2], %r5;)",
                                 256, std::vector<uint32_t>{}, {2, 128});
  for (uint32_t i = 0; i < 256; ++i)
    EXPECT_EQ(out[i], 127 - i % 128);
}

TEST_F(Flow, aMissingBarrierReadsPoison) {
  const auto out = run<uint32_t>(R"(
  .shared .align 4 .b8 box[512];
  mul.wide.u32 %rd5, %r1, 4;
  mov.b64 %rd4, box;
  add.s64 %rd6, %rd4, %rd5;
  st.shared.b32 [%rd6], %r1;
  sub.s32 %r4, 127, %r1;
  mul.wide.u32 %rd5, %r4, 4;
  add.s64 %rd6, %rd4, %rd5;
  ld.shared.b32 %r5, [%rd6];
  st.global.b32 [%rd2], %r5;)",
                                 128, std::vector<uint32_t>{}, {1, 128});
  EXPECT_THAT(out, testing::Contains(~0u));
}

TEST_F(Flow, namedBarriersOfSomeWarps) {
  // Warps 0 and 1 meet at barrier 1, warps 2 and 3 do not take part.
  const auto out = run<uint32_t>(R"(
  .shared .align 4 .b8 box[8];
  mov.b32 %r5, 9;
  setp.ge.u32 %p1, %r1, 64;
  @%p1 bra END;
  setp.eq.u32 %p2, %r1, 40;
  @%p2 st.shared.b32 [box], 5;
  barrier.sync 1, 64;
  ld.shared.b32 %r5, [box];
END: st.global.b32 [%rd2], %r5;)",
                                 128, std::vector<uint32_t>{}, {1, 128});
  EXPECT_EQ(out[0], 5u);
  EXPECT_EQ(out[63], 5u);
  EXPECT_EQ(out[64], 9u);
}

TEST_F(Flow, deadlocksAreNamed) {
  const auto [error, text] = fail("setp.lt.u32 %p1, %r1, 32;\n@%p1 bar.sync 2, 64;", {1, 128});
  EXPECT_EQ(error, CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_THAT(text, HasSubstr("deadlock, warps wait for others: warp 0 at line"));
  EXPECT_THAT(text, HasSubstr("bar.sync 2, 64"));
}

TEST_F(Flow, aBarrierThatSomeLanesSkip) {
  const auto [error, text] = fail("setp.lt.u32 %p1, %r1, 16;\n@%p1 bar.sync 0;");
  EXPECT_EQ(error, CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_THAT(text, HasSubstr("some lanes of the warp skip this barrier"));
}

TEST_F(Flow, shuffles) {
  const auto shuffle = [&](const std::string &text) {
    return run<uint32_t>("shfl.sync." + text + ", -1; @!%p1 add.s32 %r5, %r5, 100; st.global.b32 [%rd2], %r5;", 32);
  };
  const auto bfly = shuffle("bfly.b32 %r5|%p1, %r1, 16, 31"), down = shuffle("down.b32 %r5|%p1, %r1, 4, 31");
  const auto up = shuffle("up.b32 %r5|%p1, %r1, 4, 0"), idx = shuffle("idx.b32 %r5|%p1, %r1, 3, 0x181F");
  for (uint32_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(bfly[lane], lane ^ 16);
    EXPECT_EQ(down[lane], lane < 28 ? lane + 4 : lane + 100);
    EXPECT_EQ(up[lane], lane >= 4 ? lane - 4 : lane + 100);
    EXPECT_EQ(idx[lane], lane / 8 * 8 + 3); // segments of 8
  }
}

TEST_F(Flow, aShuffleWaitsForItsLanes) {
  const auto [error, text] = fail(R"(
  setp.lt.u32 %p1, %r1, 16;
  @%p1 bra HALF;
  bra.uni END;
HALF: shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1;
  st.global.b32 [%rd2], %r5;
  ret;
END: bar.warp.sync -1;)");
  EXPECT_EQ(error, CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_THAT(text, HasSubstr("deadlock: the other lanes that this instruction wants never come to it"));
}

TEST_F(Flow, votesAndReductions) {
  const auto out = run<uint32_t>(R"(
  setp.lt.u32 %p1, %r1, 4;
  vote.sync.ballot.b32 %r4, %p1, -1;
  vote.sync.any.pred %p2, %p1, -1;
  vote.sync.all.pred %p3, !%p1, -1;
  selp.b32 %r5, 1, 0, %p2;
  selp.b32 %r6, 1, 0, %p3;
  redux.sync.add.s32 %r7, %r1, -1;
  sub.s32 %r8, %r1, 5;
  redux.sync.min.s32 %r8, %r8, -1;
  and.b32 %r10, %r1, 1;
  match.any.sync.b32 %r10, %r10, -1;
  st.global.v2.b32 [%rd0], {%r4, %r5};
  st.global.v4.b32 [%rd0+16], {%r6, %r7, %r8, %r10};)",
                                 8, std::vector<uint32_t>{});
  EXPECT_EQ(out[0], 0xFu);
  EXPECT_EQ(out[1], 1u);
  EXPECT_EQ(out[4], 0u);
  EXPECT_EQ(out[5], 31u * 16);
  EXPECT_EQ(out[6], uint32_t(-5));
  EXPECT_EQ(out[7], 0xAAAAAAAAu); // the last lane's
}

TEST_F(Flow, aLockAmongLanes) {
  // Lanes of one warp and warps of two blocks take turns; who spins must not starve who holds the lock.
  const auto out = run<uint32_t>(R"(
LOCK: atom.acquire.gpu.global.cas.b32 %r4, [%rd1], 0, 1;
  setp.ne.b32 %p1, %r4, 0;
  @%p1 bra LOCK;
  ld.volatile.global.b32 %r5, [%rd0];
  add.s32 %r5, %r5, 1;
  st.volatile.global.b32 [%rd0], %r5;
  fence.acq_rel.gpu;
  atom.release.gpu.global.exch.b32 %r4, [%rd1], 0;)",
                                 1, std::vector<uint32_t>{0}, {2, 64});
  EXPECT_EQ(out[0], 128u);
}

TEST_F(Flow, aBarrierOfTheGrid) {
  const auto out = run<uint32_t>(R"(
  red.release.gpu.global.add.u32 [%rd1], 1;
SPIN: ld.acquire.gpu.global.u32 %r4, [%rd1];
  setp.lt.u32 %p1, %r4, 1280;
  @%p1 bra SPIN;
  st.global.b32 [%rd2], %r4;)",
                                 1280, std::vector<uint32_t>{0}, {40, 32});
  EXPECT_THAT(out, testing::Each(1280u));
}

TEST_F(Flow, traps) {
  const auto [error, text] = fail("setp.eq.u32 %p1, %r1, 3;\n@%p1 trap;");
  EXPECT_EQ(error, CUDA_ERROR_LAUNCH_FAILED);
  EXPECT_THAT(text, HasSubstr("kernel k, block (0,0,0), thread (3,0,0), PTX line"));
}

} // namespace
} // namespace lathe::ptx
