//===- Largest.h - the largest logits of a step's rows --------------------------------------------------*- C++ -*-===//
//
// The kernels that model_abi.h describes, started one after another until a row has one block: 128k logits take two of
// them where the largest is wanted, and three for the 64 largest. Eight bytes come back for each, and, where the sum of
// weights is wanted, sixteen for each 1024 of a row's logits, whose parts of the sum the host adds up.
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_DEVICE_CUDA_LARGEST_H
#define LATHE_RUNTIME_DEVICE_CUDA_LARGEST_H

#include "runtime/core/TokenLogit.h"
#include "runtime/device/cuda/Memory.h"
#include <span>
#include <vector>

namespace lathe::cuda {

class Largest {
public:
  struct Functions {
    CUfunction ofLogits = nullptr, ofKeys = nullptr; ///< null: the variant has none
  };
  /// Rows of `count` logits each, `stride` apart, the first at `logits`.
  struct Rows {
    CUdeviceptr logits = 0;
    uint64_t stride = 0, count = 0;
    CUdeviceptr scales = 0; ///< f64 [rows]: 1 / temperature
  };
  Largest(const Card &card, Functions functions, Rows rows) : card(&card), functions(functions), source(rows) {}

  /// What may be kept of a row at most; 0: nothing.
  uint32_t most() const;
  /// The power of two that keeps so many.
  static uint32_t keptFor(uint32_t wanted);

  /// Makes room for `rows` of `kept` each, a power of two. `moved` becomes true where that changes what enqueue() starts.
  Result<void> makeRoom(size_t rows, uint32_t kept, bool &moved);
  /// Starts to look for the largest `kept` of each of the first `rows`, and to bring them to the host, with what take()
  /// makes `sums` of. The room is made.
  CUresult enqueue(size_t rows, uint32_t kept, bool sums, CUstream stream);
  /// Takes what has come. `temperatures`: of the rows, or empty where no sums have.
  void take(size_t rows, uint32_t kept, std::span<const float> temperatures);
  LargestLogits of(size_t row) const;

private:
  uint64_t blocksOf(uint64_t numbers) const;

  const Card *card;
  Functions functions;
  Rows source;
  DeviceMemory keys[2]; ///< i64: results of the even rounds and of the odd ones
  DeviceMemory results; ///< of the last round i64 [rows][kept], then f64 [rows][blocks of a row][2]
  PinnedMemory host;    ///< the same
  std::vector<TokenLogit> found;
  std::vector<double> partSums; ///< [rows][blocks of a row], or none
  size_t perRow = 0;
};

} // namespace lathe::cuda

#endif
