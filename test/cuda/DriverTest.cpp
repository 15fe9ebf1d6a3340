//===- DriverTest.cpp - modules, launches, graphs, memory and errors of the driver --------------------------------===//
#include "test/cuda/Sim.h"
#include <gmock/gmock.h>
#include <thread>

namespace lathe::ptx {
namespace {

using testing::Each;
using testing::HasSubstr;
using DriverOf = Sim;

static const std::string increment = "ld.global.b32 %r4, [%rd2]; add.s32 %r4, %r4, 1; st.global.b32 [%rd2], %r4;";

TEST_F(DriverOf, saysWhatItIs) {
  char name[64];
  int value = 0;
  size_t total = 0, free = 0;
  ASSERT_EQ(api().cuDeviceGetName(name, sizeof name, 0), CUDA_SUCCESS);
  EXPECT_STREQ(name, "PTX interpreter");
  ASSERT_EQ(api().cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0), CUDA_SUCCESS);
  EXPECT_EQ(value, 9);
  ASSERT_EQ(api().cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 0), CUDA_SUCCESS);
  EXPECT_EQ(value, 227 << 10);
  ASSERT_EQ(api().cuMemGetInfo_v2(&free, &total), CUDA_SUCCESS);
  EXPECT_EQ(total, 67108864u);
  EXPECT_EQ(free, total);
}

TEST_F(DriverOf, memoryRunsOut) {
  CUdeviceptr first = 0, second = 0;
  ASSERT_EQ(api().cuMemAlloc_v2(&first, 60 << 20), CUDA_SUCCESS);
  EXPECT_EQ(api().cuMemAlloc_v2(&second, 8 << 20), CUDA_ERROR_OUT_OF_MEMORY);
  ASSERT_EQ(api().cuMemFree_v2(first), CUDA_SUCCESS);
  EXPECT_EQ(api().cuMemAlloc_v2(&second, 8 << 20), CUDA_SUCCESS);
  testing::internal::CaptureStderr();
  EXPECT_EQ(api().cuMemFree_v2(first), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api().cuMemcpyHtoD_v2(second + (8 << 20) - 4, &first, 8), CUDA_ERROR_INVALID_VALUE);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("a copy to the device of 8 bytes at device address"));
}

TEST_F(DriverOf, targets) {
  const std::string body = ".visible .entry k() { ret; }";
  EXPECT_EQ(refuse(header("sm_90a") + body).first, CUDA_SUCCESS);
  EXPECT_EQ(refuse(header("sm_100") + body).first, CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_EQ(refuse(".version 9.9\n.target sm_80\n" + body).first, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
  EXPECT_EQ(refuse("\x7f"
                   "ELF....")
                .first,
            CUDA_ERROR_NO_BINARY_FOR_GPU);
  close(), open("80", "67108864");
  EXPECT_EQ(refuse(header("sm_90a") + body).first, CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_EQ(refuse(header("sm_80") + body).first, CUDA_SUCCESS);
}

TEST_F(DriverOf, whatIsNotKnownIsRefusedAtLoad) {
  auto [error, text] = refuse(kernel("frobnicate.b32 %r4, %r5;"));
  EXPECT_EQ(error, CUDA_ERROR_INVALID_PTX);
  EXPECT_THAT(text,
              HasSubstr("PTX line 22: 'frobnicate.b32 %r4, %r5': the instruction is not known to the interpreter"));
  for (const char *body :
       {"add.rz.f32 %f1, %f2, %f3;", "ld.global.wild.b32 %r4, [%rd1];",
        "mma.sync.aligned.m16n8k7.row.col.f32.f16.f16.f32 {%r4, %r5, %r6, %r7}, {%r4}, {%r5}, {%r4, %r5, %r6, %r7};",
        "add.s32 %r4, %rd1, 1;", "add.s64 %rd4, %r1, 1;", "mov.b32 %r4, %r99;", "bra NOWHERE;",
        "shfl.bfly.b32 %r4, %r5, 1, 31;", "cvt.s32.f32 %r4, %r5;", "mov.b32 %r4, nobody;"})
    EXPECT_EQ(refuse(kernel(body)).first, CUDA_ERROR_INVALID_PTX) << body;
}

TEST_F(DriverOf, theJitsLog) {
  char log[200] = "";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log)};
  CUmodule module = nullptr;
  testing::internal::CaptureStderr();
  EXPECT_EQ(api().cuModuleLoadDataEx(&module, kernel("frobnicate;").c_str(), 2, options, values),
            CUDA_ERROR_INVALID_PTX);
  testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("frobnicate"));
}

TEST_F(DriverOf, functionsAndHandles) {
  const CUmodule module = load(kernel(increment));
  CUfunction k = nullptr;
  EXPECT_EQ(api().cuModuleGetFunction(&k, module, "other"), CUDA_ERROR_NOT_FOUND);
  ASSERT_EQ(api().cuModuleGetFunction(&k, module, "k"), CUDA_SUCCESS);
  ASSERT_EQ(api().cuModuleUnload(module), CUDA_SUCCESS);
  EXPECT_EQ(api().cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(launch(k, 0, 0, {}), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverOf, launchesThatCannotBe) {
  const CUfunction k =
      function(header() + ".visible .entry k(.param .u64 a, .param .u64 b) .maxntid 64, 1, 1 { ret; }");
  testing::internal::CaptureStderr();
  EXPECT_EQ(launch(k, 0, 0, {1, 128}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(k, 0, 0, {0, 32}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launch(k, 0, 0, {1, 64, 49153}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api().cuFuncSetAttribute(k, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, (227 << 10) + 1),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("launch of k: blocks of 128 threads, where the kernel allows 64"));
  EXPECT_EQ(api().cuFuncSetAttribute(k, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 227 << 10), CUDA_SUCCESS);
  EXPECT_EQ(launch(k, 0, 0, {1, 64, 227 << 10}), CUDA_SUCCESS);
  int blocks = 0;
  ASSERT_EQ(api().cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, k, 64, 100 << 10), CUDA_SUCCESS);
  EXPECT_EQ(blocks, 2);
}

TEST_F(DriverOf, extendedLaunches) {
  const CUfunction k = function(kernel("griddepcontrol.wait;" + increment + "griddepcontrol.launch_dependents;"));
  CUdeviceptr in = 0, out = upload(std::vector<uint32_t>(64));
  void *parameters[] = {&in, &out};
  CUlaunchAttribute attribute = {};
  attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
  attribute.value.programmaticStreamSerializationAllowed = 1;
  CUlaunchConfig config = {2, 1, 1, 32, 1, 1, 0, nullptr, &attribute, 1};
  ASSERT_EQ(api().cuLaunchKernelEx(&config, k, parameters, nullptr), CUDA_SUCCESS);
  EXPECT_THAT(download<uint32_t>(out, 64), Each(1u));
}

TEST_F(DriverOf, graphsReplay) {
  const CUfunction k = function(kernel(increment));
  const CUdeviceptr out = upload(std::vector<uint32_t>(32)), copy = upload(std::vector<uint32_t>(32));
  std::vector<uint32_t> input(32, 10), output(32);
  CUstream stream = nullptr;
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  ASSERT_EQ(api().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
  ASSERT_EQ(api().cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
  EXPECT_EQ(api().cuMemcpyHtoDAsync_v2(out, input.data(), 128, stream), CUDA_SUCCESS);
  EXPECT_EQ(launch(k, 0, out, {}, stream), CUDA_SUCCESS); // its parameters are gone when it runs
  EXPECT_EQ(launch(k, 0, out, {}, stream), CUDA_SUCCESS);
  EXPECT_EQ(api().cuMemcpyDtoDAsync_v2(copy, out, 128, stream), CUDA_SUCCESS);
  EXPECT_EQ(api().cuMemcpyDtoHAsync_v2(output.data(), copy, 128, stream), CUDA_SUCCESS);
  testing::internal::CaptureStderr();
  CUdeviceptr other = 0;
  EXPECT_EQ(api().cuMemAlloc_v2(&other, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(api().cuStreamSynchronize(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  testing::internal::GetCapturedStderr();
  ASSERT_EQ(api().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  EXPECT_THAT(output, Each(0u)); // nothing has run
  ASSERT_EQ(api().cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
  ASSERT_EQ(api().cuGraphDestroy(graph), CUDA_SUCCESS);
  ASSERT_EQ(api().cuGraphLaunch(exec, stream), CUDA_SUCCESS);
  EXPECT_THAT(output, Each(12u));
  input.assign(32, 20);
  ASSERT_EQ(api().cuGraphLaunch(exec, stream), CUDA_SUCCESS);
  EXPECT_EQ(api().cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_THAT(output, Each(22u));
  EXPECT_EQ(api().cuGraphExecDestroy(exec), CUDA_SUCCESS);
  EXPECT_EQ(api().cuStreamDestroy_v2(stream), CUDA_SUCCESS);
}

TEST_F(DriverOf, eventsInGraphs) {
  CUstream stream = nullptr;
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  CUevent inside = nullptr, order = nullptr;
  float milliseconds = 0;
  ASSERT_EQ(api().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
  ASSERT_EQ(api().cuEventCreate(&inside, 0), CUDA_SUCCESS);
  ASSERT_EQ(api().cuEventCreate(&order, 0), CUDA_SUCCESS);
  ASSERT_EQ(api().cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
  EXPECT_EQ(api().cuEventRecord(order, stream), CUDA_SUCCESS); // no node
  EXPECT_EQ(api().cuEventRecordWithFlags(inside, stream, CU_EVENT_RECORD_EXTERNAL), CUDA_SUCCESS);
  ASSERT_EQ(api().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  ASSERT_EQ(api().cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
  ASSERT_EQ(api().cuGraphLaunch(exec, stream), CUDA_SUCCESS);
  EXPECT_EQ(api().cuEventElapsedTime(&milliseconds, inside, inside), CUDA_SUCCESS);
  EXPECT_EQ(api().cuEventElapsedTime(&milliseconds, order, order), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverOf, contextsBelongToThreads) {
  CUresult result = CUDA_SUCCESS;
  std::thread([&] {
    CUdeviceptr pointer = 0;
    result = api().cuMemAlloc_v2(&pointer, 16);
  }).join();
  EXPECT_EQ(result, CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(DriverOf, eventsTakeTheTime) {
  CUevent begin = nullptr, end = nullptr;
  float milliseconds = -1;
  ASSERT_EQ(api().cuEventCreate(&begin, 0), CUDA_SUCCESS);
  ASSERT_EQ(api().cuEventCreate(&end, 0), CUDA_SUCCESS);
  ASSERT_EQ(api().cuEventRecord(begin, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api().cuEventElapsedTime(&milliseconds, begin, end), CUDA_ERROR_INVALID_HANDLE);
  ASSERT_EQ(api().cuEventRecord(end, nullptr), CUDA_SUCCESS);
  ASSERT_EQ(api().cuEventElapsedTime(&milliseconds, begin, end), CUDA_SUCCESS);
  EXPECT_GE(milliseconds, 0);
  const char *text = nullptr;
  ASSERT_EQ(api().cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text), CUDA_SUCCESS);
  EXPECT_STREQ(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
}

} // namespace
} // namespace lathe::ptx
