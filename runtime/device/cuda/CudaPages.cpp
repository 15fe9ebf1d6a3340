#include "runtime/device/cuda/CudaPages.h"
#include "runtime/device/PageCheck.h"

namespace lathe::cuda {

Result<std::unique_ptr<CudaPages>> CudaPages::create(const Card &card, const PageShape &shape) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(uint64_t(shape.pages), shape.pageBytes, &bytes) ||
      __builtin_mul_overflow(bytes, shape.layers, &bytes))
    return error(shape.what, ": ", shape.pages, " pages of ", shape.layers, " x ", shape.pageBytes,
                 " bytes are more than an address space");
  if (Result<void> entered = card.enter(); !entered)
    return entered.takeError();
  std::unique_ptr<CudaPages> pages(new CudaPages(card, shape));
  Result<DeviceMemory> memory = DeviceMemory::createZero(card, bytes, shape.what);
  if (!memory)
    return memory.takeError();
  pages->memory = memory.take();
  Result<Stream> stream = createStream(card);
  if (!stream)
    return stream.takeError();
  pages->stream = stream.take();
  Result<DeviceMemory> flag = DeviceMemory::createZero(card, sizeof(int32_t), shape.what);
  if (!flag)
    return flag.takeError();
  pages->flag = flag.take();
  Result<PinnedMemory> hostFlag = PinnedMemory::create(card, sizeof(int32_t), shape.what);
  if (!hostFlag)
    return hostFlag.takeError();
  pages->hostFlag = hostFlag.take();
  return pages;
}

template <typename Operation> bool CudaPages::run(const char *doing, Operation operation) const {
  Result<void> entered = card.enter();
  CUresult code = CUDA_SUCCESS;
  if (entered)
    code = operation();
  if (entered && !code)
    code = card.driver.cuStreamSynchronize(stream.get());
  if (entered && !code)
    return true;
  if (!failed)
    failed = entered ? card.failure(code, std::string(shape.what) + ": " + doing) : entered.takeError();
  return false;
}

template <typename Operation> bool CudaPages::forLayers(const char *doing, Operation operation) const {
  return run(doing, [&] {
    CUresult code = CUDA_SUCCESS;
    for (uint32_t layer = 0; !code && layer < shape.layers; ++layer)
      code = operation(layer);
    return code;
  });
}

void CudaPages::zero(int32_t page) {
  forLayers("zeroing a page", [&](uint32_t layer) {
    return card.driver.cuMemsetD8Async(place(layer, page), 0, shape.pageBytes, stream.get());
  });
}

void CudaPages::copy(int32_t from, int32_t to) {
  forLayers("copying a page", [&](uint32_t layer) {
    return card.driver.cuMemcpyDtoDAsync_v2(place(layer, to), place(layer, from), shape.pageBytes, stream.get());
  });
}

bool CudaPages::maybeNonFinite(const lathe_cache &cache, int32_t page) const {
  if (!check)
    return true;
  // All keys and values of a layer, or the scales of each head's.
  constexpr uint64_t kPositions = LATHE_PAGE_POSITIONS;
  const uint64_t numbers = kPositions * (uint64_t(cache.head_size) + cache.value_size); // of a head
  const bool bytes = cache.type.code == LATHE_INT;
  const uint64_t scales = 2 * kPositions;
  uint64_t layer = layerBytes(), region = bytes ? numbers + scales * sizeof(float) : 0;
  uint64_t words = bytes ? scales : cache.kv_heads * numbers * cache.type.bits / 32;
  if (!shape.layers || !words) // no layer has attention
    return false;
  uint64_t low = cache.type.bits == 16 ? 0x7c00 : 0x7f800000, high = cache.type.bits == 16 ? 0x7c000000 : 0x7f800000;
  CUdeviceptr start = place(0, page) + (bytes ? numbers : 0), found = flag.address();
  void *parameters[] = {&start, &layer, &region, &words, &low, &high, &found};
  const unsigned parts = unsigned((words + LATHE_PAGE_CHECK_WORDS - 1) / LATHE_PAGE_CHECK_WORDS);
  const bool looked = run("looking through a page", [&] {
    CUresult code = card.driver.cuMemsetD8Async(flag.address(), 0, flag.size(), stream.get());
    if (!code)
      code = card.driver.cuLaunchKernel(check, shape.layers, bytes ? cache.kv_heads : 1, parts,
                                        LATHE_PAGE_CHECK_THREADS, 1, 1, 0, stream.get(), parameters, nullptr);
    if (!code)
      code = card.driver.cuMemcpyDtoHAsync_v2(hostFlag.data(), flag.address(), flag.size(), stream.get());
    return code;
  });
  return !looked || *hostFlag.data() != 0;
}

std::optional<CacheFault> CudaPages::findNonFinite(const lathe_cache &cache, int32_t page, uint32_t begin,
                                                   uint32_t end) const {
  if (!maybeNonFinite(cache, page))
    return std::nullopt;
  if (Result<void> made = makeCopied(); !made) {
    failed = failed ? failed : made.takeError();
    return std::nullopt;
  }
  const bool here = forLayers("reading a page", [&](uint32_t layer) {
    return card.driver.cuMemcpyDtoHAsync_v2(copied.data() + layer * shape.pageBytes, place(layer, page),
                                            shape.pageBytes, stream.get());
  });
  for (uint32_t layer = 0; here && layer < shape.layers; ++layer)
    if (auto fault = lathe::findNonFinite(cache, copied.data() + layer * shape.pageBytes, begin, end)) {
      fault->layer = layer;
      return fault;
    }
  return std::nullopt;
}

Result<void> CudaPages::makeCopied() const {
  if (copied.size())
    return {};
  if (Result<void> entered = card.enter(); !entered)
    return entered;
  Result<PinnedMemory> made = PinnedMemory::create(card, shape.layers * shape.pageBytes, shape.what);
  if (!made)
    return made.takeError();
  copied = made.take();
  return {};
}

Result<void> CudaPages::takeFailure() {
  if (!failed)
    return {};
  Result<void> result = std::move(*failed);
  failed.reset();
  return result;
}

} // namespace lathe::cuda
