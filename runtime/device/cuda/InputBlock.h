//===- InputBlock.h - what a step gets, on its way to the card ------------------------------------------*- C++ -*-===//
//
// The header and the arrays of a step's rows, in pinned memory and on the card alike, so that one copy brings a step:
//
//     | header: i32 [8] | ids | positions | slots | logit rows | lengths | blocks | scales |        each part 256-aligned
//
// The page table is large and changes little: the host has a copy of the one on the card, and lines that differ go over.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_INPUTBLOCK_H
#define LATHE_RUNTIME_DEVICE_CUDA_INPUTBLOCK_H

#include "runtime/device/StepInputs.h"
#include "runtime/device/cuda/Memory.h"
#include <array>

namespace lathe::cuda {

class InputBlock {
public:
  static Result<InputBlock> create(const Card &card, const lathe_variant &variant, StepInputs &inputs);

  /// Where the header is on the card, and the array of a base: IDS, POSITIONS, SLOTS, LOGIT_ROWS, LENGTHS, BLOCKS, PAGES.
  CUdeviceptr header() const { return device.address(); }
  CUdeviceptr address(uint32_t base) const {
    return base == LATHE_BASE_PAGES ? devicePages.address() : device.address() + offsets[base];
  }

  /// Where f64 of each logit row is, which take() gets.
  CUdeviceptr scales() const { return device.address() + scalesOffset; }

  /// Takes the step that `inputs` has loaded, with so many splits, and 1 / temperature of its logit rows; starts the copy
  /// of lines of the page table that have changed. The copies of the step before must have ended.
  CUresult take(StepInputs &inputs, uint32_t splits, std::span<const float> temperatures, CUstream stream);
  /// Starts the copy of the step.
  CUresult copy(CUstream stream) const;

private:
  explicit InputBlock(const Card &card) : card(&card) {}

  const Card *card;
  size_t lineEntries = 0;
  std::array<uint64_t, LATHE_BASE_COUNT> offsets{};
  uint64_t scalesOffset = 0;
  PinnedMemory pinned, pinnedPages;
  DeviceMemory device, devicePages;
};

} // namespace lathe::cuda

#endif
