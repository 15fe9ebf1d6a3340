//===- Limits.h - what a GPU can do at most -------------------------------------------------------------*- C++ -*-===//
//
// All of a card's multiprocessors together read its memory and its L2, and make multiply-adds of f32 and, on tensor cores,
// of bf16 and of bytes. runtime/device/Limits.h says what limits are; LimitForms.h, what is run.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_LIMITS_H
#define LATHE_RUNTIME_DEVICE_CUDA_LIMITS_H

#include "runtime/device/Limits.h"
#include <memory>
#include <string_view>

namespace lathe::cuda {

/// Of the card "cuda:0". `footprints`: bytes that steps read, whose rates are wanted too. Each measure() takes half a second
/// and 2 GiB of the card, or half of what is free. Fails where there is no such card.
Result<std::unique_ptr<Meter>> cardMeter(std::string_view name, std::vector<uint64_t> footprints = {});

} // namespace lathe::cuda

#endif
