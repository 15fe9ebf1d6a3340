//===- CacheCheck.h - numbers that a KV cache cannot hold -----------------------------------------------*- C++ -*-===//
//
// A key beyond f16 is an infinity in a cache of f16, and not every infinity shows in the logits: one of a score's two
// signs only takes the position out of the softmax. So what steps append is looked at.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_STATE_CACHECHECK_H
#define LATHE_RUNTIME_STATE_CACHECHECK_H

#include "runtime/abi/model_abi.h"
#include "runtime/state/Sequence.h"
#include <optional>

namespace lathe {

/// Looks at positions first .. first + count - 1 of `sequence`, whose pages are in `pool`. The fault's position is one of
/// the sequence. Nothing: all are finite.
std::optional<CacheFault> findNonFinite(const lathe_cache &cache, const PagePool &pool, const Sequence &sequence,
                                        uint32_t first, uint32_t count);

} // namespace lathe

#endif
