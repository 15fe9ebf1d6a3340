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
  return pages;
}

template <typename Operation> bool CudaPages::forLayers(const char *doing, Operation operation) const {
  Result<void> entered = card.enter();
  CUresult code = CUDA_SUCCESS;
  for (uint32_t layer = 0; entered && !code && layer < shape.layers; ++layer)
    code = operation(layer);
  if (entered && !code)
    code = card.driver.cuStreamSynchronize(stream.get());
  if (entered && !code)
    return true;
  if (!failed)
    failed = entered ? card.failure(code, std::string(shape.what) + ": " + doing) : entered.takeError();
  return false;
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

std::optional<CacheFault> CudaPages::findNonFinite(const lathe_cache &cache, int32_t page, uint32_t begin,
                                                   uint32_t end) const {
  if (!copied.size()) {
    if (Result<void> entered = card.enter(); !entered) {
      failed = failed ? failed : entered.takeError();
      return std::nullopt;
    }
    Result<PinnedMemory> made = PinnedMemory::create(card, shape.layers * shape.pageBytes, shape.what);
    if (!made) {
      failed = failed ? failed : made.takeError();
      return std::nullopt;
    }
    copied = made.take();
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

Result<void> CudaPages::takeFailure() {
  if (!failed)
    return {};
  Result<void> result = std::move(*failed);
  failed.reset();
  return result;
}

} // namespace lathe::cuda
