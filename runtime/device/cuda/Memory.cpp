#include "runtime/device/cuda/Memory.h"
#include <algorithm>
#include <cstdio>
#include <cstring>

namespace lathe::cuda {

/// "12.3 GB", and small sizes in bytes.
static std::string sizeText(uint64_t bytes) {
  if (bytes < 1000000)
    return std::to_string(bytes) + " bytes";
  char text[32];
  std::snprintf(text, sizeof text, bytes < 1000000000 ? "%.1f MB" : "%.2f GB",
                double(bytes) / (bytes < 1000000000 ? 1e6 : 1e9));
  return text;
}

Result<DeviceMemory> DeviceMemory::create(const Card &card, uint64_t bytes, const char *what) {
  bytes = std::max<uint64_t>(bytes, 1); // an address of its own all the same
  CUdeviceptr address = 0;
  const CUresult code = card.driver.cuMemAlloc_v2(&address, bytes);
  if (code == CUDA_ERROR_OUT_OF_MEMORY) {
    size_t free = 0, total = 0;
    if (CUresult unknown = card.driver.cuMemGetInfo_v2(&free, &total))
      return card.failure(unknown, "asking for its free memory");
    return error(what, ": needs ", sizeText(bytes), " on ", card.name, ", where ", sizeText(free), " of ",
                 sizeText(total), " are free");
  }
  if (code)
    return card.failure(code, std::string(what) + ": making memory of " + sizeText(bytes));
  DeviceMemory result;
  result.memory = {card, address};
  result.length = bytes;
  return result;
}

Result<DeviceMemory> DeviceMemory::createZero(const Card &card, uint64_t bytes, const char *what) {
  Result<DeviceMemory> result = create(card, bytes, what);
  if (!result)
    return result;
  // It may still run when this returns; what follows is on other streams.
  if (CUresult code = card.driver.cuMemsetD8_v2(result->address(), 0, result->size()))
    return card.failure(code, std::string(what) + ": zeroing");
  if (CUresult code = card.driver.cuCtxSynchronize())
    return card.failure(code, std::string(what) + ": zeroing");
  return result;
}

Result<PinnedMemory> PinnedMemory::create(const Card &card, uint64_t bytes, const char *what) {
  bytes = std::max<uint64_t>(bytes, 1);
  void *address = nullptr;
  if (CUresult code = card.driver.cuMemHostAlloc(&address, bytes, CU_MEMHOSTALLOC_PORTABLE))
    return card.failure(code, std::string(what) + ": making " + sizeText(bytes) + " of pinned memory of the host");
  std::memset(address, 0, bytes);
  PinnedMemory result;
  result.memory = {card, address};
  result.length = bytes;
  return result;
}

} // namespace lathe::cuda
