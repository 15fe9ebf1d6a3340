//===- Sim.h - small PTX kernels run through the driver's functions -------------------------------------*- C++ -*-===//
//
//   TEST_F(Sim, adds) {
//     const auto out = run<uint32_t>("add.s32 %r2, %r1, 3; st.global.b32 [%rd2], %r2;", 32);
//   }
//
// A body begins with: %r1 = thread in block, %r0 = thread in grid, %rd1 = in, %rd0 = out, %rd2 = out + 4 %r0, %rd3 =
// in + 4 %r0. There are registers %p0-15, %rs0-31, %r0-63, %rd0-31, %f0-63, %d0-31.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_TEST_CUDA_SIM_H
#define LATHE_TEST_CUDA_SIM_H

#include "runtime/device/cuda/DriverApi.h"
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace lathe::ptx {

struct Api {
#define LATHE_MEMBER(name, parameters) CUresult(*name) parameters = nullptr;
  LATHE_CUDA_DRIVER_API(LATHE_MEMBER)
#undef LATHE_MEMBER
};

inline const Api &api() {
  static const Api table = [] {
    Api api;
    void *library = dlopen(LATHE_CUDA_SIM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    EXPECT_TRUE(library) << dlerror();
#define LATHE_FIND(name, parameters)                                                                                   \
  api.name = reinterpret_cast<CUresult(*) parameters>(dlsym(library, #name));                                          \
  EXPECT_TRUE(api.name) << #name;
    LATHE_CUDA_DRIVER_API(LATHE_FIND)
#undef LATHE_FIND
    return api;
  }();
  return table;
}

struct Shape {
  unsigned blocks = 1, threads = 32, shared = 0;
};

class Sim : public testing::Test {
protected:
  void SetUp() override { open("90", "67108864"); }
  void TearDown() override { close(); }

  void open(const char *sm, const char *memory) {
    setenv("LATHE_CUDA_SIM_SM", sm, 1);
    setenv("LATHE_CUDA_SIM_MEMORY", memory, 1);
    ASSERT_EQ(api().cuInit(0), CUDA_SUCCESS);
    ASSERT_EQ(api().cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    ASSERT_EQ(api().cuCtxSetCurrent(context), CUDA_SUCCESS);
  }
  void close() { EXPECT_EQ(api().cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS); }

  static std::string header(const std::string &target = "sm_80") {
    return ".version 7.5\n.target " + target + "\n.address_size 64\n";
  }
  static std::string kernel(const std::string &body, const std::string &declarations = "") {
    return header() + declarations + R"(
.visible .entry k(.param .u64 .ptr .global .align 4 k_in, .param .u64 k_out)
{
  .reg .pred %p<16>;
  .reg .b16 %rs<32>;
  .reg .b32 %r<64>;
  .reg .b64 %rd<32>;
  .reg .f32 %f<64>;
  .reg .f64 %d<32>;
  ld.param.b64 %rd1, [k_in];
  ld.param.b64 %rd0, [k_out];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mad.lo.s32 %r0, %r2, %r3, %r1;
  mul.wide.u32 %rd2, %r0, 4;
  add.s64 %rd3, %rd1, %rd2;
  add.s64 %rd2, %rd0, %rd2;
)" + body + "\n  ret;\n}\n";
  }

  CUmodule load(const std::string &text) {
    CUmodule module = nullptr;
    const CUresult result = api().cuModuleLoadData(&module, text.c_str());
    EXPECT_EQ(result, CUDA_SUCCESS) << text;
    return module;
  }
  CUfunction function(const std::string &text, const char *name = "k") {
    CUfunction function = nullptr;
    EXPECT_EQ(api().cuModuleGetFunction(&function, load(text), name), CUDA_SUCCESS);
    return function;
  }
  template <class T> CUdeviceptr upload(const std::vector<T> &values) {
    CUdeviceptr pointer = 0;
    EXPECT_EQ(api().cuMemAlloc_v2(&pointer, std::max<size_t>(values.size(), 1) * sizeof(T)), CUDA_SUCCESS);
    EXPECT_EQ(api().cuMemcpyHtoD_v2(pointer, values.data(), values.size() * sizeof(T)), CUDA_SUCCESS);
    return pointer;
  }
  template <class T> std::vector<T> download(CUdeviceptr pointer, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(api().cuMemcpyDtoH_v2(values.data(), pointer, count * sizeof(T)), CUDA_SUCCESS);
    return values;
  }

  CUresult launch(CUfunction function, CUdeviceptr in, CUdeviceptr out, Shape shape, CUstream stream = nullptr) {
    void *parameters[] = {&in, &out};
    return api().cuLaunchKernel(function, shape.blocks, 1, 1, shape.threads, 1, 1, shape.shared, stream, parameters,
                                nullptr);
  }
  /// Runs a body over `in` and returns `count` values.
  template <class T, class In = uint32_t>
  std::vector<T> run(const std::string &body, size_t count, const std::vector<In> &in = {}, Shape shape = {},
                     const std::string &declarations = "") {
    const CUfunction k = function(kernel(body, declarations));
    const CUdeviceptr from = upload(in), to = upload(std::vector<T>(count));
    if (!k)
      return std::vector<T>(count);
    EXPECT_EQ(launch(k, from, to, shape), CUDA_SUCCESS);
    return download<T>(to, count);
  }
  /// Runs a body that is to fail: the error, and what stderr said of it.
  std::pair<CUresult, std::string> fail(const std::string &body, Shape shape = {},
                                        const std::string &declarations = "") {
    const CUfunction k = function(kernel(body, declarations));
    const CUdeviceptr from = upload(std::vector<uint32_t>(64)), to = upload(std::vector<uint32_t>(64));
    testing::internal::CaptureStderr();
    EXPECT_EQ(launch(k, from, to, shape), CUDA_SUCCESS);
    const CUresult result = api().cuCtxSynchronize();
    return {result, testing::internal::GetCapturedStderr()};
  }
  /// Loads a module that is to be refused.
  std::pair<CUresult, std::string> refuse(const std::string &text) {
    CUmodule module = nullptr;
    testing::internal::CaptureStderr();
    const CUresult result = api().cuModuleLoadData(&module, text.c_str());
    return {result, testing::internal::GetCapturedStderr()};
  }

  CUcontext context = nullptr;
};

} // namespace lathe::ptx

#endif // LATHE_TEST_CUDA_SIM_H
