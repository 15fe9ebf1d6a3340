#include "runtime/device/cuda/InputBlock.h"
#include <algorithm>
#include <cstring>

namespace lathe::cuda {

namespace {
constexpr uint32_t kArrays[] = {LATHE_BASE_IDS,        LATHE_BASE_POSITIONS, LATHE_BASE_SLOTS,
                                LATHE_BASE_LOGIT_ROWS, LATHE_BASE_LENGTHS,   LATHE_BASE_BLOCKS};
constexpr uint64_t kAlignment = 256, kHeaderNumbers = 8;
uint64_t roundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }
} // namespace

Result<InputBlock> InputBlock::create(const Card &card, const lathe_variant &variant, StepInputs &inputs) {
  InputBlock block(card);
  block.lineEntries = variant.cache.max_pages;
  uint64_t bytes = roundUp(kHeaderNumbers * sizeof(int32_t), kAlignment);
  for (uint32_t base : kArrays) {
    block.offsets[base] = bytes;
    bytes = roundUp(bytes + inputs.array(base).size_bytes(), kAlignment);
  }
  block.scalesOffset = bytes;
  bytes = roundUp(bytes + inputs.array(LATHE_BASE_LOGIT_ROWS).size() * sizeof(double), kAlignment);
  const uint64_t pageBytes = inputs.array(LATHE_BASE_PAGES).size_bytes();
  for (const auto &[host, device, size, what] :
       {std::tuple(&block.pinned, &block.device, bytes, "rows of a step"),
        std::tuple(&block.pinnedPages, &block.devicePages, pageBytes, "page table")}) {
    Result<PinnedMemory> hosts = PinnedMemory::create(card, size, what);
    if (!hosts)
      return hosts.takeError();
    Result<DeviceMemory> devices = DeviceMemory::createZero(card, size, what);
    if (!devices)
      return devices.takeError();
    *host = hosts.take();
    *device = devices.take();
  }
  return block;
}

CUresult InputBlock::take(StepInputs &inputs, uint32_t splits, std::span<const float> temperatures, CUstream stream) {
  const int32_t header[kHeaderNumbers] = {int32_t(inputs.rows()), int32_t(inputs.logitRows()), int32_t(splits)};
  std::memcpy(pinned.data(), header, sizeof header);
  for (uint32_t base : kArrays) {
    const std::span<const int32_t> array = inputs.array(base);
    std::memcpy(pinned.data() + offsets[base], array.data(), array.size_bytes());
  }
  for (size_t row = 0; row < temperatures.size(); ++row) {
    const double scale = 1 / double(temperatures[row]);
    std::memcpy(pinned.data() + scalesOffset + row * sizeof scale, &scale, sizeof scale);
  }
  // Lines up to the one that padding rows have: those behind are of slots that the step does not name.
  const std::span<const int32_t> slots = inputs.array(LATHE_BASE_SLOTS).first(inputs.rows());
  const size_t lines = size_t(std::ranges::max(slots)) + 2, bytes = lineEntries * sizeof(int32_t);
  const auto *table = reinterpret_cast<const uint8_t *>(inputs.array(LATHE_BASE_PAGES).data());
  const auto differs = [&](size_t line) {
    return std::memcmp(table + line * bytes, pinnedPages.data() + line * bytes, bytes) != 0;
  };
  for (size_t line = 0; line < lines; ++line) {
    if (!differs(line))
      continue;
    const size_t first = line;
    while (line < lines && differs(line))
      ++line;
    std::memcpy(pinnedPages.data() + first * bytes, table + first * bytes, (line - first) * bytes);
    if (CUresult code = card->driver.cuMemcpyHtoDAsync_v2(devicePages.address() + first * bytes,
                                                          pinnedPages.data() + first * bytes, (line - first) * bytes,
                                                          stream))
      return code;
  }
  return CUDA_SUCCESS;
}

CUresult InputBlock::copy(CUstream stream) const {
  return card->driver.cuMemcpyHtoDAsync_v2(device.address(), pinned.data(), pinned.size(), stream);
}

} // namespace lathe::cuda
