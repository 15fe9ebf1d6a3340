//===- Rotate.h - rotary embedding of a row's heads -----------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_KERNELS_GPU_ROTATE_H
#define LATHE_COMPILER_KERNELS_GPU_ROTATE_H

#include "compiler/kernels/gpu/Kernel.h"

namespace lathe::gpu {

/// The rotation by the row's position. All threads make it together; its angles are in shared memory then.
class Turn {
public:
  /// Reads the tables that the call has for `rotation`.
  Turn(TileCall &call, const Rotation &rotation, int64_t headSize);

  /// Component c of a rotated head whose components are x(c).
  V at(V c, const std::function<V(V)> &x) const;

private:
  V turned(V c, const std::function<V(V)> &x) const;

  Code &code;
  const Rotation &rotation;
  const int64_t headSize;
  Array angles; ///< [t, i]: {cos, sin} of pair i
};

/// One number of a head for each component that a thread has, of which `size` are the block's: thread, thread +
/// kThreads, …, those beyond the size too, whose numbers have no meaning. They become Hadamard's matrix of each run of
/// spreadOf(size) components times them, in levels of sums and differences (layout/Rows.h).
void spread(Code &code, int64_t size, std::vector<V> &held);

} // namespace lathe::gpu

#endif
