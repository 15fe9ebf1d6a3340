#include "runtime/device/cuda/Largest.h"
#include "runtime/abi/model_abi.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

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

/// Makes `memory` at least so large. `moved` becomes true where it is another then.
template <typename Memory, typename Create>
static Result<void> grow(Memory &memory, uint64_t bytes, bool &moved, Create create) {
  if (memory.size() >= bytes)
    return {};
  moved = true;
  memory = Memory(); // first, so that both need not be there
  Result<Memory> made = create(bytes);
  if (!made)
    return made.takeError();
  memory = made.take();
  return {};
}

Result<void> Largest::makeRoom(size_t rows, uint32_t kept, bool &moved) {
  const char *what = "the largest logits";
  const auto device = [&](uint64_t bytes) { return DeviceMemory::create(*card, bytes, what); };
  const auto pinned = [&](uint64_t bytes) { return PinnedMemory::create(*card, bytes, what); };
  const uint64_t blocks = blocksOf(source.count), second = blocksOf(blocks * kept), number = sizeof(int64_t);
  Result<void> grown = grow(keys[0], rows * blocks * kept * number, moved, device);
  if (grown)
    grown = grow(keys[1], rows * second * kept * number, moved, device);
  if (grown)
    grown = grow(results, rows * (kept + 2 * blocks) * number, moved, device);
  if (grown)
    grown = grow(host, rows * (kept + 2 * blocks) * number, moved, pinned);
  return grown;
}

CUresult Largest::enqueue(size_t rows, uint32_t kept, bool sums, CUstream stream) {
  uint64_t log = uint64_t(std::countr_zero(kept)), stride = source.stride, count = source.count;
  const uint64_t keyBytes = rows * kept * sizeof(int64_t), sumBytes = rows * blocksOf(count) * 2 * sizeof(double);
  CUdeviceptr from = source.logits, scales = sums ? source.scales : 0, parts = results.address() + keyBytes;
  for (size_t round = 0;; ++round) {
    const uint64_t blocks = blocksOf(count);
    uint64_t each = blocks * kept;
    CUdeviceptr into = blocks == 1 ? results.address() : keys[round % 2].address();
    void *parameters[] = {&from, &stride, &count, &log, &into, &each, &scales, &parts};
    if (CUresult code = card->driver.cuLaunchKernel(round ? functions.ofKeys : functions.ofLogits, unsigned(blocks),
                                                    unsigned(rows), 1, LATHE_LARGEST_THREADS, 1, 1,
                                                    LATHE_LARGEST_SHARED, stream, parameters, nullptr))
      return code;
    if (blocks == 1)
      break;
    from = into;
    stride = count = each;
  }
  return card->driver.cuMemcpyDtoHAsync_v2(host.data(), results.address(), keyBytes + (sums ? sumBytes : 0), stream);
}

void Largest::take(size_t rows, uint32_t kept, std::span<const float> temperatures) {
  const auto at = [&](size_t index, auto number) {
    std::memcpy(&number, host.data() + index * sizeof number, sizeof number);
    return number;
  };
  perRow = size_t(std::min<uint64_t>(kept, source.count)); // behind them is what is no token
  found.clear();
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < perRow; ++i)
      found.push_back(decode(at(row * kept + i, int64_t())));
  partSums.clear();
  const size_t blocks = blocksOf(source.count);
  for (size_t row = 0; row < temperatures.size(); ++row)
    for (size_t block = 0; block < blocks; ++block) {
      const size_t part = rows * kept + (row * blocks + block) * 2;
      const double largest = at(part, double()), sum = at(part + 1, double());
      const double less = (largest - double(found[row * perRow].logit)) / double(temperatures[row]);
      partSums.push_back(largest > -std::numeric_limits<double>::infinity() ? sum * std::exp(less) : 0);
    }
}

LargestLogits Largest::of(size_t row) const {
  LargestLogits largest{.tokens = std::span(found).subspan(row * perRow, perRow)};
  if (partSums.empty())
    return largest;
  const size_t blocks = blocksOf(source.count);
  largest.partSums = std::span(partSums).subspan(row * blocks, blocks);
  largest.partLogits = LATHE_LARGEST_NUMBERS;
  for (double sum : largest.partSums)
    largest.weightSum += sum;
  return largest;
}

} // namespace lathe::cuda
