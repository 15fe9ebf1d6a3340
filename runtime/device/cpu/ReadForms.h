//===- ReadForms.h - ways to read memory as fast as it goes ---------------------------------------------*- C++ -*-===//
//
// A piece of memory is read in some streams side by side, as the kernels read panels, in the widest vectors of this
// processor; with or without asking for lines ahead of their use.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CPU_READFORMS_H
#define LATHE_RUNTIME_DEVICE_CPU_READFORMS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lathe {

struct ReadForm {
  const char *name; ///< "8 streams, prefetch"
  /// The sum of the words of a 64-aligned piece, so that nothing can be left out; `bytes` is a multiple of 16 * 512,
  /// for the streams share it in blocks.
  uint64_t (*read)(const uint8_t *piece, size_t bytes);
};

const std::vector<ReadForm> &readForms();

} // namespace lathe

#endif
