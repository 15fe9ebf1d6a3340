//===- DriverMemory.cpp - allocations and copies ------------------------------------------------------------------===//
#include "test/cuda/Driver.h"
#include <cstdlib>
#include <cstring>

using namespace lathe::ptx;

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  LATHE_CALL(Context);
  *free = driver.memory->bytesFree();
  *total = driver.memory->bytesTotal();
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *pointer, size_t bytes) {
  LATHE_CALL(NoCapture);
  if (!bytes)
    return report(CUDA_ERROR_INVALID_VALUE, "cuMemAlloc of 0 bytes");
  *pointer = driver.memory->allocate(bytes, true);
  return *pointer ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemFree_v2(CUdeviceptr pointer) {
  LATHE_CALL(NoCapture);
  if (pointer && !driver.memory->free(pointer))
    return report(CUDA_ERROR_INVALID_VALUE, "cuMemFree of what is no allocation");
  return CUDA_SUCCESS;
}

CUresult cuMemHostAlloc(void **pointer, size_t bytes, unsigned) {
  LATHE_CALL(Context);
  if (!bytes)
    return CUDA_ERROR_INVALID_VALUE;
  *pointer = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!*pointer)
    return CUDA_ERROR_OUT_OF_MEMORY;
  driver.hostMemory.insert(*pointer);
  return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void *pointer) {
  LATHE_CALL(Context);
  if (!driver.hostMemory.erase(pointer))
    return report(CUDA_ERROR_INVALID_VALUE, "cuMemFreeHost of what is no allocation");
  std::free(pointer);
  return CUDA_SUCCESS;
}

/// The host's address of device memory, or null with a word on stderr.
static uint8_t *deviceBytes(Driver &driver, CUdeviceptr address, size_t bytes, const char *what) {
  uint8_t *host = driver.memory->host(address, bytes);
  if (!host)
    report(CUDA_ERROR_INVALID_VALUE, std::string(what) + " of " + std::to_string(bytes) + " bytes at device address " +
                                         std::to_string(address) + ", " + driver.memory->describe(address));
  return host;
}

static Work toDevice(CUdeviceptr to, const void *from, size_t bytes) {
  return [=](Driver &driver) {
    uint8_t *target = bytes ? deviceBytes(driver, to, bytes, "a copy to the device") : nullptr;
    if (bytes && !target)
      return CUDA_ERROR_INVALID_VALUE;
    if (bytes)
      std::memcpy(target, from, bytes);
    return CUDA_SUCCESS;
  };
}

static Work toHost(void *to, CUdeviceptr from, size_t bytes) {
  return [=](Driver &driver) {
    const uint8_t *source = bytes ? deviceBytes(driver, from, bytes, "a copy from the device") : nullptr;
    if (bytes && !source)
      return CUDA_ERROR_INVALID_VALUE;
    if (bytes)
      std::memcpy(to, source, bytes);
    return CUDA_SUCCESS;
  };
}

static Work onDevice(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return [=](Driver &driver) {
    if (!bytes)
      return CUDA_SUCCESS;
    const uint8_t *source = deviceBytes(driver, from, bytes, "a copy on the device");
    uint8_t *target = deviceBytes(driver, to, bytes, "a copy on the device");
    if (!source || !target)
      return CUDA_ERROR_INVALID_VALUE;
    std::memmove(target, source, bytes);
    return CUDA_SUCCESS;
  };
}

static Work fill(CUdeviceptr to, unsigned char value, size_t bytes) {
  return [=](Driver &driver) {
    uint8_t *target = bytes ? deviceBytes(driver, to, bytes, "a memset") : nullptr;
    if (bytes && !target)
      return CUDA_ERROR_INVALID_VALUE;
    if (bytes)
      std::memset(target, value, bytes);
    return CUDA_SUCCESS;
  };
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
  LATHE_CALL(NoCapture);
  return toDevice(to, from, bytes)(driver);
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
  LATHE_CALL(NoCapture);
  return toHost(to, from, bytes)(driver);
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  LATHE_CALL(NoCapture);
  return onDevice(to, from, bytes)(driver);
}
CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t bytes) {
  LATHE_CALL(NoCapture);
  return fill(to, value, bytes)(driver);
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  LATHE_CALL(Context);
  return driver.submit(stream, toDevice(to, from, bytes));
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  LATHE_CALL(Context);
  return driver.submit(stream, toHost(to, from, bytes));
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  LATHE_CALL(Context);
  return driver.submit(stream, onDevice(to, from, bytes));
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
  LATHE_CALL(Context);
  return driver.submit(stream, fill(to, value, bytes));
}
