//===- PageCheck.h - numbers of the KV cache that are not finite ----------------------------------------*- C++ -*-===//
#ifndef LATHE_RUNTIME_DEVICE_PAGECHECK_H
#define LATHE_RUNTIME_DEVICE_PAGECHECK_H

#include "runtime/abi/model_abi.h"
#include "runtime/device/Device.h"
#include <optional>

namespace lathe {

/// The first number that is not finite among those of positions begin .. end - 1 of one layer's page of `cache`, in the
/// host's memory. The fault's layer is 0: which one it was, the caller knows.
std::optional<CacheFault> findNonFinite(const lathe_cache &cache, const uint8_t *page, uint32_t begin, uint32_t end);

} // namespace lathe

#endif
