//===- Driver.cpp - state, errors and the device ------------------------------------------------------------------===//
#include "test/cuda/Driver.h"
#include "test/cuda/Decoder.h"
#include <cstdio>
#include <cstdlib>

namespace lathe::ptx {

static thread_local CUcontext current = nullptr;

Driver &driver() {
  static Driver state;
  return state;
}

CUresult report(CUresult error, const std::string &what) {
  std::fprintf(stderr, "cuda-sim: %s\n", what.c_str());
  return error;
}

Call::Call(Wants wants) : guard(driver().lock) {
  const Driver &state = driver();
  if (wants == Nothing)
    return;
  if (!state.initialized)
    error = CUDA_ERROR_NOT_INITIALIZED;
  else if (wants >= Context && (!current || !state.references))
    error = CUDA_ERROR_INVALID_CONTEXT;
  else if (wants >= Context && state.failed)
    error = state.failed;
  else if (wants == NoCapture && state.captures())
    error = report(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "this call is not permitted while a stream captures");
}

void Driver::readEnvironment() {
  limits = DeviceLimits();
  if (const char *text = std::getenv("LATHE_CUDA_SIM_SM"); text && *text)
    limits.sm = std::atoi(text);
  if (const char *text = std::getenv("LATHE_CUDA_SIM_MEMORY"); text && *text)
    limits.memory = std::strtoull(text, nullptr, 10);
  const bool small = limits.sm == 86 || limits.sm == 89 || limits.sm >= 120;
  if (limits.sm < 90 || small) {
    limits.sharedOptIn = (small ? 99 : 163) << 10;
    limits.sharedPerProcessor = (small ? 100 : 164) << 10;
  }
  if (small) {
    limits.threadsPerProcessor = 1536;
    limits.blocksPerProcessor = limits.sm == 86 ? 16 : 24;
  }
}

void Driver::create() {
  readEnvironment();
  memory = std::make_unique<Memory>(limits.memory);
  failed = CUDA_SUCCESS;
}

void Driver::destroy() {
  modules.clear();
  functions.clear();
  streams.clear();
  graphs.clear();
  execs.clear();
  events.clear();
  memory.reset();
  for (void *each : hostMemory)
    std::free(each);
  hostMemory.clear();
  failed = CUDA_SUCCESS;
}

} // namespace lathe::ptx

using namespace lathe::ptx;

CUresult cuInit(unsigned flags) {
  LATHE_CALL(Nothing);
  if (flags)
    return CUDA_ERROR_INVALID_VALUE;
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return report(CUDA_ERROR_NO_DEVICE, "the interpreter is built for x86-64-v3, which this processor is not");
#endif
  driver.readEnvironment();
  driver.initialized = true;
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version) {
  const char *said = std::getenv("LATHE_CUDA_SIM_VERSION");
  *version = said ? std::atoi(said) : 13000;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
  LATHE_CALL(Initialized);
  *count = 1;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  LATHE_CALL(Initialized);
  if (ordinal != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  *device = 0;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  LATHE_CALL(Initialized);
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  std::snprintf(name, length, "PTX interpreter");
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  LATHE_CALL(Initialized);
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  *bytes = driver.limits.memory;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  LATHE_CALL(Initialized);
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  const DeviceLimits &limits = driver.limits;
  const std::map<int, int> values = {
      {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 0x7FFFFFFF},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, limits.sharedPerBlock},
      {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
      {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
      {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, int(simulatedProcessors)},
      {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000},
      {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 5120},
      {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 50 << 20},
      {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, limits.threadsPerProcessor},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, limits.sm / 10},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, limits.sm % 10},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, limits.sharedPerProcessor},
      {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
      {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, limits.sharedOptIn},
      {CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, 1024},
  };
  const auto found = values.find(attribute);
  if (found == values.end())
    return report(CUDA_ERROR_INVALID_VALUE, "the device attribute " + std::to_string(attribute) + " is not known");
  *value = found->second;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  LATHE_CALL(Initialized);
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  if (driver.references++ == 0)
    driver.create();
  *context = &driver.context;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  LATHE_CALL(Initialized);
  if (device != 0)
    return CUDA_ERROR_INVALID_DEVICE;
  if (!driver.references)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (--driver.references == 0)
    driver.destroy();
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context) {
  LATHE_CALL(Initialized);
  if (context && (context != &driver.context || !driver.references))
    return CUDA_ERROR_INVALID_CONTEXT;
  current = context;
  return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize() {
  LATHE_CALL(NoCapture);
  return CUDA_SUCCESS;
}

#define LATHE_ERRORS(X)                                                                                                \
  X(CUDA_SUCCESS, "no error")                                                                                          \
  X(CUDA_ERROR_INVALID_VALUE, "invalid argument")                                                                      \
  X(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")                                                                         \
  X(CUDA_ERROR_NOT_INITIALIZED, "initialization error")                                                                \
  X(CUDA_ERROR_DEINITIALIZED, "driver shutting down")                                                                  \
  X(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected")                                                        \
  X(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal")                                                               \
  X(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid")                                                        \
  X(CUDA_ERROR_INVALID_CONTEXT, "invalid device context")                                                              \
  X(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device")                          \
  X(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed")                                                            \
  X(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain.")                \
  X(CUDA_ERROR_INVALID_SOURCE, "device kernel image is invalid")                                                       \
  X(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle")                                                              \
  X(CUDA_ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state")                                \
  X(CUDA_ERROR_NOT_FOUND, "named symbol not found")                                                                    \
  X(CUDA_ERROR_NOT_READY, "device not ready")                                                                          \
  X(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered")                                            \
  X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch")                                     \
  X(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated")                                              \
  X(CUDA_ERROR_ASSERT, "device-side assert triggered")                                                                 \
  X(CUDA_ERROR_ILLEGAL_INSTRUCTION, "an illegal instruction was encountered")                                          \
  X(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address")                                                               \
  X(CUDA_ERROR_INVALID_ADDRESS_SPACE, "operation not supported on global/shared address space")                        \
  X(CUDA_ERROR_INVALID_PC, "invalid program counter")                                                                  \
  X(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure")                                                            \
  X(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "too many blocks in cooperative launch")                                  \
  X(CUDA_ERROR_NOT_PERMITTED, "operation not permitted")                                                               \
  X(CUDA_ERROR_NOT_SUPPORTED, "operation not supported")                                                               \
  X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing")                         \
  X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture")                  \
  X(CUDA_ERROR_UNKNOWN, "unknown error")

CUresult cuGetErrorName(CUresult error, const char **name) {
  *name = nullptr;
#define LATHE_NAME(value, text)                                                                                        \
  if (error == value)                                                                                                  \
    *name = #value;
  LATHE_ERRORS(LATHE_NAME)
  return *name ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  *text = nullptr;
#define LATHE_TEXT(value, words)                                                                                       \
  if (error == value)                                                                                                  \
    *text = words;
  LATHE_ERRORS(LATHE_TEXT)
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
