#include "runtime/device/cuda/Largest.h"
#include "runtime/abi/model_abi.h"
#include <algorithm>
#include <bit>
#include <cstring>

namespace lathe::cuda {

namespace {

TokenLogit decode(int64_t key) {
  const auto ordered = int32_t(key >> 32);
  const uint32_t bits = uint32_t(ordered) ^ (ordered < 0 ? 0x7fffffffu : 0);
  return {std::bit_cast<float>(bits), int32_t(0x7fffffffu - uint32_t(key))};
}

} // namespace

uint32_t Largest::most() const { return functions.ofLogits && functions.ofKeys ? LATHE_LARGEST_MOST : 0; }

uint32_t Largest::keptFor(uint32_t wanted) { return std::bit_ceil(wanted); }

uint64_t Largest::blocksOf(uint64_t numbers) const {
  return (numbers + LATHE_LARGEST_NUMBERS - 1) / LATHE_LARGEST_NUMBERS;
}

Result<void> Largest::makeRoom(size_t rows, uint32_t kept, bool &moved) {
  const uint64_t hostBytes = rows * kept * sizeof(int64_t);
  const uint64_t ofRound[] = {blocksOf(source.count) * hostBytes,
                              blocksOf(blocksOf(source.count) * kept) * hostBytes};
  for (size_t round : {0, 1}) {
    if (keys[round].size() >= ofRound[round])
      continue;
    moved = true;
    keys[round] = DeviceMemory(); // first, so that both need not be there
    Result<DeviceMemory> made = DeviceMemory::create(*card, ofRound[round], "the largest logits");
    if (!made)
      return made.takeError();
    keys[round] = made.take();
  }
  if (host.size() >= hostBytes)
    return {};
  moved = true;
  Result<PinnedMemory> made = PinnedMemory::create(*card, hostBytes, "the largest logits");
  if (!made)
    return made.takeError();
  host = made.take();
  return {};
}

CUresult Largest::enqueue(size_t rows, uint32_t kept, CUstream stream) {
  uint64_t log = uint64_t(std::countr_zero(kept)), stride = source.stride, count = source.count;
  CUdeviceptr from = source.logits;
  for (size_t round = 0;; ++round) {
    const uint64_t blocks = blocksOf(count);
    uint64_t results = blocks * kept;
    CUdeviceptr into = keys[round % 2].address();
    void *parameters[] = {&from, &stride, &count, &log, &into, &results};
    if (CUresult code = card->driver.cuLaunchKernel(round ? functions.ofKeys : functions.ofLogits, unsigned(blocks),
                                                    unsigned(rows), 1, LATHE_LARGEST_THREADS, 1, 1,
                                                    LATHE_LARGEST_NUMBERS * sizeof(int64_t), stream, parameters, nullptr))
      return code;
    from = into;
    stride = count = results;
    if (blocks == 1)
      break;
  }
  return card->driver.cuMemcpyDtoHAsync_v2(host.data(), from, rows * kept * sizeof(int64_t), stream);
}

void Largest::take(size_t rows, uint32_t kept) {
  perRow = size_t(std::min<uint64_t>(kept, source.count)); // behind them is what is no token
  found.clear();
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < perRow; ++i) {
      int64_t key;
      std::memcpy(&key, host.data() + (row * kept + i) * sizeof key, sizeof key);
      found.push_back(decode(key));
    }
}

} // namespace lathe::cuda
