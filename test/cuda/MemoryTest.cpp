//===- MemoryTest.cpp - loads, stores, atomics, spaces, bounds, asynchronous copies -------------------------------===//
#include "test/cuda/Sim.h"
#include <cmath>
#include <gmock/gmock.h>

namespace lathe::ptx {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using MemoryOf = Sim;

TEST_F(MemoryOf, widthsAndSigns) {
  const auto out = run<uint32_t>(R"(
  ld.global.u8 %r4, [%rd1]; ld.global.s8 %r5, [%rd1]; ld.global.s16 %r6, [%rd1+2]; ld.global.b16 %rs1, [%rd1+2];
  cvt.u32.u16 %r7, %rs1;
  ld.global.nc.L1::no_allocate.L2::256B.v4.b32 {%r8, %r9, %r10, %r11}, [%rd1];
  ld.global.u8 %rd5, [%rd1]; cvt.u32.u64 %r12, %rd5;
  st.global.v4.b32 [%rd0], {%r4, %r5, %r6, %r7};
  st.global.v2.b32 [%rd0+16], {%r11, %r12};
  st.global.b8 [%rd0+24], 0x1FF; st.global.b16 [%rd0+26], %rs1; st.global.b64 [%rd0+32], %rd5;)",
                                 10, std::vector<uint32_t>{0xF00D00FE, 1, 2, 3}, {1, 1});
  EXPECT_THAT(out, ElementsAre(0xFE, uint32_t(-2), 0xFFFFF00D, 0xF00D, 3, 0xFE, 0xF00D00FF, 0, 0xFE, 0));
}

TEST_F(MemoryOf, spacesAndGenericAddresses) {
  const auto out = run<uint32_t>(R"(
  .shared .align 8 .b8 box[16];
  .local .align 8 .b8 frame[16];
  mov.b64 %rd4, box; cvta.shared.u64 %rd5, %rd4;
  mov.b64 %rd6, frame; cvta.local.u64 %rd7, %rd6;
  st.b32 [%rd5+4], 11; ld.shared.b32 %r4, [box+4];
  st.b32 [%rd7+4], %r1; ld.local.b32 %r5, [frame+4];
  isspacep.shared %p1, %rd5; isspacep.global %p2, %rd1; isspacep.local %p3, %rd5;
  selp.b32 %r6, 1, 0, %p1; @%p2 add.s32 %r6, %r6, 2; @%p3 add.s32 %r6, %r6, 4;
  ld.b32 %r7, [%rd1];
  cvta.to.shared.u64 %rd8, %rd5; cvt.u32.u64 %r8, %rd8; ld.shared.b32 %r8, [%r8+4];
  ld.const.b32 %r9, [table+8]; mov.b64 %rd9, list; ld.global.b64 %rd10, [%rd9+8]; ld.global.b32 %r10, [%rd10];
  add.s32 %r4, %r4, %r5; add.s32 %r4, %r4, %r8;
  st.global.v4.b32 [%rd0], {%r4, %r6, %r7, %r9}; st.global.b32 [%rd0+16], %r10;)",
                                 5, std::vector<uint32_t>{77}, {1, 1}, R"(
.const .align 4 .b8 table[12] = {1, 0, 0, 0, 2, 0, 0, 0, 3};
.global .align 4 .u32 value = 99;
.global .align 8 .u64 list[2] = {0, value};
)");
  EXPECT_THAT(out, ElementsAre(22, 3, 77, 3, 99));
}

TEST_F(MemoryOf, parametersByValue) {
  const CUfunction k = function(header() + R"(
.visible .entry k(.param .u8 k_a, .param .align 16 .b8 k_b[32], .param .f64 k_c, .param .u64 k_out)
{
  .reg .b32 %r<8>; .reg .b64 %rd<8>;
  ld.param.b64 %rd1, [k_out]; ld.param.b8 %r1, [k_a]; ld.param.v2.b32 {%r2, %r3}, [k_b+8]; ld.param.b64 %rd2, [k_c];
  mov.b64 %rd3, k_b; ld.param.b32 %r4, [%rd3+28]; cvta.param.u64 %rd4, %rd3; ld.b32 %r5, [%rd4];
  st.global.v4.b32 [%rd1], {%r1, %r2, %r3, %r4}; st.global.b32 [%rd1+16], %r5; st.global.b64 [%rd1+24], %rd2;
  ret;
})");
  CUdeviceptr out = upload(std::vector<uint32_t>(8));
  uint8_t a = 200;
  uint32_t b[8] = {10, 11, 12, 13, 14, 15, 16, 17};
  double c = 1;
  void *parameters[] = {&a, b, &c, &out};
  ASSERT_EQ(api().cuLaunchKernel(k, 1, 1, 1, 1, 1, 1, 0, nullptr, parameters, nullptr), CUDA_SUCCESS);
  EXPECT_THAT(download<uint32_t>(out, 8), ElementsAre(200, 12, 13, 17, 10, 0, 0, 0x3FF00000));
}

TEST_F(MemoryOf, atomics) {
  const auto out = run<uint32_t>(R"(
  atom.global.add.u32 %r4, [%rd0], 1;
  red.global.max.s32 [%rd0+4], %r1; red.global.min.u32 [%rd0+8], %r1; red.global.or.b32 [%rd0+12], %r1;
  atom.global.add.f32 %r5, [%rd0+16], 0f3F800000;
  atom.global.cas.b32 %r5, [%rd0+20], %r1, 5; atom.global.add.u64 %rd5, [%rd0+24], 3; red.global.and.b32 [%rd0+32], 6;
  atom.global.exch.b32 %r6, [%rd0+36], %r4; atom.global.inc.u32 %r7, [%rd0+40], 4;)",
                                 11, std::vector<uint32_t>{});
  EXPECT_THAT(out, ElementsAre(32, 31, 0, 31, 0x42000000, 5, 96, 0, 0, 31, 2));
}

TEST_F(MemoryOf, outOfBoundsIsNamed) {
  const auto [error, text] = fail("ld.global.b32 %r4, [%rd3+256];\nst.global.b32 [%rd2], %r4;");
  EXPECT_EQ(error, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(text, HasSubstr("kernel k, block (0,0,0), thread (0,0,0), PTX line"));
  EXPECT_THAT(text, HasSubstr("'ld.global.b32 %r4, [%rd3+256]': reads 4 bytes at global address 0x"));
  EXPECT_THAT(text, HasSubstr("0 bytes past the end of the allocation of 256 bytes at 0x"));
  // The context is lost.
  CUdeviceptr pointer = 0;
  EXPECT_EQ(api().cuMemAlloc_v2(&pointer, 16), CUDA_ERROR_ILLEGAL_ADDRESS);
}

TEST_F(MemoryOf, anotherLaneOutOfBounds) {
  const auto [error, text] = fail("setp.eq.u32 %p1, %r1, 7; mov.b32 %r4, 0; @%p1 mov.b32 %r4, -4;\n"
                                  "cvt.s64.s32 %rd4, %r4; add.s64 %rd4, %rd4, %rd1; ld.global.b32 %r5, [%rd4];");
  EXPECT_EQ(error, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(text, HasSubstr("thread (7,0,0)"));
  EXPECT_THAT(text, HasSubstr("4 bytes before the allocation of 256 bytes"));
}

TEST_F(MemoryOf, freedMemoryIsNobodys) {
  const CUfunction k = function(kernel("ld.global.b32 %r4, [%rd3]; st.global.b32 [%rd2], %r4;"));
  const CUdeviceptr in = upload(std::vector<uint32_t>(32)), out = upload(std::vector<uint32_t>(32));
  ASSERT_EQ(api().cuMemFree_v2(in), CUDA_SUCCESS);
  upload(std::vector<uint32_t>(32));
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch(k, in, out, {}), CUDA_SUCCESS);
  EXPECT_EQ(api().cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("ld.global.b32"));
}

TEST_F(MemoryOf, misalignedAndSharedAndLocal) {
  auto [error, text] = fail("ld.global.v2.b32 {%r4, %r5}, [%rd1+4];");
  EXPECT_EQ(error, CUDA_ERROR_MISALIGNED_ADDRESS);
  EXPECT_THAT(text, HasSubstr("is not a multiple of 8"));
  close(), SetUp();
  std::tie(error, text) = fail(".shared .align 4 .b8 box[64];\nmov.b64 %rd4, box; st.shared.b32 [%rd4+64], 1;");
  EXPECT_EQ(error, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(text, HasSubstr("writes 4 bytes at shared address 0x440, where there are 64 bytes from 1024 on"));
  close(), SetUp();
  std::tie(error, text) = fail(".local .align 4 .b8 frame[16];\nld.local.b32 %r4, [frame+16];");
  EXPECT_EQ(error, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(text, HasSubstr("local address 0x10"));
  close(), SetUp();
  std::tie(error, text) =
      fail("mov.b64 %rd4, 0; ld.shared.b32 %r4, [%rd4];", {1, 32, 64}, ".extern .shared .align 16 .b8 dyn[];");
  EXPECT_EQ(error, CUDA_ERROR_ILLEGAL_ADDRESS);
}

TEST_F(MemoryOf, dynamicSharedMemoryFollowsStatic) {
  const auto out = run<uint32_t>(R"(
  .shared .align 4 .b8 box[20];
  st.shared.b32 [dyn], 5; st.shared.b32 [dyn+60], 6; st.shared.b32 [box+16], 7;
  ld.shared.b32 %r4, [dyn]; ld.shared.b32 %r5, [dyn+4]; 
  mov.b64 %rd4, dyn; and.b64 %rd4, %rd4, 127; cvt.u32.u64 %r6, %rd4;
  st.global.v2.b32 [%rd0], {%r4, %r5}; st.global.b32 [%rd0+8], %r6;)",
                                 3, std::vector<uint32_t>{}, {1, 1, 64}, ".extern .shared .align 128 .b8 dyn[];");
  EXPECT_THAT(out, ElementsAre(5, ~0u, 0)); // what nobody wrote is poison
}

static const std::string copies = R"(
  .shared .align 16 .b8 box[64];
  mov.b64 %rd4, box;
  cp.async.cg.shared.global [%rd4], [%rd1], 16;
  cp.async.commit_group;
  cp.async.ca.shared.global [%rd4+16], [%rd1+16], 8, 4;
  cp.async.commit_group;
)";
static const std::string reads = R"(
  ld.shared.b32 %r4, [box]; ld.shared.b32 %r5, [box+16]; ld.shared.b32 %r6, [box+20];
  st.global.v2.b32 [%rd0], {%r4, %r5}; st.global.b32 [%rd0+8], %r6;)";

TEST_F(MemoryOf, asynchronousCopies) {
  const std::vector<uint32_t> in = {1, 2, 3, 4, 5, 6};
  EXPECT_THAT(run<uint32_t>(copies + "cp.async.wait_group 0;" + reads, 3, in, {1, 1}), ElementsAre(1, 5, 0));
  EXPECT_THAT(run<uint32_t>(copies + "cp.async.wait_all;" + reads, 3, in, {1, 1}), ElementsAre(1, 5, 0));
  // A wait too few, and none.
  EXPECT_THAT(run<uint32_t>(copies + "cp.async.wait_group 1;" + reads, 3, in, {1, 1}), ElementsAre(1, ~0u, ~0u));
  EXPECT_THAT(run<uint32_t>(copies + reads, 3, in, {1, 1}), ElementsAre(~0u, ~0u, ~0u));
}

TEST_F(MemoryOf, bulkCopies) {
  const std::string begin = R"(
  .shared .align 16 .b8 box[64];
  .shared .align 8 .b8 bar[8];
  setp.ne.u32 %p1, %r1, 0;
  @%p1 bra READ;
  mbarrier.init.shared.b64 [bar], 1;
  mbarrier.arrive.expect_tx.shared.b64 %rd5, [bar], EXPECTED;
  cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [box+16], [%rd1], 32, [bar];
READ: bar.sync 0;
)";
  const std::string wait = "WAIT: mbarrier.try_wait.parity.shared.b64 %p2, [bar], 0;\n@!%p2 bra WAIT;\n";
  const std::string read = "ld.shared.v2.b32 {%r4, %r5}, [box+40]; ld.shared.b32 %r6, [box];\n"
                           "st.global.v2.b32 [%rd0], {%r4, %r5}; st.global.b32 [%rd0+8], %r6;";
  const auto text = [&](const char *expected, const std::string &rest) {
    std::string body = begin + rest;
    return body.replace(body.find("EXPECTED"), 8, expected);
  };
  const std::vector<uint32_t> in = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_THAT(run<uint32_t>(text("32", wait + read), 3, in, {1, 64}), ElementsAre(7, 8, ~0u));
  EXPECT_THAT(run<uint32_t>(text("32", read), 3, in, {1, 64}), ElementsAre(~0u, ~0u, ~0u));
}

TEST_F(MemoryOf, freshMemoryIsPoison) {
  CUdeviceptr pointer = 0;
  ASSERT_EQ(api().cuMemAlloc_v2(&pointer, 8), CUDA_SUCCESS);
  EXPECT_TRUE(std::isnan(download<float>(pointer, 2)[1]));
}

} // namespace
} // namespace lathe::ptx
